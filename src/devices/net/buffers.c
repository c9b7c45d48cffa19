/* SPDX-License-Identifier: GPL-2.0-or-later */
/* buffers.c: see buffers.h. */
#include "devices/net/buffers.h"

#include <linux/virtio_net.h>

#include "base/util.h"

bool net_buffers_have(struct net_buffers *buffers, unsigned count)
{
	while (buffers->count < count) {
		unsigned end = (buffers->first + buffers->count) % NET_BUFFERS_MAX;
		unsigned room =
			(unsigned)min_u64(NET_BUFFERS_MAX - buffers->count, NET_BUFFERS_MAX - end);
		unsigned got = virtqueue_take(buffers->vq, buffers->chains + end, room);

		if (!got)
			return false;
		buffers->count += got;
	}
	return true;
}

unsigned net_buffers_for(struct net_buffers *buffers, uint32_t length)
{
	bool mergeable = buffers->vq->features & BIT_ULL(VIRTIO_NET_F_MRG_RXBUF);
	unsigned count = 0;
	uint32_t room = 0;

	do {
		if (count == (mergeable ? NET_BUFFERS_TOGETHER : 1))
			return UINT32_MAX;
		if (!net_buffers_have(buffers, count + 1))
			return 0;
		room += net_buffers_at(buffers, count++)->in_length;
	} while (room < length);
	return count;
}

void net_buffers_fill(struct net_buffers *buffers, unsigned count, struct net_bytes frame)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		struct chain *chain = net_buffers_at(buffers, i);
		uint32_t here = (uint32_t)min_u64(frame.length, chain->in_length);
		uint32_t ours = (uint32_t)min_u64(frame.ours, here);

		if (ours)
			chain_copy(&buffers->vq->memory, chain, true, 0, ours, frame.data,
				   frame.err);
		buffers->filled[buffers->nfilled++] =
			(struct net_filled){ .chain = chain, .err = frame.err, .length = here };
		frame.data += ours;
		frame.ours -= ours;
		frame.length -= here;
	}
	buffers->count -= count;
	buffers->first = (buffers->first + count) % NET_BUFFERS_MAX;
}

bool net_buffers_push(struct net_buffers *buffers)
{
	unsigned i, count = buffers->nfilled;

	if (!count)
		return false;
	memory_flush(&buffers->vq->memory);
	for (i = 0; i < count; i++) {
		const struct net_filled *filled = &buffers->filled[i];

		virtqueue_push(buffers->vq, filled->chain, *filled->err ? 0 : filled->length);
	}
	buffers->nfilled = 0;
	return true;
}

void net_buffers_give_back(struct net_buffers *buffers)
{
	while (buffers->count)
		virtqueue_push(buffers->vq, net_buffers_at(buffers, --buffers->count), 0);
}
