/* SPDX-License-Identifier: GPL-2.0-or-later */
/* address.h: guest addresses and pieces of guest memory.
 *
 * A guest address is of one of two kinds, told apart by bit 63: set, it names
 * grants (gref << 12 | offset: Linux's drivers/xen/grant-dma-ops.c); clear, it
 * is guest-physical. Everything above this floor is blind to which. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_PAGE_SHIFT    12
#define GUEST_PAGE_SIZE     (1U << GUEST_PAGE_SHIFT) /* of Xen, whatever the guest's or host's is */
#define GUEST_ADDRESS_GRANT (1ULL << 63)

/* Pages that [@address, @address + @length) touches. */
static inline unsigned guest_pages(uint64_t address, size_t length)
{
	return (unsigned)(((address & (GUEST_PAGE_SIZE - 1)) + length + GUEST_PAGE_SIZE - 1) >>
			  GUEST_PAGE_SHIFT);
}

/* A piece of guest memory, as a descriptor names it. */
struct segment {
	uint64_t address;
	uint32_t length;
};
