/* SPDX-License-Identifier: GPL-2.0-or-later */
/* split.c: the split ring.
 *
 * Everything here reads memory that the guest may change at any time: each
 * value is loaded once into a local, checked there and used from there. */
#include "virtio/split.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "memory/own.h"

#define TABLE_BYTES_MAX (VIRTQUEUE_SIZE_MAX * sizeof(struct vring_desc))
#define TABLES_BYTES    (32U << 10) /* of all tables of a batch */

_Static_assert(TABLE_BYTES_MAX == GUEST_PAGE_SIZE, "a table can keep to one page");

_Static_assert(VIRTQUEUE_SIZE_MAX == INFLIGHT_MAX, "each head has its mark");

int split_init(struct split_ring *ring, unsigned batch, struct own *own, struct inflight *inflight)
{
	unsigned i;

	*ring = (struct split_ring){ 0 };
	ring->chains = calloc(VIRTQUEUE_SIZE_MAX, sizeof(*ring->chains));
	ring->segments =
		calloc((size_t)VIRTQUEUE_SIZE_MAX * VIRTQUEUE_SIZE_MAX, sizeof(*ring->segments));
	ring->own = own;
	ring->inflight = inflight;
	ring->tables = own_alloc(own, TABLES_BYTES);
	ring->fetches = calloc(batch, sizeof(*ring->fetches));
	if (!ring->chains || !ring->segments || !ring->tables || !ring->fetches) {
		split_free(ring);
		return -ENOMEM;
	}
	for (i = 0; i < VIRTQUEUE_SIZE_MAX; i++) {
		ring->chains[i].head = (uint16_t)i;
		ring->chains[i].segments = ring->segments + (size_t)i * VIRTQUEUE_SIZE_MAX;
	}
	return 0;
}

void split_free(struct split_ring *ring)
{
	free(ring->chains);
	free(ring->segments);
	if (ring->own)
		own_free(ring->own, ring->tables);
	free(ring->fetches);
	*ring = (struct split_ring){ 0 };
}

static bool geometry_valid(const struct virtqueue_registers *registers)
{
	uint16_t size = registers->size;

	return size && size <= VIRTQUEUE_SIZE_MAX && !(size & (size - 1)) &&
	       !(registers->descriptors % VRING_DESC_ALIGN_SIZE) &&
	       !(registers->driver_area % VRING_AVAIL_ALIGN_SIZE) &&
	       !(registers->device_area % VRING_USED_ALIGN_SIZE);
}

/* The two event fields of EVENT_IDX lie behind the rings' ends. */
static int map_rings(struct split_ring *ring, const struct memory *memory,
		     const struct virtqueue_registers *registers)
{
	size_t size = registers->size;
	const struct memory_area areas[SPLIT_AREAS] = {
		[SPLIT_DESCRIPTORS] = { .address = registers->descriptors,
					.length = size * sizeof(struct vring_desc) },
		[SPLIT_AVAILABLE] = { .address = registers->driver_area,
				      .length = sizeof(struct vring_avail) +
						(size + 1) * sizeof(__virtio16) },
		[SPLIT_USED] = { .address = registers->device_area,
				 .length = split_used_bytes(registers->size),
				 .writable = true },
	};

	return memory_map(memory, areas, SPLIT_AREAS, ring->maps);
}

static int start(struct split_ring *ring, const struct memory *memory,
		 const struct virtqueue_registers *registers, uint64_t features)
{
	unsigned i;
	int err;

	if (!geometry_valid(registers))
		return -EINVAL;
	err = map_rings(ring, memory, registers);
	if (err)
		return err;
	ring->size = registers->size;
	ring->last_available = ring->used_index = ring->published = 0;
	ring->event_idx = features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	ring->indirect = features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	ring->npushed = ring->nagain = ring->next_again = 0;
	for (i = 0; i < VIRTQUEUE_SIZE_MAX; i++)
		ring->chains[i].in_flight = false;
	return 0;
}

