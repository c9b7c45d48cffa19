/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tx.c: frames from the guest.
 *
 * A turn takes what waits, copies all of it by one call, and hands the frames to the
 * port, which sends them by one system call when the turn ends. As long as there
 * were some there is another look, in the next turn, before the guest is asked for
 * doorbells again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "devices/net/gather.h"
#include "devices/net/header.h"
#include "devices/net/net.h"
#include "devices/net/pace.h"
#include "virtio/chain.h"
#include "virtio/worker.h"

#define SLOTS VIRTQUEUE_BATCH

/* Between chain and port. */
struct slot {
	struct net_tx *tx;
	struct chain *chain; /* NULL: it went back before the frame was sent */
	struct net_frame frame;
	struct net_gather gather;
	uint8_t *bytes; /* as the guest has them */
	int err;
};

struct net_tx {
	struct virtqueue *vq;
	struct net_port *port;
	struct slot slots[SLOTS], *unused[SLOTS];
	unsigned nunused;
	bool waiting; /* for a slot */
	struct net_pace pace;
	uint8_t *frames;
	struct net_traffic traffic;
};

static void give_back(struct slot *slot)
{
	if (slot->chain)
		virtqueue_push(slot->tx->vq, slot->chain, 0);
	slot->chain = NULL;
}

static void finish(struct slot *slot)
{
	struct net_tx *tx = slot->tx;

	gather_end(&slot->gather, tx->vq);
	tx->unused[tx->nunused++] = slot;
	give_back(slot);
	if (tx->waiting && virtqueue_running(tx->vq))
		virtqueue_again(tx->vq);
	tx->waiting = false;
}

static void sent(struct net_frame *frame, int result)
{
	struct slot *slot = container_of(frame, struct slot, frame);
	struct net_device *net = net_of(slot->tx->vq);

	if (result) {
		net_count(&net->counters.tx_refused, 1);
		log_guest("%s: a frame of %u bytes cannot be sent: %s", net->device->name,
			  frame->length, strerror(-result));
	}
	finish(slot);
}

static void drop(struct slot *slot)
{
	net_count(&net_of(slot->tx->vq)->counters.tx_bad, 1);
	finish(slot);
}

/* Where a chain is no frame there is nothing to copy. */
static void fetch(struct slot *slot)
{
	const struct chain *chain = slot->chain;
	struct net_tx *tx = slot->tx;
	uint32_t extra = net_hash_bytes(tx->vq);

	slot->frame.data = slot->bytes + extra;
	slot->frame.length = chain->out_length - extra;
	slot->err = 0;
	if (chain->out_length <= NET_HEADER_BYTES + extra ||
	    chain->out_length > NET_FRAME_MAX + extra)
		slot->err = -EINVAL;
	else if (!tx->port->backend->gathers ||
		 !gather_frame(&slot->gather, tx->vq, chain, &slot->err))
		chain_copy(&tx->vq->memory, chain, false, 0, chain->out_length, slot->bytes,
			   &slot->err);
	slot->frame.pieces = slot->gather.pieces;
	slot->frame.npieces = slot->gather.count;
}

/* As it goes out: the guest's may be longer, and what it says of a hash is not for us. */
static const void *cut_header(const struct net_frame *frame, uint32_t extra)
{
	uint8_t *header = frame->npieces ? frame->pieces[0].iov_base : frame->data;

	if (extra)
		memmove(header, header - extra, NET_HEADER_BYTES);
	return header;
}

static void pass_on(struct slot *slot)
{
	struct net_tx *tx = slot->tx;
	const void *header = cut_header(&slot->frame, net_hash_bytes(tx->vq));

	if (slot->err || !net_header_valid(header, slot->frame.length - (uint32_t)NET_HEADER_BYTES,
					   tx->vq->features)) {
		drop(slot);
		return;
	}
	if (net_unplugged(net_of(tx->vq))) {
		finish(slot);
		return;
	}
	net_moved(&tx->traffic, slot->frame.length);
	tx->port->moved += slot->frame.length;
	tx->port->backend->ops->send(tx->port, &slot->frame);
}

void net_tx_kicked(struct virtqueue *queue)
{
	struct net_tx *tx = queue->private;
	struct chain *chains[SLOTS];
	struct slot *slots[SLOTS];
	unsigned i, count, room = tx->nunused;

	tx->waiting = !room;
	if (tx->waiting)
		return;
	count = virtqueue_take(queue, chains, room);
	if (!count) {
		pace_rest(&tx->pace, loop_now());
		return;
	}
	if (tx->pace.resting)
		pace_told(&tx->pace, loop_now());
	for (i = 0; i < count; i++) {
		slots[i] = tx->unused[--tx->nunused];
		slots[i]->chain = chains[i];
		fetch(slots[i]);
	}
	memory_flush(&queue->memory);
	for (i = 0; i < count; i++)
		pass_on(slots[i]);
	if (count == room || !pace_again(&tx->pace, tx->port->loop, count, tx->port->moved))
		virtqueue_again(queue);
}

/* What is on its way is ours: the guest need not wait for whoever takes it. Pieces go out at
 * once, and have to come back first. */
void net_tx_stop(struct virtqueue *queue)
{
	struct net_tx *tx = queue->private;
	unsigned i;

	for (i = 0; i < SLOTS; i++)
		if (!tx->slots[i].gather.count)
			give_back(&tx->slots[i]);
}

bool net_tx_quiet(struct virtqueue *queue)
{
	struct net_tx *tx = queue->private;

	loop_timer_cancel(tx->port->loop, &tx->pace.look);
	return tx->nunused == SLOTS;
}

static void look(struct loop_timer *timer)
{
	struct net_tx *tx = container_of(timer, struct net_tx, pace.look);

	if (!virtqueue_running(tx->vq))
		return;
	if (virtqueue_more(tx->vq) || !pace_again(&tx->pace, tx->port->loop, 0, tx->port->moved))
		virtqueue_again(tx->vq);
}

int net_tx_init(struct virtqueue *queue)
{
	struct net_tx *tx = calloc(1, sizeof(*tx));
	unsigned i;

	if (!tx)
		return -ENOMEM;
	tx->frames = malloc((size_t)SLOTS * NET_FRAME_BYTES);
	if (!tx->frames) {
		free(tx);
		return -ENOMEM;
	}
	tx->vq = queue;
	tx->pace.look.fire = look;
	tx->port = &net_of(queue)->backend->ports[queue->index / 2];
	tx->port->loop = queue->worker->loop;
	for (i = 0; i < SLOTS; i++) {
		tx->slots[i] = (struct slot){ .tx = tx,
					      .bytes = tx->frames + (size_t)i * NET_FRAME_BYTES,
					      .frame = { .done = sent } };
		tx->unused[tx->nunused++] = &tx->slots[i];
	}
	queue->private = tx;
	return 0;
}

const struct net_traffic *net_tx_traffic(const struct virtqueue *queue)
{
	return &((struct net_tx *)queue->private)->traffic;
}

void net_tx_free(struct virtqueue *queue)
{
	struct net_tx *tx = queue->private;

	free(tx->frames);
	free(tx);
}
