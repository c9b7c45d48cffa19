/* SPDX-License-Identifier: GPL-2.0-or-later */
/* grants.c: grant copies in batches, and the cache of mappings.
 *
 * Theory of operation. Linux ends each streaming grant as it consumes the used
 * entry, and a backend that still has it mapped costs the guest its device. A
 * copy leaves nothing mapped. A mapping lasts as long as a request in flight
 * names its references: that is what the cache counts, and all there is to
 * cache, since a reference that nobody names may mean another page a moment
 * later. The kernel maps and unmaps a mapping as a whole only, so one mapping
 * never serves two requests of which either could do without a part of it. */
#include "memory/grants.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xengnttab.h>

#include "base/log.h"
#include "base/util.h"
#include "memory/gntdev.h"
#include "memory/own.h"
#include "memory/quiet.h"

#define BATCH   1024 /* segments a call; the kernel cuts them by 16 itself */
#define MAPS    2048 /* open at a time */
#define BUCKETS 1024

struct grants {
	xengnttab_handle *handle;
	struct gntdev gntdev; /* the same, without the library */
	const struct own *own;
	uint32_t domid;
	unsigned pending;
	xengnttab_grant_copy_segment_t segments[BATCH];
	int *errors[BATCH];
	struct grant_map maps[MAPS], *unused;
	struct grant_map *runs[BUCKETS]; /* by first reference */
	union gntdev_request request;
	struct grants_counters counters;
};

static void put_unused(struct grants *grants, struct grant_map *map)
{
	map->next = grants->unused;
	grants->unused = map;
}

int grants_open(uint32_t domid, struct own *own, struct grants **result)
{
	struct grants *grants = calloc(1, sizeof(*grants));
	unsigned i;

	if (!grants)
		return -ENOMEM;
	grants->domid = domid;
	grants->own = own;
	for (i = 0; i < MAPS; i++)
		put_unused(grants, &grants->maps[i]);
	grants->handle = xengnttab_open(quiet_logger(), 0);
	if (!grants->handle) {
		int err = -errno;

		log_error("cannot open the grant device: %m (is /dev/xen/gntdev there?)");
		free(grants);
		return err;
	}
	gntdev_init(&grants->gntdev, xengnttab_fd(grants->handle));
	own_try(own, grants->handle);
	*result = grants;
	return 0;
}

void grants_close(struct grants *grants)
{
	if (!grants)
		return;
	xengnttab_close(grants->handle);
	free(grants);
}

static uint64_t first_ref(uint64_t address)
{
	return (address & ~GUEST_ADDRESS_GRANT) >> GUEST_PAGE_SHIFT;
}

static void note_status(int *err, const xengnttab_grant_copy_segment_t *segment)
{
	if (segment->status == GNTST_okay)
		return;
	*err = -EFAULT;
	log_guest("grant copy failed: status %d", segment->status);
}

/* A call that fails as a whole says nothing of its segments: one by one then,
 * so that nobody suffers for another. */
static void copy_alone(struct grants *grants, unsigned i)
{
	if (xengnttab_grant_copy(grants->handle, 1, &grants->segments[i])) {
		*grants->errors[i] = -errno;
		log_guest("grant copy: %m");
		return;
	}
	note_status(grants->errors[i], &grants->segments[i]);
}

void grants_flush(struct grants *grants)
{
	unsigned i, n = grants->pending;
	bool done;

	if (!n)
		return;
	grants->pending = 0;
	counter_add(&grants->counters.copies, 1);
	counter_add(&grants->counters.pieces, n);
	done = !xengnttab_grant_copy(grants->handle, n, grants->segments);
	for (i = 0; i < n; i++) {
		if (!done)
			copy_alone(grants, i);
		else
			note_status(grants->errors[i], &grants->segments[i]);
	}
}

/* Puts off the first part of a copy, as far as it stays in one page of theirs and,
 * where ours is a grant as well, of ours. Returns its length. */
static uint32_t put_off(struct grants *grants, uint64_t address, uint8_t *local, uint32_t length,
			bool to_guest, int *err)
{
	unsigned n = grants->pending++;
	xengnttab_grant_copy_segment_t *segment = &grants->segments[n];
	union xengnttab_copy_ptr *theirs = to_guest ? &segment->dest : &segment->source;
	union xengnttab_copy_ptr *ours = to_guest ? &segment->source : &segment->dest;
	uint32_t offset = address & (GUEST_PAGE_SIZE - 1);
	int page = own_page(grants->own, local);

	length = (uint32_t)min_u64(length, GUEST_PAGE_SIZE - offset);
	theirs->foreign.ref = (uint32_t)first_ref(address);
	theirs->foreign.offset = (uint16_t)offset;
	theirs->foreign.domid = (uint16_t)grants->domid;
	if (page < 0) {
		ours->virt = local;
		segment->flags = to_guest ? GNTCOPY_dest_gref : GNTCOPY_source_gref;
	} else {
		offset = (uintptr_t)local & (GUEST_PAGE_SIZE - 1);
		length = (uint32_t)min_u64(length, GUEST_PAGE_SIZE - offset);
		ours->foreign.ref = grants->own->references[page];
		ours->foreign.offset = (uint16_t)offset;
		ours->foreign.domid = DOMID_SELF;
		segment->flags = GNTCOPY_dest_gref | GNTCOPY_source_gref;
	}
	segment->len = (uint16_t)length;
	grants->errors[n] = err;
	return length;
}

