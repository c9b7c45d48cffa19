/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rx.c: frames to the guest.
 *
 * Theory of operation. A burst of frames is read from the port into our own memory, which
 * Xen copies from cheaply; those that the guest wants are laid out over the buffers it
 * has posted, and copied by one call. A burst that was full is followed by another one,
 * any other by a wait for the port or a pause (pace.h). Buffers are taken from the queue
 * when there are frames for them; so the guest need not say that there are more, unless
 * we ran out: then nothing is read until it does, and what is read stays.
 *
 * While frames are large, each is read into buffers of the guest's instead, where those can
 * be lent (direct.h).
 *
 * What is for another queue is lent to it (steer.h), once the burst is read; the next
 * one is read when all of it is back.
 *
 * Reads and the wait for the port go on over a reset, and what they find then is
 * dropped. They end with the worker, which does so before its queues are freed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "devices/net/buffers.h"
#include "devices/net/direct.h"
#include "devices/net/net.h"
#include "devices/net/pace.h"
#include "devices/net/steer.h"
#include "virtio/chain.h"
#include "virtio/worker.h"

#define BURST_MAX    32U
#define LONGEST      4U /* frames of any length that there is room for */
#define FRAMES_BYTES ((size_t)LONGEST * NET_FRAME_BYTES)
#define ALIGNMENT    64U    /* of the next frame */
#define LARGE        16384U /* bytes of a frame */
#define LARGE_AGAIN  4U     /* frames behind it */

enum phase { RX_OFF, RX_READING, RX_WAITING, RX_PAUSING, RX_STARVED, RX_FAILED };

/* A frame that was read. */
struct slot {
	struct net_rx *rx;
	struct net_frame frame;
	int result;
	bool direct;       /* all but the beginning is in the guest's buffers */
	int err;           /* of its copies */
	struct net_rx *to; /* NULL: nobody wants it */
	struct net_hash hash;
	struct net_loan loan;
	uint32_t generation; /* of the device as it was lent */
};

struct net_rx {
	struct virtqueue *vq;
	struct net_device *net;
	struct net_port *port;
	enum phase phase;
	unsigned burst;       /* how many are asked for at a time */
	unsigned away;        /* of the slots: being read, or lent */
	unsigned next, nread; /* of the slots: to deliver */
	unsigned found;       /* frames, since it rested */
	bool sorted;          /* the burst is */
	unsigned large;       /* so many frames more may be: buffers are lent for them */
	struct net_steer steer;
	struct slot slots[BURST_MAX];
	struct net_buffers buffers;
	struct net_direct direct;
	struct net_traffic traffic;
	struct net_pace pace;
	struct loop_work deliver, resume;
	uint8_t *frames;
};

/* --- whose it is --------------------------------------------------------------- */

/* Of the frame, in our own memory. */
static uint32_t own_bytes(const struct slot *slot)
{
	return slot->direct ? (uint32_t)min_u64((uint32_t)slot->result, NET_DIRECT_HEAD)
			    : (uint32_t)slot->result;
}

/* Does the guest want it, and has it come whole? */
static bool is_wanted(struct net_rx *rx, const struct slot *slot)
{
	if (slot->result < (int)(NET_HEADER_BYTES + NET_ETHERNET_BYTES))
		return false;
	if (net_unplugged(rx->net))
		return false;
	if (net_filter_wants(&rx->net->filter, slot->frame.data + NET_HEADER_BYTES,
			     own_bytes(slot) - NET_HEADER_BYTES))
		return true;
	net_count(&rx->net->counters.rx_filtered, 1);
	return false;
}

static struct net_rx *receiver(struct net_rx *rx, struct slot *slot)
{
	const struct net_rss *rss = &rx->net->rss;
	uint16_t pair;

	if (!is_wanted(rx, slot))
		return NULL;
	slot->hash = net_rss_hash(rss, slot->frame.data + NET_HEADER_BYTES,
				  own_bytes(slot) - NET_HEADER_BYTES);
	pair = net_rss_queue(rss, slot->hash, (uint16_t)rx->port->index);
	return pair == NET_RSS_NOBODY ? NULL : rx->net->device->queues[2 * pair].private;
}

/* All that are to be delivered, by what main may change meanwhile. */
static void sort(struct net_rx *rx)
{
	unsigned i;

	pthread_mutex_lock(&rx->net->lock);
	for (i = rx->next; i < rx->nread; i++)
		rx->slots[i].to = receiver(rx, &rx->slots[i]);
	pthread_mutex_unlock(&rx->net->lock);
}

