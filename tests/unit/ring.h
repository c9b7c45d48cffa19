/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring.h: one split ring in a guest's memory, seen from both sides, for the
 * suites of virtio/split.c.
 */
#ifndef RING_H
#define RING_H

#include <linux/virtio_config.h>

#include "unit/access.h"
#include "virtio/split.h"

#define RING_BATCH 32
#define RING_DESC  0x10000ull
#define RING_AVAIL 0x11000ull
#define RING_USED  0x12000ull
#define RING_TABLE 0x20000ull /* for indirect descriptors */
#define RING_DATA  0x40000ull

#define INDIRECT BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)
#define EVENTS   BIT_ULL(VIRTIO_RING_F_EVENT_IDX)

/* Flags of a descriptor, short enough for tables. */
#define N VRING_DESC_F_NEXT
#define W VRING_DESC_F_WRITE
#define I VRING_DESC_F_INDIRECT

extern struct split_ring ring;
extern struct inflight ring_inflight;
extern struct vring_desc *desc, *table;
extern volatile struct vring_avail *avail;
extern volatile struct vring_used *used;

/* Fixture of each test; nothing may be mapped at its end. */
void ring_setup(void);
void ring_teardown(void);

struct virtqueue_registers ring_registers(uint16_t size);
void ring_start(uint16_t size, uint64_t features);

/* Starts and stops; returns what starting gave. */
int ring_try(const struct virtqueue_registers *registers);

/* As split_start() leaves it but with all indexes at @at, without the cost of mapping. */
void ring_rewind(uint16_t at);

/* The driver makes a head available. */
void ring_offer(uint16_t head);

/* Takes one chain. NULL, or why the ring is broken. */
const char *ring_pop(struct chain **chain);
void ring_assert_broken(const char *why);

/* Fills a used entry; the head may come again. */
void ring_push(struct chain *chain, uint32_t written);

#endif
