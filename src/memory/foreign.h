/* SPDX-License-Identifier: GPL-2.0-or-later */
/* foreign.h: guest memory by guest-physical addresses.
 *
 * Copies go through windows that stay mapped. When the guest gives pages back
 * Xen says so (IOREQ_TYPE_INVALIDATE), and no lookup uses a window from before. */
#pragma once
#include "memory/address.h"

struct foreign;
struct window;

struct foreign_options {
	uint32_t window_bytes; /* of one window: a power of two, see the limits */
	bool report_writes;    /* to Xen, for its log of dirty pages; x86 only */
};

#define FOREIGN_WINDOW_MIN (64U << 10)
#define FOREIGN_WINDOW_MAX (16U << 20)

/* One thread's windows. Returns 0 or -errno. */
int foreign_open(uint32_t domid, const struct foreign_options *options, struct foreign **foreign);
void foreign_close(struct foreign *foreign);

/* Copies now. If it fails *@err is set: to -EFAULT where pages are not there. */
void foreign_copy(struct foreign *foreign, uint64_t address, void *local, size_t length,
		  bool to_guest, int *err);

/* Lends guest memory from @address on, as it lies in its window, until
 * foreign_return(): *@length is cut to what is there. An invalidation does not
 * take it away. 0, or -errno where there is a hole. */
int foreign_lend(struct foreign *foreign, uint64_t address, size_t *length, void **at,
		 struct window **window);

/* @wrote: how many bytes from @at on were written. */
void foreign_return(struct foreign *foreign, struct window *window, const void *at, size_t wrote);

/* These bytes were written through foreign_map(). */
void foreign_wrote(struct foreign *foreign, uint64_t address, size_t length);

/* Tells Xen what was written since the last time, with report_writes. */
void foreign_report(struct foreign *foreign);

/* Maps exactly these pages, outside the windows; a hole fails it. */
int foreign_map(struct foreign *foreign, uint64_t address, unsigned pages, bool writable,
		void **base);
void foreign_unmap(struct foreign *foreign, void *base, unsigned pages);

/* From any thread: windows mapped until now are not used again. */
void foreign_invalidate(struct foreign *foreign);

/* On the owner's thread: unmaps windows of before the last invalidation, which
 * would hold on to pages that the guest has given back. What is lent goes when
 * it comes back. */
void foreign_trim(struct foreign *foreign);

/* Windows and rings that were mapped until now. */
uint64_t foreign_maps(const struct foreign *foreign);

/* Windows that are lent. */
unsigned foreign_lent(const struct foreign *foreign);
