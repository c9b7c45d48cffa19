/* SPDX-License-Identifier: GPL-2.0-or-later */
/* queue.c: a queue's life on its worker, and its notifications.
 *
 * Theory of operation. Main and worker talk by posted work only, in order:
 * start, any number of kicks, stop; the worker answers with stopped, and says
 * broken when the guest broke a rule. A queue that is to stop first waits for
 * its chains in flight (nothing is copied to the guest for them any more),
 * then unmaps the ring, then says stopped: so when the guest reads status 0,
 * none of its pages is in use. Each start carries the device's generation, by
 * which main drops what a broken queue of before a reset says late. */
#include "virtio/queue.h"

#include <errno.h>

#include "base/log.h"
#include "base/util.h"
#include "virtio/device.h"
#include "virtio/worker.h"

/* The used ring's page among them. */
static void report_writes(struct virtqueue *queue)
{
	memory_wrote(&queue->memory, queue->registers.device_area,
		     split_used_bytes(queue->registers.size));
	memory_report(&queue->memory);
}

/* Main may free the queue as soon as it is told, so this ends a turn. */
static void run_drained(struct loop_work *work)
{
	struct virtqueue *queue = container_of(work, struct virtqueue, drained);

	report_writes(queue);
	split_stop(&queue->ring, &queue->memory);
	bounce_leave(queue->worker->bounce, &queue->bounce);
	queue->phase = VIRTQUEUE_STOPPED;
	counter_add(&queue->counters.used,
		    counter_read(&queue->counters.chains) - counter_read(&queue->counters.used));
	loop_post(queue->device->loop, &queue->stopped);
}

static void run_stop(struct loop_work *work)
{
	struct virtqueue *queue = container_of(work, struct virtqueue, stop);

	queue->phase = VIRTQUEUE_DRAINING;
	coalesce_stop(queue);
	poll_stop(queue);
	if (queue->device->type->stop)
		queue->device->type->stop(queue);
	if (!queue->in_flight)
		loop_defer(queue->worker->loop, &queue->drained);
}

/* -1 if the ring is broken. */
static int pop(struct virtqueue *queue, struct chain **chains, unsigned max)
{
	const char *why;
	int count = split_pop(&queue->ring, &queue->memory, chains, max, &why);

	if (count < 0) {
		virtqueue_break(queue, why);
		return count;
	}
	if (count)
		poll_found(queue);
	queue->in_flight += (unsigned)count;
	counter_add(&queue->counters.chains, (unsigned)count);
	return count;
}

bool virtqueue_paused(const struct virtqueue *queue)
{
	const struct virtio_device *device = queue->device;

	return atomic_load_explicit(&device->paused, memory_order_relaxed) &&
	       (!device->type->pauses || device->type->pauses(queue));
}

/* There was nothing. False if there is something now; else there will be a kick. */
static bool rest(struct virtqueue *queue)
{
	return poll_instead(queue) || split_arm(&queue->ring);
}

unsigned virtqueue_take(struct virtqueue *queue, struct chain **chains, unsigned max)
{
	int count;

	if (virtqueue_paused(queue))
		return 0;
	do {
		count = pop(queue, chains, (unsigned)min_u64(max, VIRTQUEUE_BATCH));
	} while (!count && !rest(queue));
	return count > 0 ? (unsigned)count : 0;
}

bool virtqueue_more(const struct virtqueue *queue)
{
	return split_more(&queue->ring);
}

void virtqueue_again(struct virtqueue *queue)
{
	loop_post(queue->worker->loop, &queue->kick);
}

static void run_kick(struct loop_work *work)
{
	struct virtqueue *queue = container_of(work, struct virtqueue, kick);
	const struct virtio_device_type *type = queue->device->type;
	int count;

	if (!virtqueue_running(queue))
		return;
	split_disarm(&queue->ring);
	if (virtqueue_paused(queue))
		return;
	if (type->kicked) {
		type->kicked(queue);
		report_writes(queue);
		return;
	}
	count = pop(queue, queue->batch, VIRTQUEUE_BATCH);
	if (count < 0)
		return;
	if (count)
		type->handle(queue, queue->batch, (unsigned)count);
	/* A full batch may have left more behind: others' turn first. */
	if (virtqueue_running(queue) && (count == VIRTQUEUE_BATCH || !rest(queue)))
		loop_post(queue->worker->loop, &queue->kick);
	report_writes(queue); /* the event index */
}

static const char *start_error(int err)
{
	switch (err) {
	case -EINVAL:
		return "a ring of a wrong size or alignment";
	case -EPERM:
		return "a ring at a kind of address that memory= forbids";
	default:
		return "a ring that cannot be mapped";
	}
}

