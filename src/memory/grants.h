/* SPDX-License-Identifier: GPL-2.0-or-later */
/* grants.h: guest memory by grant references.
 *
 * Grants are pages of 4 KiB. The n pages of one buffer have n consecutive
 * references (Linux's gnttab_alloc_grant_reference_seq()). */
#pragma once
#include "base/stats.h"
#include "memory/address.h"

struct grants;
struct own;

/* Calls of the kernel, of which each is a hypercall or more. */
struct grants_counters {
	counter_t copies, pieces; /* pieces: what was copied by all copies */
	counter_t maps, unmaps;
};

/* One thread's gntdev handle. @own is tried out.
 * Returns 0 or -errno. */
int grants_open(uint32_t domid, struct own *own, struct grants **grants);
void grants_close(struct grants *grants);

/* True if [@address, @address + @length) can be an address made of grants:
 * bits 44..62 clear, and the last reference still a 32-bit number. */
static inline bool grants_valid(uint64_t address, size_t length)
{
	uint64_t first = (address & ~GUEST_ADDRESS_GRANT) >> GUEST_PAGE_SHIFT;

	return length && first + guest_pages(address, length) - 1 <= UINT32_MAX;
}

/* Copies by batches: grants_copy() puts a copy off, grants_flush() does all that
 * was put off, and sets *@err of those that failed. */
void grants_copy(struct grants *grants, uint64_t address, void *local, uint32_t length,
		 bool to_guest, int *err);
void grants_flush(struct grants *grants);

/* A mapping of whole pages: those of the first segment, behind them those of
 * the second, and so on. */
struct grant_map {
	uint8_t *base;
	uint64_t index; /* the kernel's name for it */
	uint32_t first; /* reference */
	unsigned pages, users;
	bool writable, run; /* run: consecutive references */
	struct grant_map *next;
};

/* Maps the segments' pages by one call, all or nothing. Who asks for a run of
 * references that is mapped with the same access gets the same mapping once
 * more. There is never a larger one behind it than was asked for, and so
 * nobody's unmapping waits for anybody else: what one request maps goes with
 * the last request that names exactly these references.
 * A page granted read-only cannot be mapped writable. Returns 0 or -errno;
 * -ENOSPC when too much is mapped already. */
int grants_map(struct grants *grants, const struct segment *segments, unsigned count, bool writable,
	       struct grant_map **map);

/* Bytes from one page of a mapping to the next: of each only the first GUEST_PAGE_SIZE
 * are there, which leaves gaps where our kernel's pages are larger. */
size_t grants_stride(const struct grants *grants);

/* Drops one use; with the last one the pages are unmapped when this returns. */
void grants_unmap(struct grants *grants, struct grant_map *map);

const struct grants_counters *grants_counters(const struct grants *grants);

/* Mappings that are open. */
unsigned grants_mapped(const struct grants *grants);
