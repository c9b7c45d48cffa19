/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * access.h: a guest's memory through one struct memory, for the suites of
 * src/memory and of what uses it directly.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include "fake/fake.h"
#include "memory/foreign.h"
#include "memory/grants.h"
#include "memory/memory.h"
#include "memory/own.h"
#include "unit/unit.h"

#define GRANT(ref, offset) (GUEST_ADDRESS_GRANT | (uint64_t)(ref) << 12 | (offset))

extern struct memory memory;
extern struct own access_own; /* no pages, unless a test shares some */

/* A world with so much memory, reached through windows of 2 MiB. */
void access_start(unsigned ram_pages);

/* Other windows from here on; none may be lent. */
void access_windows(const struct foreign_options *windows);

/* Another page size of our kernel from here on; no grant may be mapped. */
void access_page_size(unsigned bytes);

/* Ends the world. Nothing may be lent or mapped any more. */
void access_end(void);

/* Grants @count pages from @pfn on by consecutive references. */
void access_grant(uint32_t ref, unsigned count, uint64_t pfn, bool readonly);

/* One copy, at once: 0 or -errno. */
int access_copy(uint64_t address, void *local, uint32_t length, bool to_guest);

/* One segment: 0 or -errno. */
int access_lend(struct memory_loan *loan, uint64_t address, uint32_t length, bool writable);
void access_return(struct memory_loan *loan);

/* Neither a window nor a grant. */
void access_assert_nothing_lent(void);

/* Random bytes. */
void access_fill(void *bytes, size_t length);

#endif
