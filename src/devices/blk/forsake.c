/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forsake.c: a disk whose store is taken away while a driver has it, and one that goes.
 *
 * Theory of operation. The disk gets the store of no sectors, which fails whatever is asked
 * of it. Operations of the old one are waited for, but for those that only wait for a server:
 * they fail. When no queue has one under way the old store is closed, so that others may have
 * what it was. What the driver sees of the disk stays: it is told by its requests. */
#include "base/util.h"
#include "devices/blk/request.h"
#include "virtio/worker.h"

static bool is_quiet(struct blk_store *store, struct loop *loop)
{
	return !store->ops->quiet || store->ops->quiet(store, loop);
}

bool blk_queue_quiet(struct virtqueue *vq)
{
	const struct blk_device *blk = vq->device->private;

	return is_quiet(blk_store_of(blk), vq->worker->loop);
}

/* What is asked of a queue's worker. */
struct parting {
	struct virtqueue *vq;
	struct blk_store *store;
	bool over;
};

static bool uses(const struct blk_queue *queue, const struct blk_store *store)
{
	unsigned head;

	for (head = 0; head < VIRTQUEUE_SIZE_MAX; head++)
		if (queue->requests[head].io.store == store)
			return true;
	return false;
}

static void part(void *arg)
{
	struct parting *parting = arg;
	struct blk_store *store = parting->store;
	struct loop *loop = parting->vq->worker->loop;

	parting->over = !uses(parting->vq->private, store) && is_quiet(store, loop);
	if (!parting->over && store->ops->give_up)
		store->ops->give_up(store, loop);
}

static bool all_part(struct virtio_device *device, struct blk_store *store)
{
	bool over = true;
	unsigned i;

	for (i = 0; i < device->nqueues; i++) {
		struct parting parting = { .vq = &device->queues[i], .store = store };

		worker_call(parting.vq->worker, part, &parting);
		over &= parting.over;
	}
	return over;
}

/* What a turn has put off to its end is done when they are found so once more. */
bool blk_forsake(struct virtio_device *device)
{
	struct blk_device *blk = device->private;
	bool before = blk->parted;

	if (blk_store_of(blk) != &blk->nothing) {
		blk->forsaken = atomic_exchange(&blk->store, &blk->nothing);
		blk_go_on(device);
	}
	if (!blk->forsaken)
		return true;
	blk->parted = all_part(device, blk->forsaken);
	if (!before || !blk->parted)
		return false;
	blk->forsaken->ops->close(blk->forsaken);
	blk->forsaken = NULL;
	return true;
}
