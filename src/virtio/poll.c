/* SPDX-License-Identifier: GPL-2.0-or-later */
/* poll.c: see poll.h.
 *
 * Theory of operation. The window is that of a queue, and adapts as KVM's halt_poll_ns
 * does: where the queue was empty for longer than the window, but not longer than the
 * device's limit, a larger window would have spared a doorbell, so it grows; where for
 * longer than the limit there is no use in looking, so there is no window until the
 * next short pause. When a window is over the queue is kicked as if there were chains,
 * which then asks for doorbells and looks again behind that. */
#include "virtio/poll.h"

#include "base/util.h"
#include "virtio/device.h"
#include "virtio/queue.h"
#include "virtio/worker.h"

#define WINDOW_FIRST 10000U /* ns */
#define LOOKS        16U    /* for one at the clock */

static void adapt(struct queue_poll *poll, uint64_t pause, uint64_t limit)
{
	if (pause >= limit)
		poll->window = 0;
	else if (pause > poll->window)
		poll->window = min_u64(poll->window ? 2 * poll->window : WINDOW_FIRST, limit);
}

static bool window_over(struct queue_poll *poll)
{
	return !(++poll->looks % LOOKS) && loop_now() - poll->since >= poll->window;
}

static void look(struct loop_poll *poll)
{
	struct virtqueue *queue = container_of(poll, struct virtqueue, poll.look);

	if (!split_more(&queue->ring) && !window_over(&queue->poll))
		return;
	loop_poll_end(queue->worker->loop, poll);
	virtqueue_again(queue);
}

void poll_init(struct queue_poll *poll)
{
	poll->look.look = look;
}

bool poll_instead(struct virtqueue *queue)
{
	struct queue_poll *poll = &queue->poll;

	if (poll->look.polling)
		return true;
	if (!queue->device->busy_poll_ns || poll->since)
		return false;
	poll->since = loop_now();
	if (!poll->window)
		return false;
	loop_poll(queue->worker->loop, &poll->look);
	return true;
}

void poll_found(struct virtqueue *queue)
{
	struct queue_poll *poll = &queue->poll;

	if (!poll->since)
		return;
	loop_poll_end(queue->worker->loop, &poll->look);
	adapt(poll, loop_now() - poll->since, queue->device->busy_poll_ns);
	poll->since = 0;
}

void poll_stop(struct virtqueue *queue)
{
	loop_poll_end(queue->worker->loop, &queue->poll.look);
	queue->poll.window = queue->poll.since = 0;
}
