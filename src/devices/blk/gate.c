/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gate.c: requests that may not begin yet, and those that wait since they failed.
 *
 * Theory of operation. A request passes the gate before anything is done for it. While
 * the disk is at its limit, or stopped, it is held there, and so are those behind it; a
 * timer lets them in, or the administrator. With error=stop an operation that fails stops
 * the disk: its request keeps what it has, and tells the driver nothing. When the
 * administrator says that the disk may go on, these operations are done once more, and the
 * gate opens. A queue that is to stop lets go of both kinds. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "devices/blk/request.h"
#include "virtio/worker.h"

static uint32_t data_bytes(const struct chain *chain)
{
	uint32_t bytes = chain->out_length + chain->in_length;
	const uint32_t others = BLK_HEADER_BYTES + BLK_STATUS_BYTES;

	return bytes > others ? bytes - others : 0;
}

static bool is_stopped(const struct blk_queue *queue)
{
	return atomic_load_explicit(&queue->blk->stopped, memory_order_relaxed);
}

/* 0, or ns until it is worth asking again. */
static uint64_t must_wait(const struct blk_request *request)
{
	struct blk_limit *limit = &request->queue->blk->limit;

	if (!blk_limit_exists(limit))
		return 0;
	return blk_limit_take(limit, data_bytes(request->chain), loop_now());
}

static void let_in(struct blk_queue *queue)
{
	while (!STAILQ_EMPTY(&queue->held) && !is_stopped(queue)) {
		uint64_t wait = must_wait(STAILQ_FIRST(&queue->held));

		if (wait) {
			loop_timer(queue->vq->worker->loop, &queue->allowed, wait);
			return;
		}
		blk_stand_in_line(blk_take_first(&queue->held), BLK_FETCH_HEADER);
	}
}

static void allowed(struct loop_timer *timer)
{
	let_in(container_of(timer, struct blk_queue, allowed));
}

void blk_gate_pass(struct blk_request *request)
{
	struct blk_queue *queue = request->queue;

	if (STAILQ_EMPTY(&queue->held) && !is_stopped(queue) &&
	    !blk_limit_exists(&queue->blk->limit)) {
		blk_stand_in_line(request, BLK_FETCH_HEADER);
		return;
	}
	STAILQ_INSERT_TAIL(&queue->held, request, entry);
	if (STAILQ_FIRST(&queue->held) == request)
		let_in(queue);
}

/* Not what the driver, or a store that knows no such thing, is to blame for; nor what is
 * lost. */
static bool may_be_mended(int err)
{
	return err != -EOPNOTSUPP && err != -EFAULT && err != -ENOMEDIUM && err != -ESTALE;
}

bool blk_gate_stops(struct blk_request *request, int err)
{
	struct blk_queue *queue = request->queue;
	const struct virtqueue *vq = queue->vq;

	if (!queue->blk->options->stop || !may_be_mended(err) || !virtqueue_running(vq))
		return false;
	STAILQ_INSERT_TAIL(&queue->failed, request, entry);
	if (!atomic_exchange(&queue->blk->stopped, true))
		log_error("%s: stopped, since it failed: %s; send SIGHUP when that is mended",
			  vq->device->name, strerror(-err));
	return true;
}

static void go_on(struct loop_work *work)
{
	struct blk_queue *queue = container_of(work, struct blk_queue, go_on);
	struct blk_store *store = blk_store_of(queue->blk);
	struct blk_requests failed = STAILQ_HEAD_INITIALIZER(failed);

	STAILQ_CONCAT(&failed, &queue->failed);
	while (!STAILQ_EMPTY(&failed))
		store->ops->submit(store, queue->vq->worker->loop, &blk_take_first(&failed)->io);
	let_in(queue);
}

void blk_gate_open(struct virtqueue *vq)
{
	struct blk_queue *queue = vq->private;

	loop_post(vq->worker->loop, &queue->go_on);
}

void blk_queue_stop(struct virtqueue *vq)
{
	struct blk_queue *queue = vq->private;
	struct blk_store *store = blk_store_of(queue->blk);

	loop_timer_cancel(vq->worker->loop, &queue->allowed);
	if (store->ops->give_up)
		store->ops->give_up(store, vq->worker->loop);
	while (!STAILQ_EMPTY(&queue->failed)) {
		struct blk_request *request = blk_take_first(&queue->failed);

		request->io_done(request, -ECANCELED);
	}
	while (!STAILQ_EMPTY(&queue->held))
		blk_finish(blk_take_first(&queue->held), VIRTIO_BLK_S_IOERR);
}

void blk_gate_init(struct blk_queue *queue)
{
	STAILQ_INIT(&queue->held);
	STAILQ_INIT(&queue->failed);
	queue->allowed.fire = allowed;
	queue->go_on.run = go_on;
}
