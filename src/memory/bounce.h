/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bounce.h: a fixed pool of page-aligned buffers between guest and store.
 *
 * One per worker, never grown. Who finds it empty waits in line and is called
 * when a buffer comes back. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define BOUNCE_BYTES 65536U /* of one buffer */

struct bounce;

struct bounce_wait {
	void (*ready)(struct bounce_wait *wait, void *buffer);
	struct bounce_wait *next;
};

/* NULL if there is no memory. Pages are touched only as they are used. */
struct bounce *bounce_new(unsigned buffers);
void bounce_free(struct bounce *bounce);

/* A buffer, or NULL: then the caller may bounce_wait(). */
void *bounce_get(struct bounce *bounce);

/* Calls @wait->ready, from inside some bounce_put(), with a buffer: first come,
 * first served. */
void bounce_wait(struct bounce *bounce, struct bounce_wait *wait);
void bounce_put(struct bounce *bounce, void *buffer);
