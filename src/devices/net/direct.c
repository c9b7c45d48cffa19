/* SPDX-License-Identifier: GPL-2.0-or-later */
/* direct.c: see direct.h. */
#include "devices/net/direct.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "devices/net/net.h"

/* In the guest's first buffer. */
static uint32_t head_bytes(const struct virtqueue *vq)
{
	return NET_DIRECT_HEAD + net_hash_bytes(vq);
}

static bool lends(const struct virtqueue *vq, const struct chain *first)
{
	return first->in_length > head_bytes(vq) &&
	       memory_lends(&vq->memory, first->segments[first->nout].address, NET_FRAME_MAX);
}

static bool is_there(struct net_buffers *buffers, unsigned i)
{
	return i < buffers->count ||
	       (virtqueue_more(buffers->vq) && net_buffers_have(buffers, i + 1));
}

/* Linux cuts its buffers from larger pieces: most begin where the last one ends. False if there
 * are too many that do not. */
static bool append(struct net_direct *direct, struct segment segment)
{
	struct segment *end = direct->segments + direct->nsegments;

	if (direct->nsegments && end[-1].address + end[-1].length == segment.address) {
		end[-1].length += segment.length;
		return true;
	}
	if (direct->nsegments == MEMORY_LOAN_PIECES)
		return false;
	*end = segment;
	direct->nsegments++;
	return true;
}

/* The chain's bytes from @offset on, as many as are still missing. */
static bool add(struct net_direct *direct, const struct chain *chain, uint32_t offset)
{
	const struct segment *at = chain->segments + chain->nout, *end = at + chain->nin;

	for (; at < end && direct->missing; at++) {
		uint32_t skipped = (uint32_t)min_u64(offset, at->length);
		uint32_t length = (uint32_t)min_u64(at->length - skipped, direct->missing);

		offset -= skipped;
		direct->missing -= length;
		if (length && !append(direct, (struct segment){ .address = at->address + skipped,
								.length = length }))
			return false;
	}
	return true;
}

/* As many as the longest frame needs. */
static int collect(struct net_direct *direct, struct net_buffers *buffers)
{
	uint32_t offset = head_bytes(buffers->vq);
	unsigned i;

	direct->nsegments = 0;
	direct->missing = NET_FRAME_MAX - NET_DIRECT_HEAD;
	for (i = 0; direct->missing; i++, offset = 0) {
		if (i == NET_BUFFERS_TOGETHER)
			return -EOPNOTSUPP;
		if (!is_there(buffers, i))
			return -ENOBUFS;
		if (!add(direct, net_buffers_at(buffers, i), offset))
			return -EOPNOTSUPP;
	}
	return 0;
}

int net_direct_lend(struct net_direct *direct, struct net_buffers *buffers)
{
	const struct virtqueue *vq = buffers->vq;
	int err;

	if (!is_there(buffers, 0))
		return -ENOBUFS;
	if (!(vq->features & BIT_ULL(VIRTIO_NET_F_MRG_RXBUF)) ||
	    !lends(vq, net_buffers_at(buffers, 0)))
		return -EOPNOTSUPP;
	err = collect(direct, buffers);
	if (!err &&
	    memory_lend(&vq->memory, direct->segments, direct->nsegments, true, &direct->loan))
		err = -EOPNOTSUPP;
	return err;
}

int net_direct_read(struct net_direct *direct, const struct virtqueue *vq, struct net_port *port,
		    uint8_t *head)
{
	unsigned count = direct->loan.count;
	int result;

	direct->pieces[0] = (struct iovec){ .iov_base = head, .iov_len = NET_DIRECT_HEAD };
	memcpy(direct->pieces + 1, direct->loan.pieces, count * sizeof(*direct->pieces));
	result = port->backend->ops->read(port, direct->pieces, count + 1);
	memory_cut(&direct->loan,
		   result > (int)NET_DIRECT_HEAD ? (size_t)result - NET_DIRECT_HEAD : 0);
	memory_return(&vq->memory, &direct->loan);
	return result;
}