int split_start(struct split_ring *ring, const struct memory *memory,
		const struct virtqueue_registers *registers, uint64_t features)
{
	inflight_reset(ring->inflight);
	return start(ring, memory, registers, features);
}

void split_stop(struct split_ring *ring, const struct memory *memory)
{
	memory_unmap(memory, ring->maps, SPLIT_AREAS);
}

static const struct vring_avail *available(const struct split_ring *ring)
{
	return ring->maps[SPLIT_AVAILABLE].address;
}

static struct vring_used *used(const struct split_ring *ring)
{
	return ring->maps[SPLIT_USED].address;
}

static uint16_t available_index(const struct split_ring *ring)
{
	return __atomic_load_n(&available(ring)->idx, __ATOMIC_ACQUIRE);
}

/* Entries that were shown while their heads still had their marks; all of the guest's making. */
static int recover(struct split_ring *ring)
{
	uint16_t index = __atomic_load_n(&used(ring)->idx, __ATOMIC_ACQUIRE), heads[INFLIGHT_MAX];
	uint16_t at = ring->inflight->shown, mask = ring->size - 1;
	unsigned count = 0;

	if ((uint16_t)(index - at) > ring->size)
		return -EINVAL;
	for (; at != index; at++) {
		uint32_t head = __atomic_load_n(&used(ring)->ring[at & mask].id, __ATOMIC_RELAXED);

		if (head < ring->size)
			heads[count++] = (uint16_t)head;
	}
	ring->nagain =
		inflight_recover(ring->inflight, ring->size, heads, count, index, ring->again);
	ring->used_index = ring->published = index;
	ring->last_available = (uint16_t)(index + ring->nagain);
	return 0;
}

int split_adopt(struct split_ring *ring, const struct memory *memory,
		const struct virtqueue_registers *registers, uint64_t features)
{
	int err = start(ring, memory, registers, features);

	if (err)
		return err;
	err = recover(ring);
	if (err)
		split_stop(ring, memory);
	return err;
}

static struct vring_desc descriptor(const struct split_ring *ring, uint16_t index)
{
	const struct vring_desc *table = ring->maps[SPLIT_DESCRIPTORS].address;
	struct vring_desc copy;

	__builtin_memcpy(&copy, (const void *)&table[index], sizeof(copy));
	__asm__ volatile("" ::: "memory"); /* the copy is made here and only here */
	return copy;
}

/* A chain as far as it was walked: in registers, not in memory. */
struct walk {
	unsigned nout, nin;
	uint64_t out_length, in_length;
};

static inline struct walk walk_from(const struct chain *chain)
{
	return (struct walk){ .nout = chain->nout,
			      .nin = chain->nin,
			      .out_length = chain->out_length,
			      .in_length = chain->in_length };
}

/* NULL, or what is wrong with the descriptor. */
static inline const char *add_segment(struct walk *walk, struct segment *segments,
				      const struct vring_desc *descriptor)
{
	struct segment *segment = &segments[walk->nout + walk->nin];

	if (!descriptor->len)
		return "an empty descriptor";
	if (walk->nout + walk->nin == VIRTQUEUE_SIZE_MAX)
		return "a chain that is too long";
	segment->address = descriptor->addr;
	segment->length = descriptor->len;
	if (descriptor->flags & VRING_DESC_F_WRITE) {
		walk->nin++;
		walk->in_length += descriptor->len;
		return NULL;
	}
	if (walk->nin)
		return "a readable descriptor behind a writable one";
	walk->nout++;
	walk->out_length += descriptor->len;
	return NULL;
}

static inline const char *walked_to(struct chain *chain, const struct walk *walk)
{
	if (walk->out_length + walk->in_length > UINT32_MAX)
		return "a chain of more than 4 GiB";
	chain->nout = (uint16_t)walk->nout;
	chain->nin = (uint16_t)walk->nin;
	chain->out_length = (uint32_t)walk->out_length;
	chain->in_length = (uint32_t)walk->in_length;
	return NULL;
}

