/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net.h: what the files of virtio-net share (virtio 1.2, 5.1). */
#pragma once
#include <pthread.h>

#include "base/loop.h"
#include "base/options.h"
#include "base/util.h"
#include "devices/net/backend.h"
#include "devices/net/filter.h"
#include "devices/net/rss.h"
#include "virtio/device.h"

struct net_options {
	char *tap;
	char *tapdev;
	char *passt;
	char *script;
	char *bridge;
	char *mac;
	char *rom;             /* path; NULL: none */
	unsigned fd;           /* 0: none */
	unsigned script_limit; /* seconds */
	unsigned queues;       /* pairs */
	unsigned mtu;          /* 0: the interface's */
	unsigned speed;        /* Mbit/s; 0: not known */
	unsigned duplex;       /* index into duplex names */
};

extern const struct option_spec net_option_specs[];

/* For the type's check(). */
int net_options_check(const void *options, const char *where);

/* The guest's address: what was given, or one made of what names the device. */
void net_options_mac(const struct net_options *options, const char *name,
		     uint8_t mac[NET_MAC_BYTES]);

/* Of one queue. */
struct net_traffic {
	counter_t frames, bytes; /* without headers */
};

/* Of one device, what is rarer. */
struct net_counters {
	uint64_t rx_filtered, rx_too_long, rx_no_buffer;
	uint64_t rx_direct;  /* were read into the guest's buffers */
	uint64_t rx_steered; /* came by another queue's port */
	uint64_t rx_dropped; /* came so, and there was no room */
	uint64_t tx_bad, tx_refused;
};

/* Interrupts for one direction, as virtqueue_coalesce() has it. */
struct net_coalescing {
	uint32_t packets, usecs;
};

struct net_device {
	struct virtio_device *device;
	struct net_backend *backend;
	const struct net_options *script; /* NULL: none is to be run at the end */
	struct virtio_net_config config;
	pthread_mutex_t lock; /* of filter and rss: control writes, receivers read */
	struct net_filter filter;
	struct net_rss rss;
	uint64_t offloads;                   /* what the driver takes */
	struct net_coalescing coalescing[2]; /* receiving, sending */
	struct net_counters counters;
	atomic_bool unplugged; /* by the administrator: nothing comes or goes */
	struct net_control *control;
	struct loop_timer announce; /* main's */
};

/* Features that are commands; MQ and RSS have some, too. */
#define NET_CONTROL_FEATURES                                                           \
	(BIT_ULL(VIRTIO_NET_F_CTRL_VQ) | BIT_ULL(VIRTIO_NET_F_CTRL_RX) |               \
	 BIT_ULL(VIRTIO_NET_F_CTRL_RX_EXTRA) | BIT_ULL(VIRTIO_NET_F_CTRL_VLAN) |       \
	 BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR) | BIT_ULL(VIRTIO_NET_F_GUEST_ANNOUNCE) |  \
	 BIT_ULL(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) | BIT_ULL(VIRTIO_NET_F_NOTF_COAL) | \
	 BIT_ULL(VIRTIO_NET_F_HASH_REPORT))

/* How many pairs of queues there are for a driver that took these features. */
unsigned net_pairs(const struct net_device *net, uint64_t features);

enum net_role { NET_RX, NET_TX, NET_CONTROL, NET_UNUSED };

/* What a queue is for, by the features that the driver took: without MQ or RSS the
 * control queue is the third. */
enum net_role net_role(const struct virtqueue *queue);

/* From any thread. */
static inline void net_count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static inline bool net_unplugged(const struct net_device *net)
{
	return atomic_load_explicit(&net->unplugged, memory_order_relaxed);
}

static inline uint64_t net_counted(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* A frame of @length bytes, with its header. */
static inline void net_moved(struct net_traffic *traffic, uint32_t length)
{
	counter_add(&traffic->frames, 1);
	counter_add(&traffic->bytes, length - NET_HEADER_BYTES);
}

/* What the guest's header has more than the backend's (virtio 1.2, 5.1.6). */
#define NET_HASH_BYTES (sizeof(struct virtio_net_hdr_v1_hash) - NET_HEADER_BYTES)

static inline uint32_t net_hash_bytes(const struct virtqueue *queue)
{
	return queue->features & BIT_ULL(VIRTIO_NET_F_HASH_REPORT) ? NET_HASH_BYTES : 0;
}

static inline struct net_device *net_of(const struct virtqueue *queue)
{
	return queue->device->private;
}

/* Device over an open backend, which it owns from here on; for open(), and for
 * tests. 0 or -errno. */
int net_device_init(struct virtio_device *device, struct net_backend *backend,
		    const struct net_options *options);

/* tx.c: from the guest. */
int net_tx_init(struct virtqueue *queue);
void net_tx_free(struct virtqueue *queue);
const struct net_traffic *net_tx_traffic(const struct virtqueue *queue);
void net_tx_kicked(struct virtqueue *queue);
void net_tx_stop(struct virtqueue *queue);
bool net_tx_quiet(struct virtqueue *queue);

/* rx.c: to the guest. */
int net_rx_init(struct virtqueue *queue);
void net_rx_free(struct virtqueue *queue);
const struct net_traffic *net_rx_traffic(const struct virtqueue *queue);
void net_rx_kicked(struct virtqueue *queue);
void net_rx_stop(struct virtqueue *queue);
bool net_rx_quiet(struct virtqueue *queue);
void net_rx_resume(struct virtqueue *queue); /* on main: the port works again */

/* control.c: what the driver asks for by commands. Once the device's own address is in
 * net->config, and for the life of the device. 0 or -ENOMEM. */
int net_control_init(struct net_device *net);
void net_control_free(struct net_control *control);

/* On main: all that commands change is as for a driver that has just taken these
 * features; after a reset none. */
void net_control_reset(struct net_device *net, uint64_t features);

/* What a dead process has kept is in force again; else as for a driver that begins. */
void net_control_adopt(struct net_device *net);

/* keep.c: keeps what commands have changed, for who comes after our death; and takes it over:
 * false if there is nothing of this driver's, or it is garbage. */
void net_keep(struct net_device *net);
bool net_kept_take(struct net_device *net);

/* Takes the commands from the control queue and answers each of them. */
void net_control_kicked(struct virtqueue *queue);