static void lend_others(struct net_rx *rx)
{
	unsigned i;

	for (i = rx->next; i < rx->nread; i++) {
		struct slot *slot = &rx->slots[i];

		if (!slot->to || slot->to == rx)
			continue;
		rx->away++;
		slot->generation = rx->vq->generation;
		net_loan_lend(&slot->loan, &slot->to->steer);
	}
}

/* --- into the guest's buffers ----------------------------------------------------- */

/* Where the frame with the guest's header begins, which may be longer than ours: there is
 * room in front of it. */
static uint8_t *write_header(struct net_rx *rx, struct slot *slot, unsigned count)
{
	uint8_t *data = slot->frame.data - net_hash_bytes(rx->vq);
	struct virtio_net_hdr_v1_hash *header = (void *)data;

	if (data != slot->frame.data) {
		memmove(data, slot->frame.data, NET_HEADER_BYTES);
		header->hash_value = slot->hash.value;
		header->hash_report = slot->hash.report;
		header->padding = 0;
	}
	header->hdr.num_buffers = (uint16_t)count;
	return data;
}

static uint32_t guest_length(const struct net_rx *rx, const struct slot *slot)
{
	return (uint32_t)slot->result + net_hash_bytes(rx->vq);
}

static void lay_out(struct net_rx *rx, struct slot *slot, unsigned count)
{
	struct net_bytes frame = { .data = write_header(rx, slot, count),
				   .length = guest_length(rx, slot),
				   .ours = own_bytes(slot) + net_hash_bytes(rx->vq),
				   .err = &slot->err };

	slot->err = 0;
	net_buffers_fill(&rx->buffers, count, frame);
}

static bool may_fill(const struct net_rx *rx)
{
	return !virtqueue_paused(rx->vq) && net_buffers_may_fill(&rx->buffers);
}

/* False if there are too few buffers. */
static bool fill(struct net_rx *rx, struct slot *slot)
{
	unsigned count = net_buffers_for(&rx->buffers, guest_length(rx, slot));

	if (!count)
		return false;
	if (count == UINT32_MAX) {
		net_count(&rx->net->counters.rx_too_long, 1);
		return true;
	}
	net_moved(&rx->traffic, (uint32_t)slot->result);
	rx->port->moved += (uint32_t)slot->result;
	net_count(&rx->net->counters.rx_steered, slot->rx != rx);
	lay_out(rx, slot, count);
	return true;
}

/* False if it has to wait, for buffers or until the device goes on. */
static bool place(struct net_rx *rx, struct slot *slot)
{
	return slot->to != rx || (may_fill(rx) && fill(rx, slot));
}

/* --- reading ------------------------------------------------------------------- */

