/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coalesce.c: see coalesce.h; virtio 1.2, 5.1.6.5.7, which calls it best effort.
 *
 * Theory of operation. Counting begins with the first buffers for which the driver
 * wants an interrupt: as long as it wants none it looks at the ring by itself, before
 * it asks for interrupts again. When there are enough, or the time is over, the driver
 * may have seen them already, so it is asked again. */
#include "virtio/coalesce.h"

#include "base/util.h"
#include "virtio/device.h"
#include "virtio/queue.h"
#include "virtio/worker.h"

#define NS_PER_US 1000ULL

static void send_interrupt(struct virtqueue *queue)
{
	counter_add(&queue->counters.interrupts, 1);
	queue->device->transport->queue_interrupt(queue->device, queue->index);
}

/* With all buffers used, nothing more can come: a full ring is always enough. */
static bool enough(const struct virtqueue *queue)
{
	const struct coalesce *coalesce = &queue->coalesce;

	return coalesce->waiting >= min_u64(coalesce->packets, queue->ring.size);
}

static void forget(struct virtqueue *queue)
{
	queue->coalesce.waiting = 0;
	loop_timer_cancel(queue->worker->loop, &queue->coalesce.timer);
}

static void tell(struct virtqueue *queue)
{
	struct coalesce *coalesce = &queue->coalesce;
	bool waits = coalesce->waiting;

	forget(queue);
	if (waits && virtqueue_running(queue) &&
	    split_interrupt_wanted(&queue->ring, coalesce->since))
		send_interrupt(queue);
}

static void time_is_over(struct loop_timer *timer)
{
	tell(container_of(timer, struct virtqueue, coalesce.timer));
}

/* Under new rules what waits may have waited long enough. */
static void apply(struct loop_work *work)
{
	struct virtqueue *queue = container_of(work, struct virtqueue, coalesce.apply);

	coalesce_start(queue);
	tell(queue);
}

void coalesce_adopted(struct virtqueue *queue)
{
	if (queue->ring.event_idx || split_interrupt_wanted(&queue->ring, queue->ring.published))
		send_interrupt(queue);
}

void coalesce_published(struct virtqueue *queue, uint16_t since, bool wanted)
{
	struct coalesce *coalesce = &queue->coalesce;

	if (!coalesce->packets || !coalesce->usecs) {
		if (wanted)
			send_interrupt(queue);
		return;
	}
	if (!coalesce->waiting && !wanted)
		return;
	if (!coalesce->waiting)
		coalesce->since = since;
	coalesce->waiting += (uint16_t)(queue->ring.published - since);
	if (enough(queue))
		tell(queue);
	else if (!coalesce->timer.armed)
		loop_timer(queue->worker->loop, &coalesce->timer, coalesce->usecs * NS_PER_US);
}

void virtqueue_coalesce(struct virtqueue *queue, uint32_t packets, uint32_t usecs)
{
	atomic_store(&queue->coalesce.asked, (uint64_t)packets << 32 | usecs);
	loop_post(queue->worker->loop, &queue->coalesce.apply);
}

void coalesce_init(struct coalesce *coalesce)
{
	coalesce->apply.run = apply;
	coalesce->timer.fire = time_is_over;
}

void coalesce_start(struct virtqueue *queue)
{
	uint64_t asked = atomic_load(&queue->coalesce.asked);

	queue->coalesce.packets = (uint32_t)(asked >> 32);
	queue->coalesce.usecs = (uint32_t)asked;
}

void coalesce_stop(struct virtqueue *queue)
{
	forget(queue);
}
