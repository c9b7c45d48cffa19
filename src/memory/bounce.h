/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bounce.h: a fixed pool of pages between guest and store.
 *
 * One per worker, never grown. It hands out runs of pages. Who asks for more
 * than there is gets less and moves in pieces; who finds nothing waits in line.
 *
 * Each queue of the worker has a share. Half of the pool is divided among the
 * shares and kept for them, so that one on a slow store cannot take what the
 * others need; the other half is for whoever comes first. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOUNCE_MIN     (256U << 10) /* of a pool */
#define BOUNCE_MAX     (1U << 30)
#define BOUNCE_RUN_MAX (256U << 10) /* of one buffer */

struct bounce;

struct bounce_buffer {
	void *base; /* NULL: there is none */
	uint32_t length;
};

struct bounce_wait {
	void (*ready)(struct bounce_wait *wait, struct bounce_buffer buffer);
	uint32_t length;
	struct bounce_wait *next;
};

/* A queue's, from bounce_join() to bounce_leave(). */
struct bounce_share {
	unsigned held; /* pages */
	struct bounce_wait *waiting, **waiting_tail;
	struct bounce_share *next; /* in a circle */
};

/* A pool of @length bytes, rounded up to BOUNCE_RUN_MAX, the first of which are
 * @special, pages that are cheaper to use. NULL if there is no memory. */
struct bounce *bounce_new(size_t length, void *special, unsigned pages);
void bounce_free(struct bounce *bounce);

/* What is not special, to be registered with io_uring. */
void bounce_ordinary(const struct bounce *bounce, void **base, size_t *length);

void bounce_join(struct bounce *bounce, struct bounce_share *share);
void bounce_leave(struct bounce *bounce, struct bounce_share *share); /* holds and awaits nothing */

/* A buffer of up to @length bytes, whole pages; or none: then the caller may
 * bounce_wait(). */
struct bounce_buffer bounce_get(struct bounce *bounce, struct bounce_share *share, uint32_t length);

/* Calls @wait->ready, from inside some bounce_put(), with a buffer: first come,
 * first served among a share's, and the shares in turn. */
void bounce_wait(struct bounce *bounce, struct bounce_share *share, struct bounce_wait *wait);
void bounce_put(struct bounce *bounce, struct bounce_share *share, struct bounce_buffer buffer);

/* Pages that are out. */
unsigned bounce_used(const struct bounce *bounce);
