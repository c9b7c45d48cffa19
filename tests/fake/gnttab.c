/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gnttab.c: libxengnttab of the fake Xen: maps through the fake gntdev
 * (gntdev.c), call by call as the library for Linux does, and copies, which
 * report a status for each segment.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/sys/gntdev.h>
#include <xengnttab.h>
#include <xentoollog.h>

#include "world.h"

struct xengntdev_handle {
	struct restricted restricted;
	int fd;
	struct gntdev *device;
	struct xentoollog_logger *logger;
};

/* The descriptor is a true one, so that whoever else uses it does no harm. */
xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned int open_flags)
{
	xengnttab_handle *xgt;

	(void)open_flags;
	if (!world_call(FAKE_GRANT_OPEN, 1, 0))
		return NULL;
	xgt = calloc(1, sizeof(*xgt));
	if (!xgt)
		return NULL;
	xgt->logger = logger;
	xgt->fd = eventfd(0, EFD_CLOEXEC);
	restricted_open(&xgt->restricted, false);
	xgt->device = gntdev_open(xgt->fd, &xgt->restricted);
	return xgt;
}

int xengnttab_fd(xengnttab_handle *xgt)
{
	return xgt->fd;
}

int xengnttab_close(xengnttab_handle *xgt)
{
	if (!xgt)
		return 0;
	gntdev_close(xgt->device);
	restricted_close(&xgt->restricted);
	close(xgt->fd);
	free(xgt);
	return 0;
}

int xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t nr_grants)
{
	(void)xgt;
	(void)nr_grants;
	return 0;
}

/* The real library prints to stderr when it was given no logger. */
static void log_error(xengnttab_handle *xgt, const char *what)
{
	if (xgt->logger)
		xtl_log(xgt->logger, XTL_ERROR, errno, "xengnttab", "%s", what);
	else
		fprintf(stderr, "xengnttab: error: %s: %s\n", what, strerror(errno));
}

/* ---- map and unmap ------------------------------------------------------------ */

static int unmap_ioctl(xengnttab_handle *xgt, uint64_t index, uint32_t count)
{
	struct ioctl_gntdev_unmap_grant_ref op = { .index = index, .count = count };

	return ioctl(xgt->fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &op);
}

static void *map_index(xengnttab_handle *xgt, uint64_t index, uint32_t count, int prot)
{
	void *va = mmap(NULL, (size_t)count * FAKE_PAGE, prot, MAP_SHARED, xgt->fd, (off_t)index);
	int err = errno;

	if (va != MAP_FAILED)
		return va;
	log_error(xgt, "mmap failed");
	unmap_ioctl(xgt, index, count);
	errno = err;
	return NULL;
}

void *xengnttab_map_grant_refs(xengnttab_handle *xgt, uint32_t count, uint32_t *domids,
			       uint32_t *refs, int prot)
{
	struct ioctl_gntdev_map_grant_ref *op =
		calloc(1, sizeof(*op) + count * sizeof(op->refs[0]));
	void *va = NULL;
	uint32_t i;

	if (!op)
		return NULL;
	op->count = count;
	for (i = 0; i < count; i++)
		op->refs[i] = (struct ioctl_gntdev_grant_ref){ domids[i], refs[i] };
	if (ioctl(xgt->fd, IOCTL_GNTDEV_MAP_GRANT_REF, op))
		log_error(xgt, "ioctl MAP_GRANT_REF failed");
	else
		va = map_index(xgt, op->index, count, prot);
	free(op);
	return va;
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *xgt, uint32_t count, uint32_t domid,
				      uint32_t *refs, int prot)
{
	uint32_t *domids = calloc(count + 1, sizeof(*domids)), i;
	void *va;

	if (!domids)
		return NULL;
	for (i = 0; i < count; i++)
		domids[i] = domid;
	va = xengnttab_map_grant_refs(xgt, count, domids, refs, prot);
	free(domids);
	return va;
}

void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot)
{
	return xengnttab_map_grant_refs(xgt, 1, &domid, &ref, prot);
}

