/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blk.c: the virtio-blk device: options, store, features, configuration. */
#include "devices/blk/blk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_ids.h>

#include "base/log.h"
#include "base/options.h"
#include "base/util.h"
#include "devices/types.h"

#define PCI_CLASS_STORAGE_SCSI_00 0x010000 /* what guests expect of a virtio disk */

static const struct option_spec options[] = {
	{ .key = "path",
	  .kind = OPTION_STRING,
	  .offset = offsetof(struct blk_options, path),
	  .placeholder = "PATH",
	  .help = "file or block device to serve" },
	{ .key = "null",
	  .kind = OPTION_SIZE,
	  .offset = offsetof(struct blk_options, null_size),
	  .placeholder = "SIZE",
	  .help = "instead of path: a disk that reads zeroes and forgets writes" },
	{ .key = "readonly",
	  .kind = OPTION_BOOL,
	  .offset = offsetof(struct blk_options, readonly),
	  .fallback = "off",
	  .help = "the guest may not write" },
	{ .key = "serial",
	  .kind = OPTION_STRING,
	  .offset = offsetof(struct blk_options, serial),
	  .placeholder = "TEXT",
	  .help = "serial number, up to 20 characters" },
	{ .key = "queues",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct blk_options, queues),
	  .min = 1,
	  .max = 16,
	  .placeholder = "N",
	  .fallback = "1",
	  .help = "number of request queues" },
	{ 0 },
};

static int blk_check(const void *from, const char *where)
{
	const struct blk_options *o = from;

	if (!o->path == !o->null_size) {
		log_error("%s: give either path= or null=", where);
		return -EINVAL;
	}
	if (o->serial && strlen(o->serial) > VIRTIO_BLK_ID_BYTES) {
		log_error("%s: serial: longer than %d characters", where, VIRTIO_BLK_ID_BYTES);
		return -EINVAL;
	}
	return 0;
}

static int open_store(const struct virtio_device *device, const struct blk_options *o,
		      struct blk_store **result)
{
	const char *what = o->path ? o->path : "null";
	struct blk_store *store;
	int err = o->path ? file_store_open(o->path, o->readonly, &store)
			  : null_store_open(o->null_size, o->readonly, &store);

	if (err)
		return err;
	if (store->size < BLK_SECTOR) {
		log_error("%s: %s: smaller than one sector", device->name, what);
		store->ops->close(store);
		return -EINVAL;
	}
	if (store->size % BLK_SECTOR)
		log_warning("%s: %s: the last %llu bytes are not a whole sector", device->name,
			    what, (unsigned long long)(store->size % BLK_SECTOR));
	*result = store;
	return 0;
}

int blk_device_init(struct virtio_device *device, struct blk_store *store, const char *serial,
		    unsigned queues)
{
	struct blk_device *blk = calloc(1, sizeof(*blk));

	if (!blk) {
		store->ops->close(store);
		return -ENOMEM;
	}
	blk->store = store;
	if (serial)
		memcpy(blk->serial, serial, strnlen(serial, sizeof(blk->serial)));
	blk->config = (struct virtio_blk_config){ .capacity = store->size / BLK_SECTOR,
						  .size_max = BLK_SEGMENT_BYTES_MAX,
						  .seg_max = BLK_SEGMENTS_MAX,
						  .blk_size = BLK_SECTOR,
						  .num_queues = (uint16_t)queues };
	device->private = blk;
	device->config = &blk->config;
	device->config_length = sizeof(blk->config);
	device->nqueues = queues;
	device->offered |= BIT_ULL(VIRTIO_BLK_F_SIZE_MAX) | BIT_ULL(VIRTIO_BLK_F_SEG_MAX) |
			   BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) | BIT_ULL(VIRTIO_BLK_F_FLUSH);
	if (store->readonly)
		device->offered |= BIT_ULL(VIRTIO_BLK_F_RO);
	if (queues > 1)
		device->offered |= BIT_ULL(VIRTIO_BLK_F_MQ);
	return 0;
}

static int blk_open(struct virtio_device *device, const void *from)
{
	const struct blk_options *o = from;
	struct blk_store *store;
	int err = open_store(device, o, &store);

	return err ? err : blk_device_init(device, store, o->serial, o->queues);
}

static void blk_close(struct virtio_device *device)
{
	struct blk_device *blk = device->private;

	if (!blk)
		return;
	blk->store->ops->close(blk->store);
	free(blk);
	device->private = NULL;
}

const struct virtio_device_type virtio_blk = {
	.name = "blk",
	.virtio_id = VIRTIO_ID_BLOCK,
	.pci_class = PCI_CLASS_STORAGE_SCSI_00,
	.options = options,
	.options_size = sizeof(struct blk_options),
	.check = blk_check,
	.open = blk_open,
	.close = blk_close,
	.queue_init = blk_queue_init,
	.queue_free = blk_queue_free,
	.handle = blk_queue_handle,
};