/* What a frame of this length takes up, with the room in front of it. */
static size_t room_for(int length)
{
	size_t bytes = NET_HASH_BYTES + (length > 0 ? (size_t)length : 0);

	return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static bool is_steered(const struct net_rx *rx)
{
	bool steers;

	pthread_mutex_lock(&rx->net->lock);
	steers = rx->net->rss.steers;
	pthread_mutex_unlock(&rx->net->lock);
	return steers;
}

/* Not behind one of the burst that has yet to be delivered, nor for another queue. As
 * net_direct_lend() has it. */
static int lend_buffers(struct net_rx *rx, const struct slot *slot)
{
	if (!rx->large || slot != &rx->slots[rx->next] || !virtqueue_running(rx->vq) ||
	    !may_fill(rx) || is_steered(rx))
		return -EOPNOTSUPP;
	return net_direct_lend(&rx->direct, &rx->buffers);
}

/* False if nothing is to be read behind it: there is nothing, or a large frame that would have
 * to wait for buffers can wait in the port, and be read into them. */
static bool read_frame(struct net_rx *rx, struct slot *slot)
{
	const struct iovec all = { .iov_base = slot->frame.data,
				   .iov_len = NET_FRAME_BYTES - NET_HASH_BYTES };
	int err = lend_buffers(rx, slot);

	slot->direct = !err;
	if (slot->direct)
		slot->result = net_direct_read(&rx->direct, rx->vq, rx->port, slot->frame.data);
	else
		slot->result = rx->port->backend->ops->read(rx->port, &all, 1);
	if (slot->result >= (int)LARGE)
		rx->large = LARGE_AGAIN;
	else if (slot->result > 0)
		rx->large -= rx->large > 0;
	return slot->result > 0 && err != -ENOBUFS;
}

/* Delivered at once, so that nothing comes between, such as a reset. The buffers of one that
 * is not wanted stay unused. */
static void finish_direct(struct net_rx *rx, struct slot *slot)
{
	sort(rx);
	if (slot->to && fill(rx, slot))
		net_count(&rx->net->counters.rx_direct, 1);
	rx->next++;
}

/* One behind the other, as many as there are, or as there is room for. */
static void read_at_once(struct net_rx *rx)
{
	struct slot *slot;
	size_t at = 0;
	bool more;

	rx->nread = 0;
	do {
		slot = &rx->slots[rx->nread++];
		slot->frame.data = rx->frames + at + NET_HASH_BYTES;
		more = read_frame(rx, slot);
		if (slot->direct && slot->result > 0)
			finish_direct(rx, slot);
		at += room_for(slot->result);
	} while (more && rx->nread < BURST_MAX && at <= FRAMES_BYTES - NET_FRAME_BYTES);
	net_buffers_push(&rx->buffers);
	loop_post(rx->port->loop, &rx->deliver);
}

static void receive_burst(struct net_rx *rx)
{
	unsigned i;

	rx->nread = rx->away = rx->burst;
	for (i = 0; i < rx->burst; i++) {
		rx->slots[i].frame.data = rx->frames + (size_t)i * NET_FRAME_BYTES + NET_HASH_BYTES;
		rx->slots[i].frame.length = NET_FRAME_BYTES - NET_HASH_BYTES;
		rx->port->backend->ops->receive(rx->port, &rx->slots[i].frame);
	}
}

static void read_burst(struct net_rx *rx)
{
	rx->phase = RX_READING;
	rx->next = 0;
	rx->sorted = false;
	if (rx->port->backend->ops->read)
		read_at_once(rx);
	else
		receive_burst(rx);
}

static void is_back(struct net_rx *rx)
{
	if (--rx->away)
		return;
	if (rx->phase == RX_READING)
		loop_defer(rx->port->loop, &rx->deliver);
}

static void was_read(struct net_frame *frame, int result)
{
	struct slot *slot = container_of(frame, struct slot, frame);

	slot->result = result;
	is_back(slot->rx);
}

static void came_back(struct net_loan *loan)
{
	is_back(container_of(loan, struct slot, loan)->rx);
}

static void port_readable(struct net_port *port)
{
	struct net_rx *rx = port->user;

	if (rx->phase != RX_WAITING)
		return;
	pace_told(&rx->pace, loop_now());
	read_burst(rx);
}

static void look(struct loop_timer *timer)
{
	struct net_rx *rx = container_of(timer, struct net_rx, pace.look);

	if (rx->phase == RX_PAUSING)
		read_burst(rx);
}

static void wait_for_port(struct net_rx *rx)
{
	rx->phase = RX_WAITING;
	rx->port->backend->ops->watch(rx->port);
}

static unsigned count_read(const struct net_rx *rx)
{
	unsigned i, count = 0;

	for (i = 0; i < rx->nread; i++)
		count += rx->slots[i].result > 0;
	return count;
}

/* The interface is gone, say: net_rx_resume() comes when it is there again. */
static bool has_failed(const struct net_rx *rx)
{
	int result = rx->nread ? rx->slots[rx->nread - 1].result : -EAGAIN;

	return result <= 0 && result != -EAGAIN && result != -EINTR;
}

/* There are no more frames. */
static void rest(struct net_rx *rx)
{
	if (pace_again(&rx->pace, rx->port->loop, rx->found, rx->port->moved)) {
		rx->phase = RX_PAUSING;
	} else {
		pace_rest(&rx->pace, loop_now());
		wait_for_port(rx);
	}
	rx->found = 0;
}

/* All are delivered: as many frames again, or more, if there were as many. */
static void go_on(struct net_rx *rx)
{
	unsigned count = count_read(rx);

	if (has_failed(rx)) {
		rx->phase = RX_FAILED;
		return;
	}
	rx->found += count;
	if (count == rx->nread) {
		rx->burst = (unsigned)min_u64(2 * rx->burst, LONGEST);
		read_burst(rx);
		return;
	}
	rx->burst = (unsigned)min_u64(max_u64(count, 1), LONGEST);
	rest(rx);
}

/* --- delivery ------------------------------------------------------------------ */

static void place_all(struct net_rx *rx)
{
	while (rx->next < rx->nread && place(rx, &rx->slots[rx->next]))
		rx->next++;
}

static void deliver(struct loop_work *work)
{
	struct net_rx *rx = container_of(work, struct net_rx, deliver);

	if ((rx->phase != RX_READING && rx->phase != RX_STARVED) || !virtqueue_running(rx->vq))
		return;
	if (!rx->sorted) {
		sort(rx);
		rx->sorted = true;
		lend_others(rx);
	}
	do {
		place_all(rx);
	} while (net_buffers_push(&rx->buffers) && rx->next < rx->nread);
	if (!virtqueue_running(rx->vq))
		return;
	if (rx->next < rx->nread) {
		rx->phase = RX_STARVED;
		net_count(&rx->net->counters.rx_no_buffer, 1);
	} else if (rx->away) {
		rx->phase = RX_READING;
	} else {
		go_on(rx);
	}
}

/* --- frames of other ports ------------------------------------------------------- */

/* Not before those that wait, and not after a reset. */
static bool may_place(const struct net_rx *rx, const struct slot *slot)
{
	return virtqueue_running(rx->vq) && rx->phase != RX_OFF && rx->phase != RX_STARVED &&
	       slot->generation == rx->vq->generation;
}

static void place_lent(struct net_rx *rx, struct slot *slot)
{
	if (!may_place(rx, slot) || !place(rx, slot))
		net_count(&rx->net->counters.rx_dropped, 1);
}

static void return_all(struct net_loans *loans)
{
	struct net_loan *loan;

	while ((loan = STAILQ_FIRST(loans))) {
		STAILQ_REMOVE_HEAD(loans, entry);
		net_loan_return(loan);
	}
}

/* Of the loans as many as there is room for. */
static void deliver_some(struct net_rx *rx)
{
	struct net_loans placed = STAILQ_HEAD_INITIALIZER(placed);
	struct net_loan *loan;

	while (net_buffers_may_fill(&rx->buffers) && (loan = net_steer_next(&rx->steer))) {
		place_lent(rx, container_of(loan, struct slot, loan));
		STAILQ_INSERT_TAIL(&placed, loan, entry);
	}
	net_buffers_push(&rx->buffers);
	return_all(&placed);
}

static void deliver_lent(struct net_steer *steer)
{
	struct net_rx *rx = container_of(steer, struct net_rx, steer);

	while (!STAILQ_EMPTY(&steer->loans))
		deliver_some(rx);
}

/* --- life ---------------------------------------------------------------------- */

void net_rx_kicked(struct virtqueue *queue)
{
	struct net_rx *rx = queue->private;

	if (rx->phase == RX_STARVED) {
		loop_defer(rx->port->loop, &rx->deliver);
		return;
	}
	if (rx->phase != RX_OFF)
		return;
	rx->next = rx->nread = 0;
	if (rx->away)
		rx->phase = RX_READING; /* from before a reset: there is nothing to deliver */
	else
		wait_for_port(rx);
}

static void resume(struct loop_work *work)
{
	struct net_rx *rx = container_of(work, struct net_rx, resume);

	if (rx->phase == RX_FAILED)
		wait_for_port(rx);
}

void net_rx_resume(struct virtqueue *queue)
{
	struct net_rx *rx = queue->private;

	loop_post(rx->port->loop, &rx->resume);
}

void net_rx_stop(struct virtqueue *queue)
{
	struct net_rx *rx = queue->private;

	rx->phase = RX_OFF;
	net_buffers_give_back(&rx->buffers);
}

bool net_rx_quiet(struct virtqueue *queue)
{
	struct net_rx *rx = queue->private;

	loop_timer_cancel(rx->port->loop, &rx->pace.look);
	return rx->port->backend->ops->quiet(rx->port) && !rx->away;
}

static void init_slot(struct net_rx *rx, struct slot *slot)
{
	*slot = (struct slot){ .rx = rx,
			       .frame.done = was_read,
			       .loan = { .owner = &rx->steer, .came_back = came_back } };
}

int net_rx_init(struct virtqueue *queue)
{
	struct net_device *net = net_of(queue);
	struct net_rx *rx = calloc(1, sizeof(*rx));
	unsigned i;

	if (!rx)
		return -ENOMEM;
	rx->frames = own_alloc(&queue->worker->own, FRAMES_BYTES);
	if (!rx->frames) {
		free(rx);
		return -ENOMEM;
	}
	rx->vq = rx->buffers.vq = queue;
	rx->net = net;
	rx->burst = 1;
	rx->deliver.run = deliver;
	rx->pace.look.fire = look;
	rx->resume.run = resume;
	rx->port = &net->backend->ports[queue->index / 2];
	rx->port->loop = queue->worker->loop;
	rx->port->user = rx;
	rx->port->readable = port_readable;
	net_steer_init(&rx->steer, rx->port->loop, deliver_lent);
	for (i = 0; i < BURST_MAX; i++)
		init_slot(rx, &rx->slots[i]);
	queue->private = rx;
	return 0;
}

const struct net_traffic *net_rx_traffic(const struct virtqueue *queue)
{
	return &((struct net_rx *)queue->private)->traffic;
}

void net_rx_free(struct virtqueue *queue)
{
	struct net_rx *rx = queue->private;

	own_free(&queue->worker->own, rx->frames);
	free(rx);
}
