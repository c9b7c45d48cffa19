/* SPDX-License-Identifier: GPL-2.0-or-later */
/* foreign.h: guest memory by guest-physical addresses.
 *
 * Copies go through windows that stay mapped. When the guest gives pages back
 * Xen says so (IOREQ_TYPE_INVALIDATE), and no lookup uses a window from before. */
#pragma once
#include "memory/address.h"

struct foreign;

/* One thread's windows. Returns 0 or -errno. */
int foreign_open(uint32_t domid, struct foreign **foreign);
void foreign_close(struct foreign *foreign);

/* Copies one piece now. Pages that are not there fail it with -EFAULT. */
int foreign_copy(struct foreign *foreign, uint64_t address, void *local, size_t length,
		 bool to_guest);

/* Maps exactly these pages, outside the windows; a hole fails it. */
int foreign_map(struct foreign *foreign, uint64_t address, unsigned pages, bool writable,
		void **base);
void foreign_unmap(struct foreign *foreign, void *base, unsigned pages);

/* From any thread: windows mapped until now are not used again. */
void foreign_invalidate(struct foreign *foreign);

/* On the owner's thread: unmaps windows of before the last invalidation, which
 * would hold on to pages that the guest has given back. */
void foreign_trim(struct foreign *foreign);