static void run_start(struct loop_work *work)
{
	struct virtqueue *queue = container_of(work, struct virtqueue, start);
	struct worker *worker = queue->worker;
	int err;

	queue->memory = (struct memory){ .grants = worker->grants,
					 .foreign = worker->foreign,
					 .options = queue->device->memory };
	bounce_join(worker->bounce, &queue->bounce);
	queue->phase = VIRTQUEUE_RUNNING;
	coalesce_start(queue);
	err = queue->adopted ? split_adopt(&queue->ring, &queue->memory, &queue->registers,
					   queue->features)
			     : split_start(&queue->ring, &queue->memory, &queue->registers,
					   queue->features);
	if (err) {
		virtqueue_break(queue, start_error(err));
		return;
	}
	if (queue->adopted)
		coalesce_adopted(queue);
	run_kick(&queue->kick);
}

static void run_publish(struct loop_work *work)
{
	struct virtqueue *queue = container_of(work, struct virtqueue, publish);
	uint16_t before = queue->ring.published;
	bool wanted;

	if (!virtqueue_running(queue))
		return;
	wanted = split_publish(&queue->ring);
	counter_add(&queue->counters.used, (uint16_t)(queue->ring.published - before));
	report_writes(queue);
	coalesce_published(queue, before, wanted);
}

/* Tells main; it compares generations. */
static void run_broken(struct loop_work *work)
{
	struct virtqueue *queue = container_of(work, struct virtqueue, broken);

	virtio_device_broken(queue->device, queue->generation);
}

static void run_stopped(struct loop_work *work)
{
	virtio_device_queue_stopped(container_of(work, struct virtqueue, stopped)->device);
}

/* A doorbell is answered first: the vCPU stands still until then. */
static void run_doorbell(struct loop_work *work)
{
	struct virtqueue *queue = container_of(work, struct virtqueue, doorbell);

	loop_post(queue->worker->loop, &queue->kick);
}

int virtqueue_init(struct virtqueue *queue, struct virtio_device *device, unsigned index,
		   struct worker *home)
{
	*queue = (struct virtqueue){
		.device = device,
		.index = index,
		.worker = home,
		.doorbell = { .run = run_doorbell },
		.start = { .run = run_start },
		.stop = { .run = run_stop },
		.kick = { .run = run_kick },
		.publish = { .run = run_publish },
		.drained = { .run = run_drained },
		.stopped = { .run = run_stopped },
		.broken = { .run = run_broken },
	};
	coalesce_init(&queue->coalesce);
	poll_init(&queue->poll);
	return split_init(&queue->ring, VIRTQUEUE_BATCH, &home->own,
			  &device->state->inflight[index]);
}

void virtqueue_free(struct virtqueue *queue)
{
	split_free(&queue->ring);
}

static void start(struct virtqueue *queue, const struct virtqueue_registers *registers,
		  uint64_t features, uint32_t generation, bool adopted)
{
	queue->registers = *registers;
	queue->features = features;
	queue->generation = generation;
	queue->adopted = adopted;
	if (!adopted)
		atomic_store(&queue->coalesce.asked, 0);
	loop_post(queue->worker->loop, &queue->start);
}

void virtqueue_start(struct virtqueue *queue, const struct virtqueue_registers *registers,
		     uint64_t features, uint32_t generation)
{
	start(queue, registers, features, generation, false);
}

void virtqueue_adopt(struct virtqueue *queue, const struct virtqueue_registers *registers,
		     uint64_t features, uint32_t generation)
{
	start(queue, registers, features, generation, true);
}

void virtqueue_kick(struct virtqueue *queue)
{
	counter_add(&queue->counters.doorbells, 1);
	loop_defer(queue->device->loop, &queue->doorbell);
}

void virtqueue_stop(struct virtqueue *queue)
{
	loop_post(queue->worker->loop, &queue->stop);
}

void virtqueue_push(struct virtqueue *queue, struct chain *chain, uint32_t written)
{
	queue->in_flight--;
	if (virtqueue_running(queue)) {
		chain->in_flight = false;
		split_push(&queue->ring, chain, (uint32_t)min_u64(written, chain->in_length));
		loop_defer(queue->worker->loop, &queue->publish);
	} else if (queue->phase == VIRTQUEUE_DRAINING && !queue->in_flight) {
		loop_defer(queue->worker->loop, &queue->drained);
	}
}

void virtqueue_break(struct virtqueue *queue, const char *why)
{
	if (!virtqueue_running(queue))
		return;
	queue->phase = VIRTQUEUE_BROKEN;
	poll_stop(queue);
	log_guest("%s: queue %u: the driver made %s; it needs a reset", queue->device->name,
		  queue->index, why);
	loop_post(queue->device->loop, &queue->broken);
}