static const char *check_table(const struct split_ring *ring, const struct vring_desc *descriptor)
{
	if (!ring->indirect)
		return "an indirect descriptor, not negotiated";
	if (descriptor->flags & VRING_DESC_F_NEXT)
		return "an indirect descriptor with a next one";
	if (!descriptor->len || descriptor->len % sizeof(*descriptor) ||
	    descriptor->len > TABLE_BYTES_MAX)
		return "an indirect table of a wrong size";
	return NULL;
}

/* Walks the part of a chain that is in the ring itself; it may end in one
 * indirect descriptor (virtio 1.2, 2.7.5.3.2), left in @table. */
static const char *walk_ring(const struct split_ring *ring, struct chain *chain,
			     struct vring_desc *table)
{
	struct walk walk = walk_from(chain);
	uint16_t index = chain->head, steps;
	struct vring_desc d;
	const char *why;

	table->len = 0;
	for (steps = 0; steps < ring->size; steps++) {
		d = descriptor(ring, index);
		if (d.flags & VRING_DESC_F_INDIRECT) {
			why = check_table(ring, &d);
			*table = d;
			return why ? why : walked_to(chain, &walk);
		}
		why = add_segment(&walk, chain->segments, &d);
		if (why)
			return why;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return walked_to(chain, &walk);
		if (d.next >= ring->size)
			return "a next descriptor outside of the ring";
		index = d.next;
	}
	return "a loop of descriptors";
}

/* @table is our copy of the indirect table. */
static const char *walk_table(struct chain *chain, const struct vring_desc *table, unsigned count)
{
	struct segment *segments = chain->segments;
	struct walk walk = walk_from(chain);
	unsigned index = 0, steps;
	const char *why;

	for (steps = 0; steps < count; steps++) {
		const struct vring_desc *d = &table[index];

		if (d->flags & VRING_DESC_F_INDIRECT)
			return "an indirect descriptor in an indirect table";
		why = add_segment(&walk, segments, d);
		if (why)
			return why;
		if (!(d->flags & VRING_DESC_F_NEXT))
			return walked_to(chain, &walk);
		if (d->next >= count)
			return "a next descriptor outside of its table";
		index = d->next;
	}
	return "a loop in an indirect table";
}

static bool has_again(const struct split_ring *ring)
{
	return ring->next_again < ring->nagain;
}

/* What a dead process had taken comes first, and has its mark. */
static const char *take_head(struct split_ring *ring, struct chain **result)
{
	uint16_t slot = ring->last_available & (ring->size - 1);
	uint16_t head = has_again(ring)
				? ring->again[ring->next_again]
				: __atomic_load_n(&available(ring)->ring[slot], __ATOMIC_RELAXED);
	struct chain *chain;

	if (head >= ring->size)
		return "a head outside of the ring";
	chain = &ring->chains[head];
	if (chain->in_flight)
		return "a head that is in flight already";
	if (has_again(ring)) {
		ring->next_again++;
	} else {
		ring->last_available++;
		inflight_take(ring->inflight, head);
	}
	chain->in_flight = true;
	chain->nout = chain->nin = 0;
	chain->out_length = chain->in_length = 0;
	*result = chain;
	return NULL;
}

/* One copy for the tables of the whole batch, then their walks. */
static const char *finish_indirect(struct split_ring *ring, const struct memory *memory,
				   unsigned tables)
{
	const char *why = NULL;
	unsigned i;

	memory_flush(memory);
	for (i = 0; i < tables && !why; i++) {
		const struct split_fetch *fetch = &ring->fetches[i];

		if (fetch->err)
			return "an indirect table that cannot be read";
		why = walk_table(fetch->owner, fetch->table, fetch->count);
	}
	return why;
}

/* Where the next table of this length goes, behind @used bytes: not across a page. */
static uint32_t table_offset(uint32_t used, uint32_t length)
{
	uint32_t left = GUEST_PAGE_SIZE - used % GUEST_PAGE_SIZE;

	return left < length ? used + left : used;
}

