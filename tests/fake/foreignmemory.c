/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * foreignmemory.c: libxenforeignmemory of the fake Xen: frames of the guest,
 * and the page of an IOREQ server as a resource. A page that could not be
 * mapped raises SIGBUS when touched, as on Linux.
 */
#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <xen/memory.h>
#include <xenforeignmemory.h>

struct xenforeignmemory_handle {
	struct restricted restricted;
};

struct xenforeignmemory_resource_handle {
	void *addr;
};

xenforeignmemory_handle *xenforeignmemory_open(struct xentoollog_logger *logger,
					       unsigned int open_flags)
{
	xenforeignmemory_handle *fmem;

	(void)logger;
	(void)open_flags;
	if (!world_call(FAKE_FOREIGN_OPEN, 1, 0))
		return NULL;
	fmem = calloc(1, sizeof(*fmem));
	if (fmem)
		restricted_open(&fmem->restricted, true);
	return fmem;
}

int xenforeignmemory_close(xenforeignmemory_handle *fmem)
{
	if (fmem)
		restricted_close(&fmem->restricted);
	free(fmem);
	return 0;
}

int xenforeignmemory_restrict(xenforeignmemory_handle *fmem, domid_t domid)
{
	fmem->restricted.domid = domid;
	return 0;
}

/* ---- frames ---------------------------------------------------------------- */

/* The frame behind pfn now (lock held). */
static uint32_t frame_of(xen_pfn_t pfn)
{
	return world->alive && pfn < world->ram_pages ? world->p2m[pfn] : NO_FRAME;
}

static void show_frames(uint8_t *va, size_t pages, uint32_t frame, int prot)
{
	if (mmap(va, pages * FAKE_PAGE, prot, MAP_SHARED | MAP_FIXED, world->memfd,
		 (off_t)frame * FAKE_PAGE) == MAP_FAILED)
		abort();
}

/* Map runs of adjacent frames at once. Returns the first error. */
static int map_frames(uint8_t *va, int prot, size_t pages, const xen_pfn_t *pfn, int *err)
{
	size_t i, run;
	int first = 0;

	for (i = 0; i < pages; i += run) {
		uint32_t frame = frame_of(pfn[i]);

		for (run = 1;
		     i + run < pages && frame != NO_FRAME && frame_of(pfn[i + run]) == frame + run;
		     run++)
			if (err)
				err[i + run] = 0;
		if (err)
			err[i] = frame == NO_FRAME ? -EINVAL : 0;
		if (frame != NO_FRAME)
			show_frames(va + i * FAKE_PAGE, run, frame, prot);
		else
			first = EINVAL;
	}
	return first;
}

void *xenforeignmemory_map2(xenforeignmemory_handle *fmem, uint32_t dom, void *addr, int prot,
			    int flags, size_t pages, const xen_pfn_t arr[], int err[])
{
	size_t size = pages * FAKE_PAGE;
	int first;
	void *va;

	if (!world_call(FAKE_FOREIGN_MAP, 2, 1) || !restricted_allows(&fmem->restricted, dom))
		return NULL;
	if (dom != FAKE_DOMID) {
		errno = ESRCH;
		return NULL;
	}
	va = mmap(addr, size, prot, MAP_SHARED | flags, world->holefd, 0);
	if (va == MAP_FAILED)
		return NULL;
	world_lock();
	first = map_frames(va, prot, pages, arr, err);
	if (first && !err) {
		world_unlock();
		munmap(va, size);
		errno = first;
		return NULL;
	}
	world->pins[fake_proc].foreign += (uint32_t)pages;
	world_unlock();
	return va;
}

void *xenforeignmemory_map(xenforeignmemory_handle *fmem, uint32_t dom, int prot, size_t pages,
			   const xen_pfn_t arr[], int err[])
{
	return xenforeignmemory_map2(fmem, dom, NULL, prot, 0, pages, arr, err);
}

int xenforeignmemory_unmap(xenforeignmemory_handle *fmem, void *addr, size_t pages)
{
	struct pins *pins = &world->pins[fake_proc];

	(void)fmem;
	if (!world_call(FAKE_FOREIGN_UNMAP, 1, 1))
		return -1;
	world_lock();
	if (pages > pins->foreign)
		world_violation("%zu foreign pages unmapped, only %u are mapped", pages,
				pins->foreign);
	else
		pins->foreign -= (uint32_t)pages;
	world_unlock();
	return munmap(addr, pages * FAKE_PAGE);
}

/* ---- the page of an IOREQ server -------------------------------------------- */

/* The page is there from its first mapping on, whoever maps it. */
static int ioreq_frame(unsigned int id, unsigned long frame, unsigned long nr, uint32_t *found)
{
	struct server *s;

	if (id >= FAKE_NR_SERVERS || !world->alive || !world->server[id].used)
		return ENOENT;
	s = &world->server[id];
	if (frame != XENMEM_resource_ioreq_server_frame_ioreq(0) || nr != 1)
		return EINVAL;
	if (s->proc < 0)
		world_violation("the page of QEMU's ioreq server %u was mapped", id);
	if (s->frame == NO_FRAME)
		s->frame = world_new_frame();
	world->pins[fake_proc].resources++;
	*found = s->frame;
	return 0;
}

xenforeignmemory_resource_handle *
xenforeignmemory_map_resource(xenforeignmemory_handle *fmem, domid_t domid, unsigned int type,
			      unsigned int id, unsigned long frame, unsigned long nr_frames,
			      void **paddr, int prot, int flags)
{
	xenforeignmemory_resource_handle *fres;
	uint32_t found;
	int err;

	if (!world_call(FAKE_RESOURCE_MAP, 2, 1) || !restricted_allows(&fmem->restricted, domid))
		return NULL;
	world_lock();
	err = domid != FAKE_DOMID                    ? ESRCH
	      : type != XENMEM_resource_ioreq_server ? EINVAL
						     : ioreq_frame(id, frame, nr_frames, &found);
	world_unlock();
	fres = err ? NULL : calloc(1, sizeof(*fres));
	if (!fres) {
		errno = err ? err : ENOMEM;
		return NULL;
	}
	fres->addr = mmap(*paddr, FAKE_PAGE, prot, MAP_SHARED | flags, world->memfd,
			  (off_t)found * FAKE_PAGE);
	*paddr = fres->addr;
	return fres;
}

int xenforeignmemory_unmap_resource(xenforeignmemory_handle *fmem,
				    xenforeignmemory_resource_handle *fres)
{
	int rc;

	(void)fmem;
	if (!world_call(FAKE_RESOURCE_UNMAP, 1, 0))
		return -1;
	world_lock();
	world->pins[fake_proc].resources--;
	world_unlock();
	rc = munmap(fres->addr, FAKE_PAGE);
	free(fres);
	return rc;
}
