/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory.h: guest addresses -> bytes.
 *
 * There are three ways. Copies: many in one call, each with its own result. Loans: guest memory in place of a buffer, for as long as a store that
 * copies by itself reads or writes it. Maps: what a driver allocated for the
 * life of a queue (rings).
 *
 * A struct memory belongs to one thread. */
#pragma once
#include <sys/uio.h>

#include "memory/address.h"

/* Which kinds of address a device's driver may use. */
enum memory_policy { MEMORY_AUTO, MEMORY_GRANTS, MEMORY_FOREIGN };

extern const char *const memory_policy_names[]; /* for the option parser */

struct grants;
struct grant_map;
struct foreign;
struct window;

/* A device's choice. */
struct memory_options {
	enum memory_policy policy;
	uint64_t map_from; /* bytes in grants that are lent, not copied; 0: none */
};

/* One device's view of guest memory through one thread's handles. */
struct memory {
	struct grants *grants;
	struct foreign *foreign;
	struct memory_options options;
};

/* Copies @length bytes at @address to @local or, @to_guest, the other way: now,
 * or with the next memory_flush(), by one call with all others that were put
 * off. A copy that fails sets *@err to -errno and leaves the others alone; what
 * it had to deliver is undefined. One that succeeds leaves *@err as it is. */
void memory_copy(const struct memory *memory, uint64_t address, void *local, uint32_t length,
		 bool to_guest, int *err);
void memory_flush(const struct memory *memory);

#define MEMORY_LOAN_PIECES 130U

/* The kernel may copy from and to these, but must not pin them: a grant that
 * it still holds on to when the guest ends it breaks the guest's device. */
struct memory_loan {
	unsigned count; /* 0: there is none */
	bool writable;
	struct iovec pieces[MEMORY_LOAN_PIECES];
	struct window *windows[MEMORY_LOAN_PIECES]; /* of plain addresses */
	struct grant_map *map;                      /* of grants */
};

/* True if so many bytes at addresses of this kind are worth lending. */
bool memory_lends(const struct memory *memory, uint64_t address, size_t length);

/* Lends what the segments name, all of one kind. Returns 0, or -errno: then
 * copies may do, or tell what is wrong. Each page is a piece where our kernel's
 * pages are larger than a grant, so less fits into a loan. */
int memory_lend(const struct memory *memory, const struct segment *segments, unsigned count,
		bool writable, struct memory_loan *loan);

/* Only its first @length bytes were written. */
void memory_cut(struct memory_loan *loan, size_t length);

/* Takes it back. Each request does so for itself, before it is published, and
 * waits for no other: what it was lent serves no request that could do without
 * a part of it. */
void memory_return(const struct memory *memory, struct memory_loan *loan);

/* A mapping for a queue's life. */
struct memory_map {
	void *address; /* of the first byte asked for; NULL: not mapped */
	void *base;
	unsigned pages;
	struct grant_map *granted; /* NULL: a plain address */
};

/* What to map. */
struct memory_area {
	uint64_t address;
	size_t length;
	bool writable;
};

/* Maps @count areas exactly, page holes refused. Areas that share pages or
 * follow one another share a mapping. Returns 0, or -errno and nothing is
 * mapped: -EPERM where the policy forbids this kind of address, -EFAULT where
 * there is no such address, -EOPNOTSUPP for an area in more than one grant where
 * our kernel's pages are larger than a grant. */
int memory_map(const struct memory *memory, const struct memory_area *areas, unsigned count,
	       struct memory_map *maps);
void memory_unmap(const struct memory *memory, struct memory_map *maps, unsigned count);

/* These bytes of a map were written. */
void memory_wrote(const struct memory *memory, uint64_t address, size_t length);

/* Tells Xen what was written through foreign mappings, if it is to know. */
void memory_report(const struct memory *memory);