static void fetch_table(const struct split_ring *ring, const struct memory *memory,
			struct split_fetch *fetch, const struct vring_desc *table, uint32_t *used)
{
	uint32_t offset = table_offset(*used, table->len);

	fetch->table = (struct vring_desc *)(ring->tables + offset);
	fetch->count = table->len / (unsigned)sizeof(*table);
	fetch->err = 0;
	memory_copy(memory, table->addr, fetch->table, table->len, false, &fetch->err);
	*used = offset + table->len;
}

/* As many as there is room for their tables, at most *@count. */
static const char *take_chains(struct split_ring *ring, const struct memory *memory,
			       struct chain **chains, unsigned *count)
{
	struct vring_desc table;
	unsigned i, tables = 0;
	uint32_t used = 0;
	const char *why = NULL, *unfetched;

	for (i = 0; i < *count && !why; i++) {
		if (table_offset(used, TABLE_BYTES_MAX) == TABLES_BYTES)
			break;
		why = take_head(ring, &chains[i]);
		if (!why)
			why = walk_ring(ring, chains[i], &table);
		if (why || !table.len)
			continue;
		ring->fetches[tables].owner = chains[i];
		fetch_table(ring, memory, &ring->fetches[tables++], &table, &used);
	}
	*count = i;
	unfetched = tables ? finish_indirect(ring, memory, tables) : NULL;
	return why ? why : unfetched;
}

int split_pop(struct split_ring *ring, const struct memory *memory, struct chain **chains,
	      unsigned max, const char **why)
{
	uint16_t waiting = (uint16_t)(available_index(ring) - ring->last_available);
	unsigned count = (unsigned)min_u64(waiting + ring->nagain - ring->next_again, max);

	if (waiting > ring->size) {
		*why = "an available index that jumped";
		return -1;
	}
	*why = take_chains(ring, memory, chains, &count);
	return *why ? -1 : (int)count;
}

void split_push(struct split_ring *ring, const struct chain *chain, uint32_t written)
{
	uint16_t slot = ring->used_index & (ring->size - 1);
	struct vring_used_elem *element = &used(ring)->ring[slot];

	__atomic_store_n(&element->id, chain->head, __ATOMIC_RELAXED);
	__atomic_store_n(&element->len, written, __ATOMIC_RELAXED);
	ring->pushed[ring->npushed++] = chain->head;
	ring->used_index++;
}

/* used_event, behind the available ring: written by the driver. */
static uint16_t used_event(const struct split_ring *ring)
{
	return __atomic_load_n(&available(ring)->ring[ring->size], __ATOMIC_RELAXED);
}

bool split_interrupt_wanted(const struct split_ring *ring, uint16_t since)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* shown before we ask who wants to know */
	if (ring->event_idx)
		return vring_need_event(used_event(ring), ring->published, since);
	return !(__atomic_load_n(&available(ring)->flags, __ATOMIC_RELAXED) &
		 VRING_AVAIL_F_NO_INTERRUPT);
}

bool split_publish(struct split_ring *ring)
{
	uint16_t before = ring->published;

	ring->published = ring->used_index;
	__atomic_store_n(&used(ring)->idx, ring->used_index, __ATOMIC_RELEASE);
	inflight_show(ring->inflight, ring->pushed, ring->npushed, ring->used_index);
	ring->npushed = 0;
	return split_interrupt_wanted(ring, before);
}

bool split_more(const struct split_ring *ring)
{
	return available_index(ring) != ring->last_available || has_again(ring);
}

void split_disarm(struct split_ring *ring)
{
	if (!ring->event_idx) /* else the event index, left behind, does it */
		__atomic_store_n(&used(ring)->flags, VRING_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
}

bool split_arm(struct split_ring *ring)
{
	/* avail_event, behind the used ring: written by us. */
	uint16_t *available_event = (uint16_t *)&used(ring)->ring[ring->size];

	if (ring->event_idx)
		__atomic_store_n(available_event, ring->last_available, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&used(ring)->flags, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* armed before we look again */
	return !split_more(ring);
}
