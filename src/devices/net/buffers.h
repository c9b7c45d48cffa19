/* SPDX-License-Identifier: GPL-2.0-or-later */
/* buffers.h: the buffers that a guest has posted to a receive queue: those that were taken
 * from it and are not used yet, in order. */
#pragma once
#include "virtio/chain.h"
#include "virtio/queue.h"

#define NET_BUFFERS_MAX      VIRTQUEUE_SIZE_MAX
#define NET_BUFFERS_TOGETHER 64U /* of one frame: 64 KiB in pages of 1.5 KiB take 43 */

struct net_buffers {
	struct virtqueue *vq;
	struct chain *chains[NET_BUFFERS_MAX]; /* a circle */
	unsigned first, count;
};

/* The one with this number, from the first that is not used. */
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

/* The first @count are used. */
void net_buffers_used(struct net_buffers *buffers, unsigned count);

/* All go back, empty. */
void net_buffers_give_back(struct net_buffers *buffers);
