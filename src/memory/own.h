/* SPDX-License-Identifier: GPL-2.0-or-later */
/* own.h: pages of ours that are granted to ourselves.
 *
 * A grant copy from or to ordinary memory has the kernel look up and pin each of
 * our pages. Between two grants Xen finds both pages by itself, which costs a
 * third less. Linux's gntalloc makes such pages, a limited number of them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xengnttab.h>

#include "memory/address.h"

#define OWN_PAGES_MAX   256U
#define OWN_PAGES_MIN   64U
#define OWN_PAGES_SMALL 128U /* the first ones: for own_alloc() */

struct own {
	xengntshr_handle *handle; /* NULL: there are none */
	uint8_t *base;
	unsigned pages;
	size_t used; /* bytes, by own_alloc() */
	uint32_t references[OWN_PAGES_MAX];
};

/* Shares OWN_PAGES_MAX pages, or half of that, or a quarter. Where the kernel does not
 * allow it, or has pages of another size, there are none, which is no error. */
void own_open(struct own *own);
void own_close(struct own *own);

/* Does it work? Only dom0 can be sure of its own number, so grants are for domain 0;
 * elsewhere the pages go back. */
void own_try(struct own *own, xengnttab_handle *copier);

/* Zeroed memory, in whole pages: of these, or any where none is left. NULL if there is
 * none at all. What is freed can be had again only after own_close(). */
void *own_alloc(struct own *own, size_t length);
void own_free(const struct own *own, void *memory);

/* How many pages own_alloc() uses at most. */
static inline unsigned own_small(const struct own *own)
{
	return own->pages < OWN_PAGES_SMALL ? own->pages : OWN_PAGES_SMALL;
}

/* The others. */
static inline void *own_rest(const struct own *own, unsigned *pages)
{
	*pages = own->pages - own_small(own);
	return *pages ? own->base + OWN_PAGES_SMALL * GUEST_PAGE_SIZE : NULL;
}

/* The page that @local is in, or -1 if it is none of ours. */
static inline int own_page(const struct own *own, const void *local)
{
	size_t page = (size_t)((uintptr_t)local - (uintptr_t)own->base) >> GUEST_PAGE_SHIFT;

	return page < own->pages ? (int)page : -1;
}
