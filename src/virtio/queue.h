/* SPDX-License-Identifier: GPL-2.0-or-later */
/* queue.h: the device side of a virtqueue, blind to the ring's format.
 *
 * A queue lives on its home worker. The main thread only posts to it: start,
 * kick, stop. What the guest wrote is fetched once, copied and checked before
 * a device sees it as a struct chain. A queue whose ring breaks the rules is
 * broken until the device is reset. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/stats.h"
#include "memory/bounce.h"
#include "memory/memory.h"
#include "virtio/coalesce.h"
#include "virtio/poll.h"
#include "virtio/split.h"

struct virtio_device;
struct worker;

#define VIRTQUEUE_BATCH 32 /* chains a turn: the budget of one queue */

enum virtqueue_phase {
	VIRTQUEUE_STOPPED,
	VIRTQUEUE_RUNNING,
	VIRTQUEUE_BROKEN,
	VIRTQUEUE_DRAINING, /* stops when no chain is in flight */
};

struct virtqueue_counters {
	counter_t doorbells;    /* main's */
	counter_t chains, used; /* used: those of a reset, too */
	counter_t interrupts;
};

struct virtqueue {
	struct virtio_device *device;
	unsigned index;
	struct worker *worker; /* home */
	void *private;         /* the device type's */

	/* Written by main while the queue is stopped. */
	struct virtqueue_registers registers;
	uint64_t features;
	uint32_t generation; /* of the device, which counts resets */
	bool adopted;        /* from a dead process */

	/* The home worker's. */
	enum virtqueue_phase phase;
	struct memory memory;
	struct split_ring ring;
	struct chain *batch[VIRTQUEUE_BATCH];
	unsigned in_flight;
	struct bounce_share bounce; /* in the worker's pool, while running */
	struct coalesce coalesce;
	struct queue_poll poll;
	struct virtqueue_counters counters;

	struct loop_work doorbell;          /* at the end of main's turn */
	struct loop_work start, stop, kick; /* posted to the worker */
	struct loop_work publish, drained;  /* at the end of its turn */
	struct loop_work stopped, broken;   /* posted to main */
};

/* 0 or -ENOMEM. */
int virtqueue_init(struct virtqueue *queue, struct virtio_device *device, unsigned index,
		   struct worker *home);
void virtqueue_free(struct virtqueue *queue);

/* From main. The registers are taken over as they are now. virtqueue_stop()
 * ends in virtio_device_queue_stopped(), once nothing of the guest's memory is
 * in use any more. */
void virtqueue_start(struct virtqueue *queue, const struct virtqueue_registers *registers,
		     uint64_t features, uint32_t generation);
/* The same for one that a dead process has run: it goes on. */
void virtqueue_adopt(struct virtqueue *queue, const struct virtqueue_registers *registers,
		     uint64_t features, uint32_t generation);
void virtqueue_kick(struct virtqueue *queue);
void virtqueue_stop(struct virtqueue *queue);

/* From main. Interrupts wait until so many chains are used, or for so long since the
 * first of them; until the next start. With 0 of either each is sent at once. */
void virtqueue_coalesce(struct virtqueue *queue, uint32_t packets, uint32_t usecs);

/* The rest is for devices, on the home worker. */

/* False when the guest must not be touched any more: a device that sees this
 * ends its request by virtqueue_push() without copying. */
static inline bool virtqueue_running(const struct virtqueue *queue)
{
	return queue->phase == VIRTQUEUE_RUNNING;
}

/* For types with kicked(): takes up to @max waiting chains, at most
 * VIRTQUEUE_BATCH. If there is none, or the ring is broken, it returns 0, and
 * kicked() comes when there is one. */
unsigned virtqueue_take(struct virtqueue *queue, struct chain **chains, unsigned max);

/* True if chains wait. Asks for no doorbell, as virtqueue_take() does if there are none. */
bool virtqueue_more(const struct virtqueue *queue);

/* The administrator has all of it wait, also what was taken ahead: there will be a kick. */
bool virtqueue_paused(const struct virtqueue *queue);

/* From any thread: looks for chains again, after the others' turn. */
void virtqueue_again(struct virtqueue *queue);

/* Gives a chain back with @written bytes at the front of its writable part;
 * clamped to what there is. Published with the others at the end of the turn. */
void virtqueue_push(struct virtqueue *queue, struct chain *chain, uint32_t written);

/* The guest broke a rule of the ring or of the device: one line in the log,
 * nothing more is served, and the device needs a reset. */
void virtqueue_break(struct virtqueue *queue, const char *why);
