/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * grants.c: the guest's grant table: what Xen checks when the backend uses a
 * grant, and the guest's side, which gives grants and takes them back.
 *
 * A grant that belongs to requests may not be touched once all of them are in
 * the used ring.
 */
#include <stdlib.h>
#include <string.h>
#include <xengnttab.h>

#include "world.h"

/* ---- what Xen checks (lock held) --------------------------------------------- */

/* Would this access be refused? Returns a GNTST value. */
int16_t grant_status(uint32_t domid, uint32_t ref, bool write)
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

/* Has the guest been told that all requests of this grant are done? */
static bool all_done(const struct grant *g)
{
	const struct used_ring *ring;
	unsigned int i;

	for (i = 0; i < g->nr_owners; i++) {
		ring = &world->used_ring[g->owner[i].ring];
		if (!ring->active || !published(ring, g->owner[i].head))
			return false;
	}
	return g->owned;
}

void grant_touched(uint32_t ref, const char *what)
{
	const struct grant *g = &world->grant[ref];

	if (!g->used || !all_done(g))
		return;
	if (g->nr_owners)
		world_violation("grant %u %s after its request (head %u) was in the used ring", ref,
				what, g->owner[g->nr_owners - 1].head);
	else
		world_violation("grant %u %s without a request", ref, what);
}

/* ---- pins (lock held) ---------------------------------------------------------- */

void grant_pin(uint32_t ref, bool writable, int by)
{
	struct pins *pins = &world->pins[fake_proc];
	uint16_t *n = writable ? &pins->rw[ref] : &pins->ro[ref];

	*n = (uint16_t)(*n + by);
	pins->grants += (uint32_t)by;
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

unsigned int fake_maps(void)
{
	unsigned int p, n = 0;

	for (p = 0; p < MAX_PROCS; p++)
		n += world->pins[p].maps;
	return n;
}

void fake_maptrack(unsigned int pages)
{
	world_lock();
	world->maptrack = pages;
	world_unlock();
}

void fake_page_size(unsigned int bytes)
{
	world_lock();
	world->page_size = bytes;
	world_unlock();
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

/* Its place in the list, or the end of it. */
static struct owner *find_owner(struct grant *g, unsigned int ring, uint16_t head)
{
	struct owner *end = g->owner + g->nr_owners, *o;

	for (o = g->owner; o < end && (o->ring != ring || o->head != head); o++)
		;
	return o;
}

void fake_grant_owner(uint32_t ref, unsigned int ring, uint16_t head)
{
	struct grant *g = &world->grant[ref];
	struct owner *o;

	world_lock();
	g->owned = true;
	o = find_owner(g, ring, head);
	if (o == g->owner + MAX_OWNERS)
		abort();
	if (o == g->owner + g->nr_owners)
		g->nr_owners++;
	*o = (struct owner){ .ring = (uint8_t)ring, .head = head };
	world_unlock();
}

void fake_grant_disown(uint32_t ref, unsigned int ring, uint16_t head)
{
	struct grant *g = &world->grant[ref];
	struct owner *o;

	world_lock();
	o = find_owner(g, ring, head);
	if (o < g->owner + g->nr_owners)
		*o = g->owner[--g->nr_owners];
	if (mapped(ref) && all_done(g))
		world_violation("grant %u still mapped after its last request (head %u)", ref,
				head);
	world_unlock();
}
