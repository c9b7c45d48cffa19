/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blk.h: what the files of virtio-blk share (virtio 1.2, 5.2). */
#pragma once
#include <linux/virtio_blk.h>

#include "devices/blk/store.h"
#include "virtio/device.h"

#define BLK_SECTOR            512U
#define BLK_SEGMENTS_MAX      126U /* data segments of a request */
#define BLK_SEGMENT_BYTES_MAX 65536U

struct blk_options {
	char *path, *serial;
	uint64_t null_size;
	bool readonly;
	unsigned queues;
};

struct blk_device {
	struct blk_store *store;
	struct virtio_blk_config config;
	char serial[VIRTIO_BLK_ID_BYTES];
};

/* The device over an open store, which it owns from here on; for open(), and
 * for tests that bring a store of their own. 0 or -ENOMEM. */
int blk_device_init(struct virtio_device *device, struct blk_store *store, const char *serial,
		    unsigned queues);

/* request.c: the queue side of struct virtio_device_type. */
int blk_queue_init(struct virtqueue *queue);
void blk_queue_free(struct virtqueue *queue);
void blk_queue_handle(struct virtqueue *queue, struct chain **chains, unsigned count);
