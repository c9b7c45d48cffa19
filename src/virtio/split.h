/* SPDX-License-Identifier: GPL-2.0-or-later */
/* split.h: the split ring (virtio 1.2, 2.7), device side.
 *
 * With memory/ the only reader of ring memory. Belongs to one thread. */
#pragma once
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "memory/memory.h"
#include "virtio/chain.h"
#include "virtio/inflight.h"

#define VIRTQUEUE_SIZE_MAX 256 /* descriptors, and segments of one chain */

/* As the driver wrote them, unchecked. */
struct virtqueue_registers {
	uint16_t size;
	uint8_t enabled; /* 0 or 1 */
	uint64_t descriptors, driver_area, device_area;
};

/* An indirect table on its way. */
struct split_fetch {
	struct chain *owner;
	struct vring_desc *table;
	unsigned count;
	int err;
};

struct own;

enum split_area { SPLIT_DESCRIPTORS, SPLIT_AVAILABLE, SPLIT_USED, SPLIT_AREAS };

struct split_ring {
	struct memory_map maps[SPLIT_AREAS];
	uint16_t size;
	uint16_t last_available; /* next entry to take */
	uint16_t used_index;     /* next entry to fill */
	uint16_t published;      /* used->idx as the guest sees it */
	bool event_idx, indirect;
	struct chain *chains;     /* by head */
	struct segment *segments; /* of all chains */
	struct own *own;
	uint8_t *tables; /* indirect tables of one batch, one behind the other */
	struct split_fetch *fetches;
	struct inflight *inflight;
	uint16_t pushed[VIRTQUEUE_SIZE_MAX]; /* heads, not shown yet */
	unsigned npushed;
	uint16_t again[VIRTQUEUE_SIZE_MAX]; /* heads that a dead process had taken */
	unsigned nagain, next_again;
};

/* Storage for the largest ring, for batches of @batch. What is in flight is noted in
 * @inflight. 0 or -ENOMEM. */
int split_init(struct split_ring *ring, unsigned batch, struct own *own, struct inflight *inflight);
void split_free(struct split_ring *ring);

/* Checks the registers and maps the ring. 0, or -EINVAL or memory_map()'s. */
int split_start(struct split_ring *ring, const struct memory *memory,
		const struct virtqueue_registers *registers, uint64_t features);

/* The same for a ring that a dead process has used: goes on from there. */
int split_adopt(struct split_ring *ring, const struct memory *memory,
		const struct virtqueue_registers *registers, uint64_t features);
void split_stop(struct split_ring *ring, const struct memory *memory);

/* Takes up to @max chains (at most @batch of split_init()); all indirect tables
 * are fetched by one copy. Returns their number, or -1 with @why set: then the
 * ring is broken and nothing of it may be used. */
int split_pop(struct split_ring *ring, const struct memory *memory, struct chain **chains,
	      unsigned max, const char **why);

/* Fills a used entry, not yet seen by the guest. */
void split_push(struct split_ring *ring, const struct chain *chain, uint32_t written);

/* The used ring, with the event field behind it. */
static inline size_t split_used_bytes(uint16_t size)
{
	return sizeof(struct vring_used) + size * sizeof(struct vring_used_elem) +
	       sizeof(__virtio16);
}

/* Shows the guest what was pushed. True if it wants an interrupt for it. */
bool split_publish(struct split_ring *ring);

/* The same, asked again: for all that was shown behind the used index @since. */
bool split_interrupt_wanted(const struct split_ring *ring, uint16_t since);

/* Has the driver made chains available that were not taken yet? */
bool split_more(const struct split_ring *ring);

/* Tells the driver not to kick, or to kick; split_arm() returns false if
 * chains came in meanwhile: then take them instead of waiting. */
void split_disarm(struct split_ring *ring);
bool split_arm(struct split_ring *ring);
