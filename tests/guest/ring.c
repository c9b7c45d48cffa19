/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring.c: the driver's side of a split virtqueue, after Linux's virtio_ring.c:
 * direct and indirect, with and without event indexes. Buffers are mapped as
 * they are added and unmapped as their used entry is read, not later.
 */
#include "guest.h"

#include <stdatomic.h>
#include <stdlib.h>

#define RING_ALIGN 64
#define NO_TABLE   0

/* The used ring follows on a cache line of its own, all in one allocation. */
static void ring_layout(struct gring *ring)
{
	uint64_t avail = 16ull * ring->size, used;

	used = (avail + 6 + 2ull * ring->size + RING_ALIGN - 1) & ~(RING_ALIGN - 1ull);
	ring->pages = (unsigned int)((used + 6 + 8ull * ring->size + FAKE_PAGE - 1) / FAKE_PAGE);
	ring->gpa = gdma_alloc(ring->dma, ring->pages, &ring->addr);
	ring->desc = fake_ram(ring->gpa);
	ring->avail = fake_ram(ring->gpa + avail);
	ring->used = fake_ram(ring->gpa + used);
	ring->desc_addr = ring->addr;
	ring->avail_addr = ring->addr + avail;
	ring->used_addr = ring->addr + used;
	ring->watch = fake_ring_watch(ring->gpa + used, ring->size);
}

struct gring *gring_new(struct gdma *dma, uint16_t size, bool indirect, bool event_idx)
{
	struct gring *ring = calloc(1, sizeof(*ring));
	uint16_t i;

	if (!ring || size > GRING_MAX)
		abort();
	ring->dma = dma;
	ring->size = ring->num_free = size;
	ring->indirect = indirect;
	ring->event_idx = event_idx;
	ring_layout(ring);
	for (i = 0; i < size; i++)
		ring->shadow[i].next = (uint16_t)(i + 1);
	return ring;
}

static volatile uint16_t *used_event(const struct gring *ring)
{
	return &ring->avail->ring[ring->size];
}

static uint16_t avail_event(const struct gring *ring)
{
	return *(volatile uint16_t *)&ring->used->ring[ring->size];
}

/* ---- adding --------------------------------------------------------------------- */

/* A shadow keeps what must be unmapped: the device could change the descriptor. */
static bool map_desc(struct gring *ring, uint16_t head, struct vring_desc *desc,
		     const struct gsg *sg, bool in)
{
	desc->addr = gdma_map(ring->dma, sg->gpa, sg->len, in ? GDMA_FROM_DEVICE : GDMA_TO_DEVICE);
	if (desc->addr == GDMA_ERROR)
		return false;
	gdma_own(ring->dma, desc->addr, sg->len, ring->watch, head);
	desc->len = sg->len;
	desc->flags = in ? VRING_DESC_F_WRITE : 0;
	return true;
}

/* The table starts anywhere, even so that it crosses a page. */
static struct vring_desc *table_new(struct gring *ring, struct gring_head *head, unsigned int n)
{
	uint32_t offset = guest_random(FAKE_PAGE / 16) * 16;
	uint64_t gpa;

	head->table_len = 16 * n;
	head->table_pages = (offset + head->table_len + FAKE_PAGE - 1) / FAKE_PAGE;
	gpa = gpage_alloc(head->table_pages);
	head->table = gpa + offset;
	head->table_addr = gdma_map(ring->dma, head->table, head->table_len, GDMA_TO_DEVICE);
	return fake_ram(head->table);
}

static void add_indirect(struct gring *ring, const struct gsg *sg, unsigned int nout,
			 unsigned int n)
{
	uint16_t id = ring->free_head;
	struct gring_head *head = &ring->head[id];
	struct vring_desc *table = table_new(ring, head, n);
	unsigned int i;

	gdma_own(ring->dma, head->table_addr, head->table_len, ring->watch, id);
	for (i = 0; i < n; i++) {
		if (!map_desc(ring, id, &table[i], &sg[i], i >= nout))
			abort();
		table[i].flags |= i + 1 < n ? VRING_DESC_F_NEXT : 0;
		table[i].next = (uint16_t)(i + 1);
	}
	ring->free_head = ring->shadow[id].next;
	ring->num_free--;
	head->ndesc = 1;
	ring->desc[id].addr = head->table_addr;
	ring->desc[id].len = head->table_len;
	ring->desc[id].flags = VRING_DESC_F_INDIRECT;
	ring->desc[id].next = 0;
}

static void add_direct(struct gring *ring, const struct gsg *sg, unsigned int nout, unsigned int n)
{
	uint16_t id = ring->free_head, d = id;
	unsigned int i;

	ring->head[id].table = NO_TABLE;
	ring->head[id].ndesc = (uint16_t)n;
	for (i = 0; i < n; i++) {
		struct vring_desc *shadow = &ring->shadow[d];

		if (!map_desc(ring, id, shadow, &sg[i], i >= nout))
			abort();
		shadow->flags |= i + 1 < n ? VRING_DESC_F_NEXT : 0;
		ring->desc[d].addr = shadow->addr;
		ring->desc[d].len = shadow->len;
		ring->desc[d].flags = shadow->flags;
		ring->desc[d].next = shadow->next;
		d = shadow->next;
	}
	ring->free_head = d;
	ring->num_free = (uint16_t)(ring->num_free - n);
}

