/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gather.c: see gather.h. */
#include "devices/net/gather.h"

#include "base/util.h"
#include "devices/net/net.h"
#include "virtio/chain.h"
#include "virtio/queue.h"
#include "virtio/worker.h"

#define WORTH_IT 4096U /* bytes */

/* The header is checked, so it is a copy of ours that is sent. */
static bool lend(struct net_gather *gather, struct virtqueue *queue, const struct chain *chain,
		 int *err)
{
	uint32_t extra = net_hash_bytes(queue), bytes = (uint32_t)NET_HEADER_BYTES + extra;
	struct chain_cursor at = chain_at(chain, false, bytes);
	uint32_t left = chain->out_length - bytes;
	struct segment slices[MEMORY_LOAN_PIECES];
	unsigned count, i;

	for (count = 0; left; left -= slices[count++].length)
		slices[count] = chain_next(&at, left);
	if (memory_lend(&queue->memory, slices, count, false, &gather->loan))
		return false;
	chain_copy(&queue->memory, chain, false, 0, bytes, gather->header, err);
	gather->pieces[0] =
		(struct iovec){ .iov_base = gather->header + extra, .iov_len = NET_HEADER_BYTES };
	for (i = 0; i < gather->loan.count; i++)
		gather->pieces[i + 1] = gather->loan.pieces[i];
	gather->count = gather->loan.count + 1;
	return true;
}

static unsigned pages_of(const struct chain *chain)
{
	unsigned i, pages = 0;

	for (i = 0; i < chain->nout; i++)
		pages += guest_pages(chain->segments[i].address, chain->segments[i].length);
	return pages;
}

static bool get_pages(struct net_gather *gather, struct virtqueue *queue, unsigned pages)
{
	uint32_t bytes = pages * (uint32_t)GUEST_PAGE_SIZE;

	gather->pages = bounce_get(queue->worker->bounce, &queue->bounce, bytes);
	if (gather->pages.base && gather->pages.length >= bytes)
		return true;
	gather_end(gather, queue);
	return false;
}

/* Each segment at its place in its pages. */
static bool copy(struct net_gather *gather, struct virtqueue *queue, const struct chain *chain,
		 int *err)
{
	const struct segment *segment = chain->segments;
	uint32_t extra = net_hash_bytes(queue);
	uint8_t *page, *at;

	if (segment->length < NET_HEADER_BYTES + extra ||
	    !get_pages(gather, queue, pages_of(chain)))
		return false;
	page = gather->pages.base;
	for (; segment < chain->segments + chain->nout; segment++) {
		at = page + segment->address % GUEST_PAGE_SIZE;
		memory_copy(&queue->memory, segment->address, at, segment->length, false, err);
		gather->pieces[gather->count++] =
			(struct iovec){ .iov_base = at, .iov_len = segment->length };
		page += guest_pages(segment->address, segment->length) * GUEST_PAGE_SIZE;
	}
	gather->pieces[0].iov_base = (uint8_t *)gather->pieces[0].iov_base + extra;
	gather->pieces[0].iov_len -= extra;
	return true;
}

bool gather_frame(struct net_gather *gather, struct virtqueue *queue, const struct chain *chain,
		  int *err)
{
	const struct segment *last = &chain->segments[chain->nout - 1];

	gather->count = 0;
	if (chain->nout >= MEMORY_LOAN_PIECES)
		return false;
	if (memory_lends(&queue->memory, last->address, chain->out_length))
		return chain->out_length >= WORTH_IT && lend(gather, queue, chain, err);
	return copy(gather, queue, chain, err);
}

void gather_end(struct net_gather *gather, struct virtqueue *queue)
{
	memory_return(&queue->memory, &gather->loan);
	if (gather->pages.base)
		bounce_put(queue->worker->bounce, &queue->bounce, gather->pages);
	gather->pages.base = NULL;
	gather->count = 0;
}
