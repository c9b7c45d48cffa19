/* SPDX-License-Identifier: GPL-2.0-or-later */
/* poll.h: an empty queue that is looked at for a while, in place of doorbells.
 *
 * On the queue's worker. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

struct virtqueue;

struct queue_poll {
	struct loop_poll look;
	uint64_t window; /* ns, as it is now */
	uint64_t since;  /* when the queue became empty; 0: it is not */
	unsigned looks;
};

void poll_init(struct queue_poll *poll);

/* The queue is empty. True if it is looked at from here on, and kicked when there is
 * something or the window is over; false if it is time to ask for doorbells. */
bool poll_instead(struct virtqueue *queue);

/* Chains were taken. */
void poll_found(struct virtqueue *queue);

/* The queue stops, or is broken. */
void poll_stop(struct virtqueue *queue);
