/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory.h: guest addresses -> bytes.
 *
 * Data is copied, many pieces in one call, each with its own result. Only what
 * a driver allocated for the life of a queue (rings) is mapped.
 *
 * A struct memory belongs to one thread. */
#pragma once
#include "memory/address.h"

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
