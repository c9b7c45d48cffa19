/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net.c: the virtio-net device: backend, features, configuration. */
#include "devices/net/net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_ids.h>

#include "base/log.h"
#include "base/util.h"
#include "devices/net/script.h"
#include "devices/types.h"

#define PCI_CLASS_NETWORK_ETHERNET 0x020000
#define NET_SEVERAL_PAIRS          (BIT_ULL(VIRTIO_NET_F_MQ) | BIT_ULL(VIRTIO_NET_F_RSS))
#define ANNOUNCE_NS                100000000ULL

/* The driver is told another one than the backend's own only if that is asked for. */
static void set_mac(struct net_device *net, const struct net_options *o)
{
	static const uint8_t any[NET_MAC_BYTES];
	const uint8_t *own = net->backend->mac;
	bool has_own = memcmp(own, any, NET_MAC_BYTES);

	net_options_mac(o, net->device->name, net->config.mac);
	if (has_own && !o->mac)
		memcpy(net->config.mac, own, NET_MAC_BYTES);
	else if (has_own && memcmp(net->config.mac, own, NET_MAC_BYTES))
		log_warning("%s: the interface gets frames for its own address, which is not mac=",
			    net->device->name);
}

static void set_config(struct net_device *net, const struct net_options *o)
{
	unsigned mtu = o->mtu ? o->mtu : net->backend->mtu;

	net->config = (struct virtio_net_config){
		.status = net->backend->up ? VIRTIO_NET_S_LINK_UP : 0,
		.max_virtqueue_pairs = (uint16_t)net->backend->npairs,
		.mtu = (uint16_t)mtu,
		.speed = o->speed ? o->speed : UINT32_MAX,
		.duplex = o->speed ? !o->duplex : UINT8_MAX,
		.rss_max_key_size = NET_RSS_KEY_BYTES,
		.rss_max_indirection_table_length = NET_RSS_ENTRIES,
		.supported_hash_types = NET_RSS_TYPES,
	};
	set_mac(net, o);
}

static void set_status(struct net_device *net, uint16_t status)
{
	net->config.status = status;
	virtio_device_config_changed(net->device);
}

/* The driver tells the network that it is here again. Not with the news that the link
 * is up: Linux would speak first, and turn its carrier on then. */
static void announce(struct loop_timer *timer)
{
	struct net_device *net = container_of(timer, struct net_device, announce);

	if ((net->config.status & VIRTIO_NET_S_LINK_UP) &&
	    (net->device->state->driver_features & BIT_ULL(VIRTIO_NET_F_GUEST_ANNOUNCE)))
		set_status(net, net->config.status | VIRTIO_NET_S_ANNOUNCE);
}

static uint64_t features_of(const struct net_device *net)
{
	uint64_t features = net->backend->features | BIT_ULL(VIRTIO_NET_F_MAC) |
			    BIT_ULL(VIRTIO_NET_F_STATUS) | BIT_ULL(VIRTIO_NET_F_MRG_RXBUF) |
			    BIT_ULL(VIRTIO_NET_F_SPEED_DUPLEX) | NET_CONTROL_FEATURES;

	if (net->config.mtu)
		features |= BIT_ULL(VIRTIO_NET_F_MTU);
	if (net->backend->npairs > 1)
		features |= NET_SEVERAL_PAIRS;
	return features;
}

int net_device_init(struct virtio_device *device, struct net_backend *backend,
		    const struct net_options *o)
{
	struct net_device *net = calloc(1, sizeof(*net));

	if (!net) {
		backend->ops->close(backend);
		return -ENOMEM;
	}
	net->device = device;
	net->backend = backend;
	net->announce.fire = announce;
	pthread_mutex_init(&net->lock, NULL);
	set_config(net, o);
	device->private = net;
	device->config = &net->config;
	device->config_length = sizeof(net->config);
	device->nqueues = 2 * backend->npairs + 1;
	device->offered |= features_of(net);
	return net_control_init(net);
}

static void net_names(const void *from, opener_add *add, void *arg)
{
	const struct net_options *o = from;

	if (o->rom)
		virtio_device_rom_names(o->rom, add, arg);
	if (o->tap)
		tap_names(OPENER_TAP, o->tap, o->queues, add, arg);
	if (o->tapdev)
		tap_names(OPENER_TAPDEV, o->tapdev, o->queues, add, arg);
	if (o->passt)
		passt_names(o->passt, add, arg);
}

