/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gather.h: a frame from the guest as pieces, for backends that take them.
 *
 * What is not granted is lent, where that is worth it, and copied once only, by the kernel.
 * Grants are copied to the worker's pages, which are cheaper than others, each page to one of
 * them, since a copy that crosses pages is two. */
#pragma once
#include "devices/net/backend.h"
#include "memory/bounce.h"
#include "memory/memory.h"

struct chain;
struct virtqueue;

struct net_gather {
	struct iovec pieces[MEMORY_LOAN_PIECES + 1];
	unsigned count;
	uint8_t header[sizeof(struct virtio_net_hdr_v1_hash)];
	struct memory_loan loan;
	struct bounce_buffer pages;
};

/* True if @chain's readable bytes are in gather->pieces, or will be with the next
 * memory_flush(), unless that sets *@err. The header is in the first piece, and ours; if the
 * guest's is longer than the backend's (net_hash_bytes()), the piece begins so many bytes
 * behind it. False if they have to be copied in one piece. */
bool gather_frame(struct net_gather *gather, struct virtqueue *queue, const struct chain *chain,
		  int *err);

/* The pieces are not used any more. */
void gather_end(struct net_gather *gather, struct virtqueue *queue);
