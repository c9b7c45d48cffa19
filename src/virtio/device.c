/* SPDX-License-Identifier: GPL-2.0-or-later */
/* device.c: the status machine.
 *
 * Theory of operation of a reset. Writing 0 stops every running queue; each
 * waits for its requests and unmaps its ring on its own worker. Until the last
 * one has said so the status keeps its old value, which is what a driver polls
 * (virtio 1.2, 2.4.1), queue registers stay closed, and another status that
 * the driver writes is kept and applied afterwards: firmware does not poll. */
#include "virtio/device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "virtio/worker.h"

#define STATUS_NEGOTIATED \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)
#define STATUS_KNOWN (STATUS_NEGOTIATED | VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FAILED)

static void show_config(struct virtio_device *device)
{
	memcpy(device->state->config, device->config, device->config_length);
}

static void power_on(struct virtio_device *device)
{
	struct virtio_device_state *state = device->state;
	unsigned i;

	state->status = 0;
	state->driver_features = 0;
	show_config(device);
	device->config_news = false;
	memset(state->queues, 0, sizeof(state->queues));
	for (i = 0; i < device->nqueues; i++)
		state->queues[i].size = VIRTQUEUE_SIZE_MAX;
}

/* What is asked of a queue's worker, whose memory and loop are its own. */
struct queue_call {
	struct virtio_device *device;
	unsigned index;
	struct worker *worker;
	int err;
	bool quiet;
};

static void call_init(void *arg)
{
	struct queue_call *call = arg;
	struct virtqueue *queue = &call->device->queues[call->index];

	call->err = virtqueue_init(queue, call->device, call->index, call->worker);
	if (call->err)
		return;
	call->err = call->device->type->queue_init(queue);
	if (call->err)
		virtqueue_free(queue);
}

static int init_queue(struct virtio_device *device, unsigned i, struct worker *worker)
{
	struct queue_call call = { .device = device, .index = i, .worker = worker };

	worker_call(worker, call_init, &call);
	return call.err;
}

static void call_free(void *arg)
{
	struct virtqueue *queue = arg;

	queue->device->type->queue_free(queue);
	virtqueue_free(queue);
}

static void free_queues(struct virtio_device *device, unsigned count)
{
	while (count--)
		worker_call(device->queues[count].worker, call_free, &device->queues[count]);
	free(device->queues);
	device->queues = NULL;
}

int virtio_device_attach(struct virtio_device *device, struct loop *loop,
			 struct virtio_device_state *state, struct worker *workers,
			 unsigned nworkers, unsigned *next)
{
	const unsigned together = device->type->together ? device->type->together : 1;
	unsigned i;
	int err;

	device->loop = loop;
	device->state = state;
	device->queues = calloc(device->nqueues, sizeof(*device->queues));
	if (!device->queues)
		return -ENOMEM;
	for (i = 0; i < device->nqueues; i++) {
		err = init_queue(device, i, &workers[(*next + i / together) % nworkers]);
		if (err) {
			free_queues(device, i);
			return err;
		}
	}
	*next += (device->nqueues + together - 1) / together;
	return 0;
}

void virtio_device_detach(struct virtio_device *device)
{
	if (device->queues)
		free_queues(device, device->nqueues);
}

static void call_quiet(void *arg)
{
	struct queue_call *call = arg;

	call->quiet = call->device->type->queue_quiet(&call->device->queues[call->index]);
}

static bool queues_quiet(struct virtio_device *device)
{
	bool quiet = true;
	unsigned i;

	for (i = 0; device->type->queue_quiet && i < device->nqueues; i++) {
		struct queue_call call = { .device = device, .index = i };

		worker_call(device->queues[i].worker, call_quiet, &call);
		quiet &= call.quiet;
	}
	return quiet;
}

/* What a turn has put off to its end is done when it is found quiet once more. */
bool virtio_device_quiet(struct virtio_device *device)
{
	bool before = device->quiet;

	device->quiet = queues_quiet(device);
	if (device->type->quiet)
		device->quiet &= device->type->quiet(device);
	return before && device->quiet;
}

bool virtio_device_forsake(struct virtio_device *device)
{
	return !device->type->forsake || device->type->forsake(device);
}

uint8_t virtio_device_status(const struct virtio_device *device)
{
	return device->state->status;
}

uint8_t virtio_device_read_status(struct virtio_device *device)
{
	device->reset_seen |= !device->state->status;
	return device->state->status;
}

