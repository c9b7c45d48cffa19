/* SPDX-License-Identifier: GPL-2.0-or-later */
/* buffers.h: the buffers that a guest has posted to a receive queue: those that were taken
 * from it, in order, and those that have been filled since and are to go back. */
#pragma once
#include "virtio/chain.h"
#include "virtio/queue.h"

#define NET_BUFFERS_MAX      VIRTQUEUE_SIZE_MAX
#define NET_BUFFERS_TOGETHER 64U /* of one frame: 64 KiB in pages of 1.5 KiB take 43 */

/* A buffer that has a part of a frame. */
struct net_filled {
	struct chain *chain;
	const int *err;
	uint32_t length;
};

struct net_buffers {
	struct virtqueue *vq;
	struct chain *chains[NET_BUFFERS_MAX]; /* empty: a circle */
	unsigned first, count;
	struct net_filled filled[NET_BUFFERS_MAX];
	unsigned nfilled;
};

/* A frame as it is to be in the buffers. */
struct net_bytes {
	uint8_t *data;
	uint32_t length;
	uint32_t ours; /* that are at data, the first ones; the others are where they belong */
	int *err;      /* of the copies */
};

/* The one with this number, from the first that is empty. */
static inline struct chain *net_buffers_at(const struct net_buffers *buffers, unsigned i)
{
	return buffers->chains[(buffers->first + i) % NET_BUFFERS_MAX];
}

/* True if @count of them are there. More are taken; where there are not enough, the guest is
 * asked for a doorbell. */
bool net_buffers_have(struct net_buffers *buffers, unsigned count);

/* How many @length bytes need, the first ones that there are: 0 if there are not enough,
 * UINT32_MAX if no number would do. */
unsigned net_buffers_for(struct net_buffers *buffers, uint32_t length);

/* Is there room for another frame? */
static inline bool net_buffers_may_fill(const struct net_buffers *buffers)
{
	return buffers->nfilled <= NET_BUFFERS_MAX - NET_BUFFERS_TOGETHER;
}

/* Lays the frame out over the first @count, which it needs. The copies are those of
 * memory_copy(), and *@frame.err is looked at by the next net_buffers_push(). */
void net_buffers_fill(struct net_buffers *buffers, unsigned count, struct net_bytes frame);

/* Those that are filled go back; empty, which drivers drop, if their frame could not be
 * copied. False if there are none. */
bool net_buffers_push(struct net_buffers *buffers);

/* Those that are empty go back. */
void net_buffers_give_back(struct net_buffers *buffers);
