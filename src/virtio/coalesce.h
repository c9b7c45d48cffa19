/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coalesce.h: interrupts that wait until there is more to tell.
 *
 * Used buffers are shown to the driver as ever, only the interrupt for them is put
 * off. On the queue's worker; the queue itself is asked by virtqueue_coalesce(). */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

struct virtqueue;

struct coalesce {
	_Atomic uint64_t asked; /* by main: packets << 32 | usecs */
	struct loop_work apply;
	uint32_t packets, usecs; /* in force */
	unsigned waiting;        /* buffers that the driver is yet to be told of */
	uint16_t since;          /* the used index before them */
	struct loop_timer timer; /* armed while there are some */
};

void coalesce_init(struct coalesce *coalesce);

/* The queue starts, with the rules asked for; or it stops: what waits is not sent any more. */
void coalesce_start(struct virtqueue *queue);
void coalesce_stop(struct virtqueue *queue);

/* A dead process may not have sent the last interrupt. Drivers that poll want none: their
 * lines would stay up. */
void coalesce_adopted(struct virtqueue *queue);

/* Buffers were published, behind the used index @since. @wanted: the driver wants an
 * interrupt for them; it is sent now or later. */
void coalesce_published(struct virtqueue *queue, uint16_t since, bool wanted);