void gring_show(struct gring *ring)
{
	atomic_thread_fence(memory_order_release);
	ring->avail->idx = ring->avail_idx;
	ring->held = false;
}

bool gring_add(struct gring *ring, const struct gsg *out, unsigned int nout, const struct gsg *in,
	       unsigned int nin, void *token)
{
	unsigned int i, n = nout + nin;
	bool indirect = ring->indirect && n > 1 && ring->num_free;
	struct gsg sg[GRING_MAX];
	uint16_t id = ring->free_head;

	if (ring->dma->broken || (indirect ? 1 : n) > ring->num_free || n > GRING_MAX)
		return false;
	ring->head[id].in_len = 0;
	for (i = 0; i < n; i++) {
		sg[i] = i < nout ? out[i] : in[i - nout];
		ring->head[id].in_len += i < nout ? 0 : sg[i].len;
	}
	if (indirect)
		add_indirect(ring, sg, nout, n);
	else
		add_direct(ring, sg, nout, n);
	ring->head[id].token = token;
	ring->avail->ring[ring->avail_idx++ % ring->size] = id;
	if (!ring->held)
		gring_show(ring);
	return true;
}

bool gring_kick_prepare(struct gring *ring)
{
	uint16_t old = ring->kicked_idx, new = ring->avail_idx;

	atomic_thread_fence(memory_order_seq_cst);
	ring->kicked_idx = new;
	if (ring->event_idx)
		return vring_need_event(avail_event(ring), new, old);
	return old != new && !(ring->used->flags & VRING_USED_F_NO_NOTIFY);
}

/* ---- completion --------------------------------------------------------------------- */

static void unmap(struct gring *ring, uint16_t id, uint64_t addr, uint32_t len)
{
	gdma_disown(ring->dma, addr, len, ring->watch, id);
	gdma_unmap(ring->dma, addr, len);
}

static void unmap_table(struct gring *ring, uint16_t id)
{
	struct gring_head *head = &ring->head[id];
	const struct vring_desc *table = fake_ram(head->table);
	uint32_t i;

	unmap(ring, id, head->table_addr, head->table_len);
	for (i = 0; i < head->table_len / 16; i++)
		unmap(ring, id, table[i].addr, table[i].len);
	gpage_free(head->table & ~(FAKE_PAGE - 1ull), head->table_pages);
}

/* Unmap a request's buffers and give its descriptors back. */
static void detach(struct gring *ring, uint16_t id)
{
	struct gring_head *head = &ring->head[id];
	uint16_t d = id;
	unsigned int i;

	if (head->table != NO_TABLE)
		unmap_table(ring, id);
	for (i = 0; i < head->ndesc; i++) {
		if (head->table == NO_TABLE)
			unmap(ring, id, ring->shadow[d].addr, ring->shadow[d].len);
		if (i + 1 < head->ndesc)
			d = ring->shadow[d].next;
	}
	ring->shadow[d].next = ring->free_head;
	ring->free_head = id;
	ring->num_free = (uint16_t)(ring->num_free + head->ndesc);
	head->token = NULL;
}

bool gring_more(const struct gring *ring)
{
	return ring->used->idx != ring->last_used;
}

static bool used_entry_ok(const struct gring *ring, uint32_t id, uint32_t len)
{
	if (id >= ring->size || !ring->head[id].token) {
		fake_violation("used id %u is not in flight", id);
		return false;
	}
	if (len > ring->head[id].in_len)
		fake_violation("used length %u, the request had room for %u", len,
			       ring->head[id].in_len);
	return true;
}

void *gring_get(struct gring *ring, uint32_t *len)
{
	uint16_t at = ring->last_used % ring->size;
	uint32_t id;
	void *token;

	if (ring->dma->broken || !gring_more(ring))
		return NULL;
	atomic_thread_fence(memory_order_acquire);
	if ((uint16_t)(ring->used->idx - ring->last_used) > gring_inflight(ring))
		fake_violation("used index ran ahead: %u, read up to %u", ring->used->idx,
			       ring->last_used);
	id = ring->used->ring[at].id;
	*len = ring->used->ring[at].len;
	if (!used_entry_ok(ring, id, *len)) {
		ring->dma->broken = true;
		return NULL;
	}
	token = ring->head[id].token;
	detach(ring, (uint16_t)id);
	fake_ring_consumed(ring->watch, ++ring->last_used);
	if (ring->event_idx && !ring->no_interrupt)
		*used_event(ring) = ring->last_used;
	return token;
}

unsigned int gring_inflight(const struct gring *ring)
{
	return (uint16_t)(ring->avail_idx - ring->last_used);
}

/* With event indexes the flags stay 0, and Linux leaves an event that is far off. */
void gring_disable_cb(struct gring *ring)
{
	ring->no_interrupt = true;
	if (ring->event_idx)
		*used_event(ring) = 0;
	else
		ring->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
}

bool gring_enable_cb(struct gring *ring)
{
	ring->no_interrupt = false;
	if (ring->event_idx)
		*used_event(ring) = ring->last_used;
	else
		ring->avail->flags = 0;
	atomic_thread_fence(memory_order_seq_cst);
	return !gring_more(ring);
}

void gring_free(struct gring *ring)
{
	uint16_t i;

	fake_ring_unwatch(ring->watch);
	for (i = 0; i < ring->size; i++)
		if (ring->head[i].token)
			detach(ring, i);
	gdma_free(ring->dma, ring->gpa, ring->pages, ring->addr);
	free(ring);
}