int xengnttab_unmap(xengnttab_handle *xgt, void *start_address, uint32_t count)
{
	struct ioctl_gntdev_get_offset_for_vaddr op = { .vaddr = (uintptr_t)start_address };

	if (ioctl(xgt->fd, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, &op)) {
		fake_violation("xengnttab_unmap() of an address that is not mapped");
		return -1;
	}
	if (op.count != count) {
		fake_violation("xengnttab_unmap() of %u pages, mapped as %u", count, op.count);
		errno = EINVAL;
		return -1;
	}
	if (munmap(start_address, (size_t)count * FAKE_PAGE))
		return -1;
	return unmap_ioctl(xgt, op.offset, count);
}

/* ---- copy ---------------------------------------------------------------------- */

/* One side of a segment: a pointer to its bytes, or the status that refuses it. */
static int16_t copy_side(const union xengnttab_copy_ptr *side, bool is_ref, bool write, void **p)
{
	uint32_t pfn;
	int16_t status;

	*p = side->virt;
	if (!is_ref)
		return GNTST_okay;
	if (side->foreign.domid == DOMID_SELF) {
		*p = shared_page(side->foreign.ref, FAKE_BACKEND);
		if (!*p)
			return GNTST_general_error;
		*p = (uint8_t *)*p + side->foreign.offset;
		return GNTST_okay;
	}
	status = grant_status(side->foreign.domid, side->foreign.ref, write);
	if (status != GNTST_okay)
		return status;
	grant_touched(side->foreign.ref, "copied");
	pfn = world->grant[side->foreign.ref].pfn;
	*p = (uint8_t *)world_frame(world->p2m[pfn]) + side->foreign.offset;
	return GNTST_okay;
}

static void copy_segment(struct xengnttab_grant_copy_segment *seg)
{
	void *from, *to;

	world_lock();
	seg->status = copy_side(&seg->source, seg->flags & GNTCOPY_source_gref, false, &from);
	if (seg->status == GNTST_okay)
		seg->status = copy_side(&seg->dest, seg->flags & GNTCOPY_dest_gref, true, &to);
	if (seg->status == GNTST_okay)
		memcpy(to, from, seg->len);
	world_unlock();
}

/* What gntdev refuses outright. */
static bool copy_allowed(const struct xengnttab_grant_copy_segment *seg)
{
	bool source = seg->flags & GNTCOPY_source_gref, dest = seg->flags & GNTCOPY_dest_gref;

	if (!source && !dest)
		return false;
	if (source && seg->source.foreign.offset + seg->len > FAKE_PAGE)
		return false;
	return !dest || seg->dest.foreign.offset + seg->len <= FAKE_PAGE;
}

static unsigned int pages_spanned(const void *virt, uint16_t len)
{
	return (unsigned int)(((uintptr_t)virt % FAKE_PAGE + len + FAKE_PAGE - 1) / FAKE_PAGE);
}

/* gntdev makes one operation of each local page, 16 operations a hypercall. */
static unsigned int copy_hypercalls(uint32_t count, const struct xengnttab_grant_copy_segment *seg)
{
	unsigned int ops = 0;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (!(seg[i].flags & GNTCOPY_source_gref))
			ops += pages_spanned(seg[i].source.virt, seg[i].len);
		else if (!(seg[i].flags & GNTCOPY_dest_gref))
			ops += pages_spanned(seg[i].dest.virt, seg[i].len);
		else
			ops++;
	}
	return (ops + 15) / 16;
}

int xengnttab_grant_copy(xengnttab_handle *xgt, uint32_t count,
			 xengnttab_grant_copy_segment_t *segs)
{
	uint32_t i;

	if (!world_call(FAKE_GRANT_COPY, 1, copy_hypercalls(count, segs)) ||
	    !restricted_allows(&xgt->restricted, FAKE_DOMID))
		return -1;
	world_lock();
	world->segments += count;
	world_unlock();
	for (i = 0; i < count; i++) {
		if (!copy_allowed(&segs[i])) {
			fake_violation("grant copy segment %u is local to local or crosses a page",
				       i);
			errno = EINVAL;
			return -1;
		}
		copy_segment(&segs[i]);
	}
	return 0;
}
