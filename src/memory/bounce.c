/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bounce.c: the pool of bounce buffers. */
#include "memory/bounce.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

struct bounce {
	uint8_t *base;
	unsigned buffers, nfree;
	struct bounce_wait *waiting, **waiting_tail;
	void *free[];
};

struct bounce *bounce_new(unsigned buffers)
{
	struct bounce *bounce = calloc(1, sizeof(*bounce) + buffers * sizeof(bounce->free[0]));
	unsigned i;

	if (!bounce)
		return NULL;
	bounce->base = mmap(NULL, (size_t)buffers * BOUNCE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bounce->base == MAP_FAILED) {
		free(bounce);
		return NULL;
	}
	bounce->buffers = bounce->nfree = buffers;
	bounce->waiting_tail = &bounce->waiting;
	for (i = 0; i < buffers; i++)
		bounce->free[i] = bounce->base + (size_t)(buffers - 1 - i) * BOUNCE_BYTES;
	return bounce;
}

void bounce_free(struct bounce *bounce)
{
	if (!bounce)
		return;
	munmap(bounce->base, (size_t)bounce->buffers * BOUNCE_BYTES);
	free(bounce);
}

void *bounce_get(struct bounce *bounce)
{
	return bounce->nfree ? bounce->free[--bounce->nfree] : NULL;
}

void bounce_wait(struct bounce *bounce, struct bounce_wait *wait)
{
	wait->next = NULL;
	*bounce->waiting_tail = wait;
	bounce->waiting_tail = &wait->next;
}

void bounce_put(struct bounce *bounce, void *buffer)
{
	struct bounce_wait *first = bounce->waiting;

	if (!first) {
		bounce->free[bounce->nfree++] = buffer;
		return;
	}
	bounce->waiting = first->next;
	if (!bounce->waiting)
		bounce->waiting_tail = &bounce->waiting;
	first->ready(first, buffer);
}
