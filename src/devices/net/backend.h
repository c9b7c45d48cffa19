/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backend.h: where frames go and come from.
 *
 * A frame is a struct virtio_net_hdr_v1 (virtio 1.2, 5.1.6), little endian, and
 * behind it the ethernet frame. A backend has a port for each pair of queues; a
 * port is used by one thread at a time. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include <linux/virtio_net.h>

#include "base/loop.h"
#include "base/opener.h"
#include "base/reason.h"

#define NET_PAIRS_MAX      16U
#define NET_HEADER_BYTES   sizeof(struct virtio_net_hdr_v1)
#define NET_ETHERNET_BYTES 14U
#define NET_FRAME_MAX      (NET_HEADER_BYTES + 14 + 4 + 65535U) /* ethernet, a VLAN tag, IP */
#define NET_FRAME_BYTES    69632U                               /* room for one, in whole pages */

struct net_backend;

struct net_frame {
	uint8_t *data;
	uint32_t length;
	/* To be sent in place of data, if there are any; the header is in the first one. */
	const struct iovec *pieces;
	unsigned npieces;
	int result; /* the backend's */

	/* Sent: 0 or -errno. Received: the frame's length, or -EAGAIN when there is
	 * none, or -errno. In a later turn than the one that asked. */
	void (*done)(struct net_frame *frame, int result);

	/* The backend's. */
	STAILQ_ENTRY(net_frame) entry;
	struct loop_op op;
	struct loop_work work;
};

STAILQ_HEAD(net_frames, net_frame);

struct net_port {
	struct net_backend *backend;
	unsigned index;
	struct loop *loop;                       /* set by its user */
	void (*readable)(struct net_port *port); /* after net_backend_ops.watch() */
	void *user;                              /* readable()'s */
	uint64_t moved;                          /* bytes, both ways: counted by its user */
	struct loop_op op;
	bool watched;
};

struct net_backend_ops {
	void (*close)(struct net_backend *backend);

	/* Several calls of one turn are one system call. Frames are sent in the
	 * order of the calls. */
	void (*send)(struct net_port *port, struct net_frame *frame);
	/* @frame->length says how much fits. */
	void (*receive)(struct net_port *port, struct net_frame *frame);
	/* In place of receive(), where that is at once: the length or -errno. What does not
	 * fit into the pieces is cut off. */
	int (*read)(struct net_port *port, const struct iovec *pieces, unsigned npieces);
	/* Calls port->readable() once, when there is something to receive. */
	void (*watch)(struct net_port *port);
	/* The device goes away: ends what the port has in its loop. True if there is nothing;
	 * asked again if not. */
	bool (*quiet)(struct net_port *port);

	/* On main. What the guest takes of GUEST_CSUM, GUEST_TSO4 ... 0: nothing. NULL where
	 * that changes nothing. */
	int (*set_offloads)(struct net_backend *backend, uint64_t features);
	/* Ports [0, @pairs) get frames, the others do not. NULL where there is one only, or
	 * all the same do. */
	int (*set_pairs)(struct net_backend *backend, unsigned pairs);
	/* From here on backend->changed() is called. NULL where the link is always up. */
	int (*watch_link)(struct net_backend *backend, struct loop *loop);
	/* Ends that, as quiet() does. */
	bool (*unwatch_link)(struct net_backend *backend);
};

struct net_backend {
	const struct net_backend_ops *ops;
	uint64_t features; /* VIRTIO_NET_F_* of offloads that it can do */
	uint16_t mtu;      /* 0: not known */
	uint8_t mac[6];    /* of the one station that it gets frames for; zeroes: for any */
	unsigned npairs;
	bool gathers; /* it sends pieces, and is done with them at the end of the turn */
	bool up;
	void (*changed)(
		struct net_backend *backend); /* on main: up, or ports that failed work again */
	void *user;                           /* changed()'s */
	struct net_port ports[NET_PAIRS_MAX];
};

/* For backends: the parts that are the same for each, all else being zero. And the end of
 * a frame that was asked for in this turn, in a later one. */
void net_backend_init(struct net_backend *backend, const struct net_backend_ops *ops,
		      uint64_t features);
void net_frame_answer(struct net_port *port, struct net_frame *frame, int result);

/* The interface @name, or a new one, with so many queues. Returns 0, or -errno with
 * the reason (none for -ENOMEM). */
int tap_open(const char *name, unsigned pairs, struct net_backend **backend, struct reason *why);

/* What it has the opener open: of a tap or a tapdev. */
void tap_names(enum opener_kind kind, const char *name, unsigned pairs, opener_add *add, void *arg);

/* Of an interface, as it is now; 0: not known. */
uint16_t tap_mtu(const char *name);

/* The interface behind the device @path (/dev/tap5) of a macvtap or an ipvtap. */
int tap_device_open(const char *path, unsigned pairs, struct net_backend **backend,
		    struct reason *why);

/* Who listens at @path, with frames behind their lengths. It need not be there. */
int passt_open(const char *path, struct net_backend **backend, struct reason *why);
void passt_names(const char *path, opener_add *add, void *arg);

/* A descriptor that keeps packets apart, each with its header, and is not
 * blocking. It is closed with the backend. */
int packets_open(int fd, struct net_backend **backend, struct reason *why);
