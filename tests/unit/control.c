/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control.c: see control.h. */
#include "unit/control.h"

#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>

#include "unit/unit.h"

#define SEGMENTS_MAX 64u

/* ---- the device ------------------------------------------------------------------ */

static struct control *control_of(struct net_backend *backend)
{
	return container_of(backend, struct control, backend);
}

/* The calls come on main, one after the other. */
static int record(struct control *control, bool pairs, uint64_t value)
{
	if (control->ncalls == CONTROL_CALLS)
		abort(); /* ck_assert() is for the test's own thread */
	control->calls[control->ncalls++] = (struct control_call){ pairs, value };
	return control->verdict;
}

static int set_offloads(struct net_backend *backend, uint64_t features)
{
	struct control *control = control_of(backend);
	int err = record(control, false, features);

	if (!err)
		control->offloads = features;
	return err;
}

static int set_pairs(struct net_backend *backend, unsigned pairs)
{
	struct control *control = control_of(backend);
	int err = record(control, true, pairs);

	if (!err)
		control->pairs = pairs;
	return err;
}

static const struct net_backend_ops ops = { .set_offloads = set_offloads, .set_pairs = set_pairs };

static int open_device(struct virtio_device *device, const void *options)
{
	struct control *control = *(struct control *const *)options;
	struct net_device *net = &control->net;

	net->device = device;
	net->backend = &control->backend;
	pthread_mutex_init(&net->lock, NULL);
	net->config.max_virtqueue_pairs = CONTROL_PAIRS;
	net->config.status = VIRTIO_NET_S_LINK_UP;
	memcpy(net->config.mac, ORDER_MAC, NET_MAC_BYTES);
	device->private = net;
	device->config = &net->config;
	device->config_length = sizeof(net->config);
	device->nqueues = CONTROL_QUEUES;
	device->offered |= NET_CONTROL_FEATURES | CONTROL_OFFLOADS | BIT_ULL(VIRTIO_NET_F_MAC) |
			   BIT_ULL(VIRTIO_NET_F_MQ) | BIT_ULL(VIRTIO_NET_F_RSS);
	return net_control_init(net);
}

static void close_device(struct virtio_device *device)
{
	struct net_device *net = device->private;

	net_control_free(net->control);
	pthread_mutex_destroy(&net->lock);
}

static int queue_init(struct virtqueue *queue)
{
	(void)queue;
	return 0;
}

static void queue_free(struct virtqueue *queue)
{
	(void)queue;
}

static void driver_ok(struct virtio_device *device)
{
	net_control_reset(device->private, device->state->driver_features);
}

static void reset(struct virtio_device *device)
{
	net_control_reset(device->private, 0);
}

static const struct virtio_device_type type = {
	.name = "control",
	.virtio_id = VIRTIO_ID_NET,
	.pci_class = 0x020000,
	.options_size = sizeof(struct control *),
	.open = open_device,
	.close = close_device,
	.queue_init = queue_init,
	.queue_free = queue_free,
	.kicked = net_control_kicked,
	.driver_ok = driver_ok,
	.reset = reset,
};

/* ---- the driver ------------------------------------------------------------------ */

struct control_config control_variant(int i)
{
	return (struct control_config){ .memory = i & 1 ? GDMA_GRANTS : GDMA_PLAIN,
					.workers = i & 2 ? 1 : 0 };
}

/* It looks as if the driver had set up the receive queues, which are not there. */
static void enable_receivers(void *arg)
{
	struct control *control = arg;
	unsigned i;

	for (i = 0; i < CONTROL_PAIRS; i++)
		control->rig.state.queues[2 * i].enabled = true;
}

void control_driver_start(struct control *control, const struct control_config *config)
{
	struct gvirtio *v = &control->v;

	v->dma = (struct gdma){ .kind = config->memory };
	ck_assert_int_ge(gvirtio_reset(v), 0);
	ck_assert(gvirtio_negotiate(v, ~config->without));
	ck_assert(gpci_msix_enable(&v->pci, GIRQ_MSIX, 2));
	ck_assert(gvirtio_setup_queues(v, 1, CONTROL_ORDERS));
	gvirtio_driver_ok(v);
	rig_call(&control->rig, enable_receivers, control);
	control->ring = v->ring[0];
}

void control_driver_stop(struct control *control)
{
	gvirtio_remove(&control->v);
	rig_assert_idle(&control->rig);
	control->ring = NULL;
}