/* The driver, or firmware, has gone on before that was over. */
static void apply_latched(struct virtio_device *device)
{
	struct virtio_device_state *state = device->state;

	if (state->latched_status)
		virtio_device_write_status(device, state->latched_status);
	state->latched_status = 0;
}

/* A death in the middle of this is followed by another one. */
static void finish_reset(struct virtio_device *device)
{
	device->reset_seen = false;
	power_on(device);
	if (device->type->reset)
		device->type->reset(device);
	device->state->resetting = 0;
	device->transport->reset_done(device);
	if (device->when_quiet)
		loop_post(device->loop, device->when_quiet);
	apply_latched(device);
}

bool virtio_device_resetting(const struct virtio_device *device)
{
	return device->state->resetting;
}

bool virtio_device_reset(struct virtio_device *device)
{
	bool started = device->state->status & VIRTIO_CONFIG_S_DRIVER_OK;
	unsigned i;

	if (device->state->resetting)
		return false;
	device->state->generation++;
	device->state->resetting = 1;
	for (i = 0; started && i < device->nqueues; i++) {
		if (!device->state->queues[i].enabled)
			continue;
		device->stopping++;
		virtqueue_stop(&device->queues[i]);
	}
	if (device->stopping)
		return false;
	finish_reset(device);
	return true;
}

void virtio_device_queue_stopped(struct virtio_device *device)
{
	if (!--device->stopping)
		finish_reset(device);
}

static bool features_acceptable(const struct virtio_device *device)
{
	uint64_t features = device->state->driver_features;
	uint64_t required = BIT_ULL(VIRTIO_F_VERSION_1);

	if (device->memory.policy == MEMORY_GRANTS)
		required |= BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
	return !(features & ~device->offered) && (features & required) == required;
}

/* Before DRIVER_OK a driver is not interrupted (virtio 1.2, 2.1.2), but it may have
 * read the configuration already. */
static void tell_news(struct virtio_device *device)
{
	if (!device->config_news || device->state->resetting ||
	    !(device->state->status & VIRTIO_CONFIG_S_DRIVER_OK))
		return;
	device->config_news = false;
	device->transport->config_interrupt(device);
	show_config(device); /* and not before: who dies in between tells it again */
}

void virtio_device_config_changed(struct virtio_device *device)
{
	device->state->config_generation++;
	device->config_news = true;
	tell_news(device);
}

static void start_queues(struct virtio_device *device)
{
	const struct virtio_device_state *state = device->state;
	unsigned i;

	if (device->type->driver_ok)
		device->type->driver_ok(device);
	for (i = 0; i < device->nqueues; i++)
		if (state->queues[i].enabled)
			virtqueue_start(&device->queues[i], &state->queues[i],
					state->driver_features, state->generation);
}

/* ---- after a dead process ---------------------------------------------------------- */

static bool is_sound(const struct virtio_device *device)
{
	const struct virtio_device_state *state = device->state;
	uint8_t status = state->status;
	unsigned i;

	if (status & ~(STATUS_KNOWN | VIRTIO_CONFIG_S_NEEDS_RESET))
		return false;
	if ((status & VIRTIO_CONFIG_S_DRIVER_OK) && !(status & VIRTIO_CONFIG_S_FEATURES_OK))
		return false;
	if ((status & VIRTIO_CONFIG_S_FEATURES_OK) && !features_acceptable(device))
		return false;
	for (i = 0; i < VIRTIO_MAX_QUEUES; i++)
		if (state->queues[i].enabled > (i < device->nqueues))
			return false;
	return true;
}

bool virtio_device_begin(struct virtio_device *device, bool left)
{
	struct virtio_device_state *state = device->state;
	uint8_t shown = state->config_generation;

	device->reset_seen = true;
	state->config_generation++; /* it may have been another configuration */
	if (left && is_sound(device))
		return true;
	memset(state, 0, sizeof(*state));
	state->config_generation = shown + 1;
	power_on(device);
	return false;
}

static void adopt_queues(struct virtio_device *device)
{
	const struct virtio_device_state *state = device->state;
	unsigned i;

	if (device->type->adopt)
		device->type->adopt(device);
	for (i = 0; i < device->nqueues; i++)
		if (state->queues[i].enabled)
			virtqueue_adopt(&device->queues[i], &state->queues[i],
					state->driver_features, state->generation);
}