void grants_copy(struct grants *grants, uint64_t address, void *local, uint32_t length,
		 bool to_guest, int *err)
{
	uint8_t *at = local;

	while (length) {
		uint32_t piece;

		if (grants->pending == BATCH)
			grants_flush(grants);
		piece = put_off(grants, address, at, length, to_guest, err);
		address += piece;
		at += piece;
		length -= piece;
	}
}

static struct grant_map **bucket(struct grants *grants, uint32_t first)
{
	return &grants->runs[first % BUCKETS];
}

static struct grant_map *find_run(struct grants *grants, uint32_t first, unsigned pages,
				  bool writable)
{
	struct grant_map *map = *bucket(grants, first);

	while (map && (map->first != first || map->pages != pages || map->writable != writable))
		map = map->next;
	return map;
}

/* Fills the request in. False if these are too many pages for one map. */
static bool list_references(struct grants *grants, const struct segment *segments, unsigned count)
{
	struct ioctl_gntdev_map_grant_ref *request = &grants->request.map;
	unsigned i, page, pages;

	request->count = 0;
	for (i = 0; i < count; i++) {
		pages = guest_pages(segments[i].address, segments[i].length);
		if (pages > GNTDEV_PAGES_MAX - request->count)
			return false;
		for (page = 0; page < pages; page++)
			request->refs[request->count++] = (struct ioctl_gntdev_grant_ref){
				.domid = grants->domid,
				.ref = (uint32_t)first_ref(segments[i].address) + page,
			};
	}
	return true;
}

static void keep_run(struct grants *grants, struct grant_map *map)
{
	struct grant_map **head = bucket(grants, map->first);

	map->next = *head;
	*head = map;
}

static void forget_run(struct grants *grants, struct grant_map *map)
{
	struct grant_map **at = bucket(grants, map->first);

	while (*at != map)
		at = &(*at)->next;
	*at = map->next;
}

static int map_new(struct grants *grants, bool run, bool writable, struct grant_map **result)
{
	struct ioctl_gntdev_map_grant_ref *request = &grants->request.map;
	struct grant_map *map = grants->unused;
	void *base;
	int err;

	if (!map)
		return -ENOSPC;
	err = gntdev_map(&grants->gntdev, &grants->request, writable, &base);
	if (err)
		return err;
	counter_add(&grants->counters.maps, 1);
	grants->unused = map->next;
	*map = (struct grant_map){ .base = base,
				   .index = request->index,
				   .first = request->refs[0].ref,
				   .pages = request->count,
				   .users = 1,
				   .writable = writable,
				   .run = run };
	if (run)
		keep_run(grants, map);
	*result = map;
	return 0;
}

int grants_map(struct grants *grants, const struct segment *segments, unsigned count, bool writable,
	       struct grant_map **result)
{
	struct grant_map *map;

	if (!list_references(grants, segments, count))
		return -E2BIG;
	map = count > 1 ? NULL
			: find_run(grants, grants->request.map.refs[0].ref,
				   grants->request.map.count, writable);
	if (!map)
		return map_new(grants, count == 1, writable, result);
	map->users++;
	*result = map;
	return 0;
}

void grants_unmap(struct grants *grants, struct grant_map *map)
{
	int err;

	if (--map->users)
		return;
	counter_add(&grants->counters.unmaps, 1);
	err = gntdev_unmap(&grants->gntdev, map->base, map->index, map->pages);
	if (err)
		log_error("cannot unmap %u grants: %s", map->pages, strerror(-err));
	if (map->run)
		forget_run(grants, map);
	put_unused(grants, map);
}

size_t grants_stride(const struct grants *grants)
{
	return grants->gntdev.stride;
}

const struct grants_counters *grants_counters(const struct grants *grants)
{
	return &grants->counters;
}

unsigned grants_mapped(const struct grants *grants)
{
	const struct grant_map *map;
	unsigned count = MAPS;

	for (map = grants->unused; map; map = map->next)
		count--;
	return count;
}
