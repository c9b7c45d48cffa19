/* SPDX-License-Identifier: GPL-2.0-or-later */
/* grants.h: guest memory by grant references; the only user of libxengnttab.
 *
 * Grants are pages of 4 KiB. The n pages of one buffer have n consecutive
 * references (Linux's gnttab_alloc_grant_reference_seq()). */
#pragma once
#include "memory/address.h"

struct grants;

/* One thread's gntdev handle. Returns 0 or -errno. */
int grants_open(uint32_t domid, struct grants **grants);
void grants_close(struct grants *grants);

/* True if [@address, @address + @length) can be an address made of grants:
 * bits 44..62 clear, and the last reference still a 32-bit number. */
bool grants_valid(uint64_t address, size_t length);

/* Copies by batches: grants_copy() may put a piece off, grants_flush() does
 * all that was put off. Results are in the pieces after the flush. */
void grants_copy(struct grants *grants, struct memory_copy *copy);
void grants_flush(struct grants *grants);

/* Maps whole pages; all or nothing. A page granted read-only cannot be mapped
 * writable. Returns 0 or -errno. */
int grants_map(struct grants *grants, uint64_t address, unsigned pages, bool writable, void **base);
void grants_unmap(struct grants *grants, void *base, unsigned pages);