static int open_backend(const struct net_options *o, struct net_backend **backend,
			struct reason *why)
{
	if (o->tap)
		return tap_open(o->tap, o->queues, backend, why);
	if (o->tapdev)
		return tap_device_open(o->tapdev, o->queues, backend, why);
	if (o->passt)
		return passt_open(o->passt, backend, why);
	return packets_open((int)o->fd, backend, why);
}

/* It may have given the interface another MTU, that of a bridge. */
static int run_first_script(struct virtio_device *device, struct net_backend *backend,
			    const struct net_options *o)
{
	uint8_t mac[NET_MAC_BYTES];
	int err;

	net_options_mac(o, device->name, mac);
	err = net_script_run(o, mac, "add", &device->why);
	if (err)
		backend->ops->close(backend);
	else
		backend->mtu = tap_mtu(o->tap);
	return err;
}

static int net_open(struct virtio_device *device, const void *from)
{
	const struct net_options *o = from;
	struct net_backend *backend;
	int err = o->rom ? virtio_device_read_rom(device, o->rom) : 0;

	if (!err)
		err = open_backend(o, &backend, &device->why);
	if (!err && o->script)
		err = run_first_script(device, backend, o);
	if (!err)
		err = net_device_init(device, backend, o);
	if (!err && o->script)
		((struct net_device *)device->private)->script = o;
	return err;
}

/* While the interface is still there. */
static void run_last_script(const struct net_device *net)
{
	struct reason why;

	if (net->script && net_script_run(net->script, net->config.mac, "remove", &why))
		log_warning("%s: %s", net->device->name, why.text);
}

static void net_close(struct virtio_device *device)
{
	struct net_device *net = device->private;

	if (!net)
		return;
	run_last_script(net);
	net_control_free(net->control);
	net->backend->ops->close(net->backend);
	pthread_mutex_destroy(&net->lock);
	free(net);
	device->private = NULL;
}

unsigned net_pairs(const struct net_device *net, uint64_t features)
{
	return features & NET_SEVERAL_PAIRS ? net->backend->npairs : 1;
}

enum net_role net_role(const struct virtqueue *queue)
{
	unsigned pairs = net_pairs(net_of(queue), queue->features);

	if (queue->index == 2 * pairs)
		return NET_CONTROL;
	if (queue->index > 2 * pairs)
		return NET_UNUSED;
	return queue->index % 2 ? NET_TX : NET_RX;
}

/* One of a pair, if there are all pairs. */
static bool may_be_of_pair(const struct virtqueue *queue)
{
	return queue->index < 2 * net_of(queue)->backend->npairs;
}

static int net_queue_init(struct virtqueue *queue)
{
	if (!may_be_of_pair(queue))
		return 0;
	return queue->index % 2 ? net_tx_init(queue) : net_rx_init(queue);
}

static void net_queue_free(struct virtqueue *queue)
{
	if (!may_be_of_pair(queue))
		return;
	if (queue->index % 2)
		net_tx_free(queue);
	else
		net_rx_free(queue);
}

static void net_kicked(struct virtqueue *queue)
{
	switch (net_role(queue)) {
	case NET_RX:
		net_rx_kicked(queue);
		break;
	case NET_TX:
		net_tx_kicked(queue);
		break;
	case NET_CONTROL:
		net_control_kicked(queue);
		break;
	case NET_UNUSED:
		break;
	}
}

static void net_stop(struct virtqueue *queue)
{
	enum net_role role = net_role(queue);

	if (role == NET_RX)
		net_rx_stop(queue);
	else if (role == NET_TX)
		net_tx_stop(queue);
}

static bool net_queue_quiet(struct virtqueue *queue)
{
	if (!may_be_of_pair(queue))
		return true;
	return queue->index % 2 ? net_tx_quiet(queue) : net_rx_quiet(queue);
}

static bool link_is_up(const struct net_device *net)
{
	return net->backend->up && !net->unplugged;
}

static void tell_link(struct net_device *net)
{
	bool up = link_is_up(net);

	if (up == (bool)(net->config.status & VIRTIO_NET_S_LINK_UP))
		return;
	log_info("%s: the link is %s", net->device->name, up ? "up" : "down");
	set_status(net, up ? VIRTIO_NET_S_LINK_UP : 0);
	if (up)
		loop_timer(net->device->loop, &net->announce, ANNOUNCE_NS);
}

static void link_changed(struct net_backend *backend)
{
	struct net_device *net = backend->user;
	unsigned i;

	for (i = 0; backend->up && i < backend->npairs; i++)
		net_rx_resume(&net->device->queues[2 * i]);
	tell_link(net);
}