void control_start(struct control *control, const struct control_config *config)
{
	const struct rig_config rig = { .workers = config->workers };
	struct gpci *pci = &control->v.pci;
	unsigned i;

	guest_boot(FAKE_HVM, 2, 8192);
	*control = (struct control){ .backend = { .ops = &ops, .npairs = CONTROL_PAIRS } };
	for (i = 0; i < CONTROL_ORDERS; i++)
		control->orders[i] = (struct order){
			.out = gpage_alloc(ORDER_BYTES / FAKE_PAGE),
			.in = gpage_alloc(1),
		};
	rig_start(&control->rig, &type, &control, &rig);
	ck_assert(gpci_linux(pci, 0, RIG_BDF, RIG_BAR));
	gpci_enable(pci, true);
	ck_assert(gvirtio_probe(&control->v));
	control_driver_start(control, config);
}

void control_stop(struct control *control)
{
	if (control->ring)
		control_driver_stop(control);
	rig_stop(&control->rig);
}

struct control_state control_state(const struct control *control)
{
	struct control_state state;
	unsigned i;

	memset(&state, 0, sizeof(state)); /* all of it is compared */
	memcpy(&state.filter, &control->net.filter, sizeof(state.filter));
	memcpy(&state.rss, &control->net.rss, sizeof(state.rss));
	memcpy(&state.config, &control->net.config, sizeof(state.config));
	state.offloads = control->offloads;
	for (i = 0; i < CONTROL_QUEUES; i++)
		state.coalescing[i] = control->rig.device.queues[i].coalesce.asked;
	state.pairs = control->pairs;
	state.ncalls = control->ncalls;
	return state;
}

bool control_state_equal(const struct control_state *a, const struct control_state *b)
{
	const void *x = a, *y = b;

	return !memcmp(x, y, sizeof(*a));
}

/* ---- commands --------------------------------------------------------------------- */

static unsigned cut_up(struct gsg *list, uint64_t gpa, uint32_t length, uint64_t cuts)
{
	unsigned n = 0;
	uint32_t i, begin = 0;

	for (i = 1; i <= length; i++) {
		if (i < length && (i > 63 || !(cuts & CUT(i))))
			continue;
		list[n++] = (struct gsg){ gpa + begin, i - begin };
		begin = i;
	}
	return n;
}

void order_add(struct control *control, unsigned i, const void *bytes, uint32_t length,
	       uint64_t cuts, uint32_t in)
{
	struct order *order = &control->orders[i];
	struct gsg readable[SEGMENTS_MAX], writable[SEGMENTS_MAX];

	ck_assert_uint_le(length, ORDER_BYTES);
	memcpy(fake_ram(order->out), bytes, length);
	memset(fake_ram(order->in), ORDER_CANARY, FAKE_PAGE);
	order->done = false;
	ck_assert(gring_add(control->ring, readable, cut_up(readable, order->out, length, cuts),
			    writable, cut_up(writable, order->in, in, cuts), order));
}

void orders_run(struct control *control, unsigned count)
{
	struct order *order;
	uint32_t used;

	gvirtio_kick(&control->v, control->ring);
	while (count) {
		gring_disable_cb(control->ring);
		while (count && (order = gring_get(control->ring, &used))) {
			order->done = true;
			order->used = used;
			count--;
		}
		if (count && gring_enable_cb(control->ring))
			ck_assert(gvirtio_wait(&control->v, control->ring, 10000));
	}
}

/* What is behind the ack byte stays as it was. */
uint8_t order_ack(const struct control *control, unsigned i)
{
	const struct order *order = &control->orders[i];
	const uint8_t *in = fake_ram(order->in);

	if (!order->done || order->used != 1 || in[1] != ORDER_CANARY || in[0] > VIRTIO_NET_ERR)
		ck_abort_msg("order %u: %s, used %u, ack %u", i, order->done ? "done" : "not done",
			     order->used, in[0]);
	return in[0];
}

uint8_t control_send(struct control *control, const void *bytes, uint32_t length, uint64_t cuts)
{
	order_add(control, 0, bytes, length, cuts, 1);
	orders_run(control, 1);
	return order_ack(control, 0);
}

uint8_t control_command(struct control *control, uint8_t class, uint8_t cmd, const void *data,
			uint32_t length)
{
	uint8_t bytes[ORDER_BYTES] = { class, cmd };

	memcpy(bytes + 2, data, length);
	return control_send(control, bytes, length + 2, CUT(2));
}