void virtio_device_resume(struct virtio_device *device)
{
	const struct virtio_device_state *state = device->state;

	if (state->resetting) {
		finish_reset(device);
		return;
	}
	if (state->status & VIRTIO_CONFIG_S_DRIVER_OK)
		adopt_queues(device);
	if (memcmp(state->config, device->config, device->config_length))
		virtio_device_config_changed(device);
	apply_latched(device);
}

/* ---- the driver's writes ------------------------------------------------------------ */

bool virtio_device_write_status(struct virtio_device *device, uint8_t status)
{
	struct virtio_device_state *state = device->state;
	uint8_t fresh;

	if (device->state->resetting) {
		device->state->latched_status = status & STATUS_KNOWN;
		return device->state->latched_status;
	}
	if (!status)
		return virtio_device_reset(device);
	status = (status & STATUS_KNOWN) | state->status; /* bits are only ever added */
	fresh = status & (uint8_t)~state->status;
	if ((fresh & VIRTIO_CONFIG_S_FEATURES_OK) && !features_acceptable(device))
		status &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
	if ((fresh & VIRTIO_CONFIG_S_DRIVER_OK) && !(status & VIRTIO_CONFIG_S_FEATURES_OK))
		status &= (uint8_t)~VIRTIO_CONFIG_S_DRIVER_OK;
	state->status = status;
	if (fresh & status & VIRTIO_CONFIG_S_DRIVER_OK)
		start_queues(device);
	tell_news(device);
	return true;
}

void virtio_device_write_features(struct virtio_device *device, bool high, uint32_t bits)
{
	struct virtio_device_state *state = device->state;

	if (state->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return;
	if (high)
		state->driver_features = (uint32_t)state->driver_features | (uint64_t)bits << 32;
	else
		state->driver_features = (state->driver_features & ~0xffffffffULL) | bits;
}

struct virtqueue_registers *virtio_device_open_registers(struct virtio_device *device,
							 unsigned queue)
{
	struct virtqueue_registers *registers = &device->state->queues[queue];

	if (device->state->resetting || device->state->status != STATUS_NEGOTIATED ||
	    registers->enabled)
		return NULL;
	return registers;
}

void virtio_device_kick(struct virtio_device *device, unsigned queue)
{
	const struct virtio_device_state *state = device->state;

	if (queue < device->nqueues && state->queues[queue].enabled && !device->state->resetting &&
	    (state->status & VIRTIO_CONFIG_S_DRIVER_OK))
		virtqueue_kick(&device->queues[queue]);
}

void virtio_device_write_config(struct virtio_device *device, unsigned offset, unsigned size,
				uint32_t value)
{
	if (!device->type->config_written || device->state->resetting)
		return;
	device->type->config_written(device, offset, size, value);
	if (!device->config_news)
		show_config(device); /* it knows what it has written */
}

void virtio_device_fit(struct virtio_device *device, unsigned vcpus)
{
	if (device->type->fit)
		device->type->fit(device, vcpus);
}

void virtio_device_look_again(struct virtio_device *device)
{
	if (device->type->look_again && device->ready)
		device->type->look_again(device);
}

void virtio_device_pause(struct virtio_device *device, bool paused)
{
	const struct virtio_device_state *state = device->state;
	unsigned i;

	atomic_store(&device->paused, paused);
	for (i = 0; !paused && i < device->nqueues; i++)
		if (state->queues[i].enabled && !device->state->resetting &&
		    (state->status & VIRTIO_CONFIG_S_DRIVER_OK))
			virtqueue_again(&device->queues[i]);
}

void virtio_device_stats(const struct virtio_device *device, const struct stats *stats)
{
	unsigned i;

	for (i = 0; i < device->nqueues; i++) {
		const struct virtqueue_counters *counters = &device->queues[i].counters;

		stats_part(stats, "queue", i, "doorbells", counter_read(&counters->doorbells));
		stats_part(stats, "queue", i, "interrupts", counter_read(&counters->interrupts));
		stats_part(stats, "queue", i, "chains", counter_read(&counters->chains));
		stats_part(stats, "queue", i, "used", counter_read(&counters->used));
	}
	if (device->type->stats)
		device->type->stats(device, stats);
}

void virtio_device_broken(struct virtio_device *device, uint32_t generation)
{
	if (device->state->resetting || generation != device->state->generation)
		return;
	device->state->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	device->transport->config_interrupt(device);
}
