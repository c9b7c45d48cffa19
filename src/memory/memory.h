/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory.h: guest addresses -> bytes.
 *
 * A guest address is of one of two kinds, told apart by bit 63: set, it names
 * grants (gref << 12 | offset: Linux's drivers/xen/grant-dma-ops.c); clear, it
 * is guest-physical. Everything above this floor is blind to which.
 *
 * Data is copied, many pieces in one call, each with its own result. Only what
 * a driver allocated for the life of a queue (rings) is mapped.
 *
 * A struct memory belongs to one thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_PAGE_SHIFT    12
#define GUEST_PAGE_SIZE     (1U << GUEST_PAGE_SHIFT) /* of Xen, whatever the guest's or host's is */
#define GUEST_ADDRESS_GRANT (1ULL << 63)

/* Which kinds of address a device's driver may use. */
enum memory_policy { MEMORY_AUTO, MEMORY_GRANTS, MEMORY_FOREIGN };

extern const char *const memory_policy_names[]; /* for the option parser */

struct grants;
struct foreign;

/* One device's view of guest memory through one thread's handles. */
struct memory {
	struct grants *grants;
	struct foreign *foreign;
	enum memory_policy policy;
};

/* A piece of guest memory to copy. */
struct memory_copy {
	uint64_t address;
	uint32_t length;
	bool to_guest;
	void *local;
	int err; /* out: 0, or -errno of this piece alone */
};

/* Copies all pieces, those in grants with one call. A failed piece leaves the
 * others alone; what it had to deliver is undefined. */
void memory_copy(const struct memory *memory, struct memory_copy *copies, unsigned count);

/* A mapping for a queue's life. */
struct memory_map {
	void *address; /* of the first byte asked for; NULL: not mapped */
	void *base;
	unsigned pages;
	bool granted;
};

/* Maps @length bytes at @address exactly, page holes refused. Returns 0 or
 * -errno: -EPERM where the policy forbids this kind of address, -EFAULT where
 * there is no such address. */
int memory_map(const struct memory *memory, uint64_t address, size_t length, bool writable,
	       struct memory_map *map);
void memory_unmap(const struct memory *memory, struct memory_map *map);

static inline unsigned guest_pages(uint64_t address, size_t length)
{
	return (unsigned)(((address & (GUEST_PAGE_SIZE - 1)) + length + GUEST_PAGE_SIZE - 1) >>
			  GUEST_PAGE_SHIFT);
}
