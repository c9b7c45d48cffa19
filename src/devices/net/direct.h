/* SPDX-License-Identifier: GPL-2.0-or-later */
/* direct.h: frames that are read into the guest's buffers, for backends that read at once.
 *
 * Only their beginning, with all headers that somebody looks at, is read into our own memory
 * (what lies behind more than 170 bytes of IPv6 extensions is not hashed then). The rest is
 * copied once only, by the kernel, where it is to be. What the guest's buffers are too few for
 * would be lost, so there have to be as many as the longest frame needs; those that it does
 * not need stay unused. */
#pragma once
#include "devices/net/backend.h"
#include "devices/net/buffers.h"
#include "memory/memory.h"

#define NET_DIRECT_HEAD 256U /* bytes */

struct net_direct {
	struct memory_loan loan;
	struct segment segments[MEMORY_LOAN_PIECES];
	unsigned nsegments;
	uint32_t missing; /* bytes that there are no segments for yet */
	struct iovec pieces[MEMORY_LOAN_PIECES + 1];
};

/* Lends the first buffers that there are. 0, -ENOBUFS if they are too few, and nobody is asked
 * for more, or -EOPNOTSUPP if they are none that can be lent. */
int net_direct_lend(struct net_direct *direct, struct net_buffers *buffers);

/* Takes them back with a frame in them: the length or -errno. Its first NET_DIRECT_HEAD bytes
 * are at @head, the others where they are to be behind the guest's header. */
int net_direct_read(struct net_direct *direct, const struct virtqueue *vq, struct net_port *port,
		    uint8_t *head);