static void net_set_link(struct virtio_device *device, bool up)
{
	struct net_device *net = device->private;

	atomic_store(&net->unplugged, !up);
	net_keep(net);
	tell_link(net);
}

/* The backend goes when the driver has. */
static bool net_forsake(struct virtio_device *device)
{
	net_set_link(device, false);
	return true;
}

/* Linux spins until its commands are answered. */
static bool net_pauses(const struct virtqueue *queue)
{
	return net_role(queue) != NET_CONTROL;
}

static void watch_link(struct net_device *net)
{
	struct net_backend *backend = net->backend;
	int err;

	if (backend->changed || !backend->ops->watch_link)
		return;
	backend->user = net;
	backend->changed = link_changed;
	err = backend->ops->watch_link(backend, net->device->loop);
	if (err)
		log_warning("%s: cannot watch the link: %s", net->device->name, strerror(-err));
}

static void net_driver_ok(struct virtio_device *device)
{
	net_control_reset(device->private, device->state->driver_features);
	watch_link(device->private);
}

/* If the link was otherwise the driver will be told. */
static void net_adopt(struct virtio_device *device)
{
	struct net_device *net = device->private;

	net_control_adopt(net);
	watch_link(net);
	net->config.status = link_is_up(net) ? VIRTIO_NET_S_LINK_UP : 0;
}

static void net_reset(struct virtio_device *device)
{
	net_control_reset(device->private, 0);
}

static bool net_quiet(struct virtio_device *device)
{
	struct net_device *net = device->private;
	const struct net_backend_ops *ops = net->backend->ops;

	loop_timer_cancel(device->loop, &net->announce);
	return !ops->unwatch_link || ops->unwatch_link(net->backend);
}

static struct net_traffic total(const struct virtio_device *device, unsigned first,
				const struct net_traffic *(*of)(const struct virtqueue *))
{
	const struct net_device *net = device->private;
	struct net_traffic all = { 0 };
	unsigned i;

	for (i = first; i < 2 * net->backend->npairs; i += 2) {
		counter_add(&all.frames, counter_read(&of(&device->queues[i])->frames));
		counter_add(&all.bytes, counter_read(&of(&device->queues[i])->bytes));
	}
	return all;
}

static void net_stats(const struct virtio_device *device, const struct stats *stats)
{
	const struct net_device *net = device->private;
	const struct net_traffic rx = total(device, 0, net_rx_traffic);
	const struct net_traffic tx = total(device, 1, net_tx_traffic);
	const struct net_counters *c = &net->counters;

	stats_text(stats, "link", net->config.status & VIRTIO_NET_S_LINK_UP ? "up" : "down");
	stats_number(stats, "rx-frames", counter_read(&rx.frames));
	stats_number(stats, "rx-bytes", counter_read(&rx.bytes));
	stats_number(stats, "rx-filtered", net_counted(&c->rx_filtered));
	stats_number(stats, "rx-too-long", net_counted(&c->rx_too_long));
	stats_number(stats, "rx-no-buffer", net_counted(&c->rx_no_buffer));
	stats_number(stats, "rx-direct", net_counted(&c->rx_direct));
	stats_number(stats, "rx-steered", net_counted(&c->rx_steered));
	stats_number(stats, "rx-dropped", net_counted(&c->rx_dropped));
	stats_number(stats, "tx-frames", counter_read(&tx.frames));
	stats_number(stats, "tx-bytes", counter_read(&tx.bytes));
	stats_number(stats, "tx-bad", net_counted(&c->tx_bad));
	stats_number(stats, "tx-refused", net_counted(&c->tx_refused));
}

const struct virtio_device_type virtio_net = {
	.name = "net",
	.virtio_id = VIRTIO_ID_NET,
	.pci_class = PCI_CLASS_NETWORK_ETHERNET,
	.options = net_option_specs,
	.options_size = sizeof(struct net_options),
	.together = 2, /* a pair has one port */
	.check = net_options_check,
	.names = net_names,
	.open = net_open,
	.close = net_close,
	.queue_init = net_queue_init,
	.queue_free = net_queue_free,
	.kicked = net_kicked,
	.stop = net_stop,
	.queue_quiet = net_queue_quiet,
	.quiet = net_quiet,
	.forsake = net_forsake,
	.driver_ok = net_driver_ok,
	.adopt = net_adopt,
	.reset = net_reset,
	.set_link = net_set_link,
	.pauses = net_pauses,
	.stats = net_stats,
};
