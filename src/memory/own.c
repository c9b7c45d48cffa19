/* SPDX-License-Identifier: GPL-2.0-or-later */
/* own.c: pages shared with ourselves by gntalloc. */
#include "memory/own.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "memory/internal.h"
#include "memory/quiet.h"

/* A grant names who may use it, and so we have to know ourselves: dom0, or whoever
 * tries to use it will find out. */
static bool share(struct own *own, unsigned pages)
{
	own->base = xengntshr_share_pages(own->handle, 0, (int)pages, own->references, 1);
	own->pages = own->base ? pages : 0;
	return own->base;
}

void own_open(struct own *own)
{
	unsigned pages = OWN_PAGES_MAX;

	*own = (struct own){ 0 };
	if (memory_page_size() != GUEST_PAGE_SIZE) {
		log_debug("no gntalloc: libxengntshr knows pages of 4 KiB only");
		return;
	}
	own->handle = xengntshr_open(quiet_logger(), 0);
	if (!own->handle) {
		log_debug("no gntalloc: %m");
		return;
	}
	while (pages >= OWN_PAGES_MIN && !share(own, pages))
		pages /= 2;
	if (!own->pages)
		log_debug("no pages from gntalloc: %m");
}

void own_try(struct own *own, xengnttab_handle *copier)
{
	xengnttab_grant_copy_segment_t segment = {
		.source.foreign = { .ref = own->references[0], .domid = DOMID_SELF },
		.dest.foreign = { .ref = own->references[1], .domid = DOMID_SELF },
		.len = GUEST_PAGE_SIZE,
		.flags = GNTCOPY_source_gref | GNTCOPY_dest_gref,
	};

	if (!own->pages)
		return;
	if (!xengnttab_grant_copy(copier, 1, &segment) && segment.status == GNTST_okay)
		return;
	log_debug("pages of our own are of no use here");
	own_close(own);
}

void *own_alloc(struct own *own, size_t length)
{
	size_t whole = (length + GUEST_PAGE_SIZE - 1) & ~(size_t)(GUEST_PAGE_SIZE - 1);
	void *memory;

	if (whole <= own_small(own) * GUEST_PAGE_SIZE - own->used) {
		memory = own->base + own->used;
		own->used += whole;
		return memory;
	}
	memory = aligned_alloc(GUEST_PAGE_SIZE, whole);
	return memory ? memset(memory, 0, whole) : NULL;
}

void own_free(const struct own *own, void *memory)
{
	if (own_page(own, memory) < 0)
		free(memory);
}

void own_close(struct own *own)
{
	if (own->pages)
		xengntshr_unshare(own->handle, own->base, own->pages);
	if (own->handle)
		xengntshr_close(own->handle);
	*own = (struct own){ 0 };
}
