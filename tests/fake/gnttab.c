/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gnttab.c: libxengnttab of the fake Xen, and the guest's side of its grants.
 *
 * A map call is all or nothing; unmapping takes exactly the count that was
 * mapped; a copy reports a status for each segment. A grant that belongs to a
 * request may not be touched once that request is in the used ring.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xengnttab.h>
#include <xentoollog.h>

#include "world.h"

struct mapping {
	struct mapping *next;
	uint8_t *va;
	uint32_t count;
	bool writable;
	uint32_t ref[];
};

struct xengntdev_handle {
	struct restricted restricted;
	pthread_mutex_t lock;
	struct mapping *mappings;
	struct xentoollog_logger *logger;
};

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned int open_flags)
{
	xengnttab_handle *xgt;

	(void)open_flags;
	if (!world_call(FAKE_GRANT_OPEN, 1, 0))
		return NULL;
	xgt = calloc(1, sizeof(*xgt));
	if (!xgt)
		return NULL;
	pthread_mutex_init(&xgt->lock, NULL);
	xgt->logger = logger;
	restricted_open(&xgt->restricted, false);
	return xgt;
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

/* ---- what Xen checks (lock held) --------------------------------------------- */

/* Would this access be refused? Returns a GNTST value. */
static int16_t grant_status(uint32_t domid, uint32_t ref, bool write)
{
	const struct grant *g;

	if (domid != FAKE_DOMID || !world->alive)
		return GNTST_bad_domain;
	if (ref >= FAKE_NR_GRANTS)
		return GNTST_bad_gntref;
	g = &world->grant[ref];
	if (!g->used || (write && g->readonly))
		return GNTST_general_error;
	if (g->pfn >= world->ram_pages || world->p2m[g->pfn] == NO_FRAME)
		return GNTST_bad_page;
	return GNTST_okay;
}

static uint16_t ring_word(uint64_t gpa)
{
	uint16_t word;

	memcpy(&word, (uint8_t *)world_frame(world->p2m[gpa / FAKE_PAGE]) + gpa % FAKE_PAGE,
	       sizeof(word));
	return word;
}

/* Is this head in the used ring, where the guest has not read it yet? */
static bool published(const struct used_ring *ring, uint16_t head)
{
	uint16_t i, idx = ring_word(ring->gpa + 2);

	for (i = ring->consumed; i != idx; i++)
		if (ring_word(ring->gpa + 4 + 8ull * (i % ring->size)) == head)
			return true;
	return false;
}

/* The request is done: whatever happens to its grant now comes too late. */
static void check_not_published(uint32_t ref, const char *what)
{
	const struct grant *g = &world->grant[ref];

	if (!g->used || !g->ring || !world->used_ring[g->ring - 1].active)
		return;
	if (published(&world->used_ring[g->ring - 1], g->head))
		world_violation("grant %u %s after its request (head %u) was in the used ring", ref,
				what, g->head);
}

/* ---- map and unmap ------------------------------------------------------------ */

static void pin(const struct mapping *m, int by)
{
	struct pins *pins = &world->pins[fake_proc];
	uint32_t i;

	for (i = 0; i < m->count; i++)
		if (m->writable)
			pins->rw[m->ref[i]] = (uint16_t)(pins->rw[m->ref[i]] + by);
		else
			pins->ro[m->ref[i]] = (uint16_t)(pins->ro[m->ref[i]] + by);
	pins->grants += (uint32_t)by * m->count;
}

/* Check all, then map all (lock held). */
static bool map_all(struct mapping *m, const uint32_t *domids)
{
	uint32_t i, pfn;

	for (i = 0; i < m->count; i++)
		if (grant_status(domids[i], m->ref[i], m->writable) != GNTST_okay)
			return false;
	for (i = 0; i < m->count; i++) {
		pfn = world->grant[m->ref[i]].pfn;
		if (mmap(m->va + (size_t)i * FAKE_PAGE, FAKE_PAGE,
			 m->writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED | MAP_FIXED,
			 world->memfd, (off_t)world->p2m[pfn] * FAKE_PAGE) == MAP_FAILED)
			abort();
	}
	pin(m, 1);
	return true;
}

static struct mapping *mapping_new(uint32_t count, const uint32_t *refs, bool writable)
{
	struct mapping *m = calloc(1, sizeof(*m) + count * sizeof(m->ref[0]));

	if (!m)
		return NULL;
	m->count = count;
	m->writable = writable;
	memcpy(m->ref, refs, count * sizeof(m->ref[0]));
	m->va = mmap(NULL, (size_t)count * FAKE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	return m;
}

static void *map(xengnttab_handle *xgt, uint32_t count, const uint32_t *domids,
		 const uint32_t *refs, int prot)
{
	struct mapping *m = mapping_new(count, refs, prot & PROT_WRITE);
	bool mapped;

	if (!m || m->va == MAP_FAILED)
		abort();
	world_lock();
	mapped = map_all(m, domids);
	world_unlock();
	if (!mapped) {
		munmap(m->va, (size_t)count * FAKE_PAGE);
		free(m);
		errno = EINVAL;
		return NULL;
	}
	pthread_mutex_lock(&xgt->lock);
	m->next = xgt->mappings;
	xgt->mappings = m;
	pthread_mutex_unlock(&xgt->lock);
	return m->va;
}

void *xengnttab_map_grant_refs(xengnttab_handle *xgt, uint32_t count, uint32_t *domids,
			       uint32_t *refs, int prot)
{
	void *va = NULL;

	if (world_call(FAKE_GRANT_MAP, 2, 1) && restricted_allows(&xgt->restricted, FAKE_DOMID)) {
		errno = EINVAL;
		if (count)
			va = map(xgt, count, domids, refs, prot);
	}
	if (!va)
		log_error(xgt, "mmap failed");
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

static void mapping_end(struct mapping *m)
{
	uint32_t i;

	munmap(m->va, (size_t)m->count * FAKE_PAGE);
	world_lock();
	for (i = 0; i < m->count; i++)
		check_not_published(m->ref[i], "unmapped");
	pin(m, -1);
	world_unlock();
	free(m);
}

static struct mapping *mapping_take(xengnttab_handle *xgt, const void *va, uint32_t count)
{
	struct mapping **p, *m;

	pthread_mutex_lock(&xgt->lock);
	for (p = &xgt->mappings; *p && (*p)->va != va; p = &(*p)->next)
		;
	m = *p;
	if (m && m->count == count)
		*p = m->next;
	pthread_mutex_unlock(&xgt->lock);
	if (!m)
		fake_violation("xengnttab_unmap() of an address that is not mapped");
	else if (m->count != count)
		fake_violation("xengnttab_unmap() of %u pages, mapped as %u", count, m->count);
	return m && m->count == count ? m : NULL;
}

/* Two ioctls and munmap; Xen works in batches of 32. */
int xengnttab_unmap(xengnttab_handle *xgt, void *start_address, uint32_t count)
{
	struct mapping *m;

	if (!world_call(FAKE_GRANT_UNMAP, 3, (count + 31) / 32))
		return -1;
	m = mapping_take(xgt, start_address, count);
	if (!m) {
		errno = EINVAL;
		return -1;
	}
	mapping_end(m);
	return 0;
}

int xengnttab_close(xengnttab_handle *xgt)
{
	struct mapping *m, *next;

	if (!xgt)
		return 0;
	if (xgt->mappings)
		fake_violation("xengnttab_close() with grants still mapped");
	for (m = xgt->mappings; m; m = next) {
		next = m->next;
		mapping_end(m);
	}
	restricted_close(&xgt->restricted);
	pthread_mutex_destroy(&xgt->lock);
	free(xgt);
	return 0;
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
	status = grant_status(side->foreign.domid, side->foreign.ref, write);
	if (status != GNTST_okay)
		return status;
	check_not_published(side->foreign.ref, "copied");
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

/* ---- the guest's side ------------------------------------------------------------ */

void fake_grant(uint32_t ref, uint64_t pfn, bool readonly)
{
	world_lock();
	world->grant[ref] =
		(struct grant){ .used = true, .readonly = readonly, .pfn = (uint32_t)pfn };
	world_unlock();
}

static unsigned int mapped(uint32_t ref)
{
	unsigned int p, n = 0;

	for (p = 0; p < MAX_PROCS; p++)
		n += world->pins[p].ro[ref] + world->pins[p].rw[ref];
	return n;
}

unsigned int fake_grant_mapped(uint32_t ref)
{
	unsigned int n;

	world_lock();
	n = mapped(ref);
	world_unlock();
	return n;
}

bool fake_grant_end(uint32_t ref)
{
	bool idle;

	world_lock();
	idle = mapped(ref) == 0;
	if (idle)
		world->grant[ref].used = false;
	world_unlock();
	return idle;
}

void fake_grant_revoke(uint32_t ref)
{
	world_lock();
	world->grant[ref].used = false;
	world_unlock();
}

unsigned int fake_grants_mapped(void)
{
	unsigned int p, n = 0;

	for (p = 0; p < MAX_PROCS; p++)
		n += world->pins[p].grants;
	return n;
}

unsigned int fake_foreign_mapped(void)
{
	unsigned int p, n = 0;

	for (p = 0; p < MAX_PROCS; p++)
		n += world->pins[p].foreign;
	return n;
}

unsigned int fake_ring_watch(uint64_t used_gpa, uint16_t size)
{
	unsigned int i;

	world_lock();
	for (i = 0; i < MAX_USED_RINGS - 1 && world->used_ring[i].active; i++)
		;
	world->used_ring[i] = (struct used_ring){ .active = true, .size = size, .gpa = used_gpa };
	world_unlock();
	return i;
}

void fake_ring_unwatch(unsigned int ring)
{
	world->used_ring[ring].active = false;
}

void fake_ring_consumed(unsigned int ring, uint16_t last_used)
{
	world_lock();
	world->used_ring[ring].consumed = last_used;
	world_unlock();
}

void fake_grant_owner(uint32_t ref, unsigned int ring, uint16_t head)
{
	world_lock();
	world->grant[ref].ring = (uint8_t)(ring + 1);
	world->grant[ref].head = head;
	world_unlock();
}
