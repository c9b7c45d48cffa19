/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dirty.h: pages written through foreign mappings, for Xen's log of dirty pages.
 *
 * Xen sees what a guest writes and what is copied into grants, but not what is
 * written through a foreign mapping (XEN_DMOP_modified_memory). */
#pragma once
#include "memory/address.h"

struct dirty;

/* One thread's list. Returns 0 or -errno. */
int dirty_open(uint32_t domid, struct dirty **dirty);
void dirty_close(struct dirty *dirty);

/* Notes a write. */
void dirty_add(struct dirty *dirty, uint64_t address, size_t length);

/* Reports what was noted, by one call. */
void dirty_report(struct dirty *dirty);
