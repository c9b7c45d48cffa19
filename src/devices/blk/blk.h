/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blk.h: what the files of virtio-blk share (virtio 1.2, 5.2). */
#pragma once
#include <linux/virtio_blk.h>
#include <stdatomic.h>

#include "base/options.h"
#include "devices/blk/limit.h"
#include "devices/blk/store.h"
#include "virtio/device.h"

#define BLK_SECTOR              512U
#define BLK_SEGMENTS_MAX        126U /* data segments of a request */
#define BLK_SEGMENT_BYTES_MAX   65536U
#define BLK_RANGES_MAX          64U        /* of a discard or zeroes */
#define BLK_DISCARD_SECTORS_MAX (1U << 22) /* of a range: 2 GiB */
#define BLK_ZERO_SECTORS_MAX    (1U << 18) /* 128 MiB, which may have to be written */
#define BLK_QUEUES_MAX          16U
#define BLK_QUEUES_AUTO_MAX     8U /* unless more are asked for */

struct blk_options {
	char *path, *nbd, *serial;
	uint64_t null_size;
	unsigned nbd_timeout; /* seconds */
	bool readonly, discard;
	unsigned cache;           /* enum blk_cache */
	unsigned block;           /* 0: as the store is made; 1: 512 bytes; 2: 4096 */
	unsigned stop;            /* at errors of the store, until the administrator has looked */
	uint64_t requests, bytes; /* a second; 0: no limit */
	unsigned burst;           /* ms */
	unsigned queues;          /* 0: as many as the guest has vCPUs */
};

extern const struct option_spec blk_option_specs[];

/* For the type's check(). */
int blk_options_check(const void *options, const char *where);

struct blk_device {
	const struct blk_options *options;
	/* Set once by main while workers read it, which see by it how large the disk is. */
	_Atomic(struct blk_store *) store;
	struct blk_store nothing;   /* the store before: no sectors, and it fails */
	struct blk_store *coming;   /* NULL, or what is waited for */
	struct blk_store *forsaken; /* NULL, or what is to be closed */
	bool parted;                /* no queue uses that any more */
	struct virtio_blk_config config;
	atomic_bool writes_back; /* a write may be done before it is stable */
	atomic_bool stopped;
	atomic_uint failed[BLK_OPS]; /* that the store failed, and the driver was told */
	struct blk_limit limit;
	char serial[VIRTIO_BLK_ID_BYTES];
};

/* The parts of open() and connect(), for tests that bring a store of their own: a
 * device of no sectors (0 or -ENOMEM), and its store, which it owns from there on. */
int blk_device_init(struct virtio_device *device, const struct blk_options *options);
void blk_device_connect(struct virtio_device *device, struct blk_store *store);

/* The disk is not stopped any more. On main. */
void blk_go_on(struct virtio_device *device);

/* From any thread. */
static inline struct blk_store *blk_store_of(const struct blk_device *blk)
{
	return atomic_load_explicit(&blk->store, memory_order_acquire);
}

static inline bool blk_writes_back(const struct blk_device *blk)
{
	return atomic_load_explicit(&blk->writes_back, memory_order_relaxed);
}

/* request.c: the queue side of struct virtio_device_type. */
int blk_queue_init(struct virtqueue *queue);
void blk_queue_free(struct virtqueue *queue);
void blk_queue_handle(struct virtqueue *queue, struct chain **chains, unsigned count);
void blk_queue_stop(struct virtqueue *vq);

/* From any thread: adds what the queue has done to @sum. */
struct blk_traffic;
void blk_queue_traffic(const struct virtqueue *vq, struct blk_traffic *sum);

/* forsake.c: of struct virtio_device_type. */
bool blk_queue_quiet(struct virtqueue *vq);
bool blk_forsake(struct virtio_device *device);

/* gate.c: on main. The disk is not stopped any more. */
void blk_gate_open(struct virtqueue *vq);
