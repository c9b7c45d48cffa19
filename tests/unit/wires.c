/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wires.c: see wires.h. */
#include "unit/wires.h"

#include <check.h>
#include <sys/socket.h>

#include "devices/types.h"

#define WIRE_BYTES (4 << 20)

struct wires wires;
struct rig wires_rig;
struct net_device *wires_device;
struct gnet *wires_guest;

/* ---- the backend ------------------------------------------------------------------- */

static struct net_port *part_of(struct net_port *port)
{
	struct net_port *part = &wires.parts[port->index]->ports[0];

	part->loop = port->loop;
	part->readable = port->readable;
	part->user = port->user;
	return part;
}

static void wires_send(struct net_port *port, struct net_frame *frame)
{
	struct net_port *part = part_of(port);

	part->backend->ops->send(part, frame);
}

static int wires_read(struct net_port *port, const struct iovec *pieces, unsigned npieces)
{
	struct net_port *part = part_of(port);
	int result = part->backend->ops->read(part, pieces, npieces);

	if (result > 0)
		__atomic_store_n(&wires.pieces[port->index], npieces, __ATOMIC_RELAXED);
	return result;
}

static void wires_watch(struct net_port *port)
{
	struct net_port *part = part_of(port);

	part->backend->ops->watch(part);
}

static void wires_close(struct net_backend *backend)
{
	unsigned i;

	for (i = 0; i < backend->npairs; i++)
		wires.parts[i]->ops->close(wires.parts[i]);
}

static const struct net_backend_ops ops = {
	.close = wires_close,
	.send = wires_send,
	.read = wires_read,
	.watch = wires_watch,
};

static int open_wires(struct virtio_device *virtio, const void *options)
{
	const unsigned *pairs = *(const unsigned *const *)options;
	const struct net_options none = { 0 };
	int ends[2], bytes = WIRE_BYTES;
	unsigned i;

	wires = (struct wires){ .backend = { .ops = &ops, .npairs = *pairs, .up = true } };
	for (i = 0; i < *pairs; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
		setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
		ck_assert_int_eq(packets_open(ends[1], &wires.parts[i], &virtio->why), 0);
		wires.ends[i] = ends[0];
		wires.backend.features = wires.parts[i]->features;
		wires.backend.gathers = wires.parts[i]->gathers;
		wires.backend.ports[i] = (struct net_port){ .backend = &wires.backend, .index = i };
	}
	return net_device_init(virtio, &wires.backend, &none);
}

/* ---- start and end ------------------------------------------------------------------- */

void wires_start(const struct rig_config *how, const struct gnet_config *config)
{
	static struct virtio_device_type type;
	const unsigned pairs = config->pairs ? config->pairs : 1, *options = &pairs;

	guest_boot(FAKE_HVM, 2, 8192);
	type = virtio_net;
	type.open = open_wires;
	rig_start(&wires_rig, &type, &options, how);
	wires_device = wires_rig.device.private;
	wires_guest = gnet_start(config);
}

void wires_stop(void)
{
	gnet_remove(wires_guest);
	rig_assert_idle(&wires_rig);
	rig_stop(&wires_rig);
	gnet_free(wires_guest);
}

uint64_t wires_counted(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}
