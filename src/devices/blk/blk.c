/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blk.c: the virtio-blk device: store, features, configuration. */
#include "devices/blk/blk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_ids.h>

#include "base/log.h"
#include "base/util.h"
#include "devices/types.h"

#define PCI_CLASS_STORAGE_SCSI_00 0x010000 /* what guests expect of a virtio disk */

/* ---- a disk before its store is there ------------------------------------------- */

static void fail(struct loop_work *work)
{
	struct blk_io *io = container_of(work, struct blk_io, work);

	io->done(io, -ENOMEDIUM);
}

static void submit_to_nothing(struct blk_store *store, struct loop *loop, struct blk_io *io)
{
	(void)store;
	io->work.run = fail;
	loop_post(loop, &io->work);
}

static void close_nothing(struct blk_store *store)
{
	(void)store;
}

static const struct blk_store_ops nothing_ops = { .submit = submit_to_nothing,
						  .close = close_nothing };

/* ---- the device ------------------------------------------------------------------ */

static void offer_features(struct virtio_device *device, const struct blk_options *o)
{
	device->offered |= BIT_ULL(VIRTIO_BLK_F_SIZE_MAX) | BIT_ULL(VIRTIO_BLK_F_SEG_MAX) |
			   BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) | BIT_ULL(VIRTIO_BLK_F_FLUSH);
	if (o->readonly)
		device->offered |= BIT_ULL(VIRTIO_BLK_F_RO);
	if (o->queues > 1)
		device->offered |= BIT_ULL(VIRTIO_BLK_F_MQ);
}

int blk_device_init(struct virtio_device *device, const struct blk_options *o)
{
	struct blk_device *blk = calloc(1, sizeof(*blk));

	if (!blk)
		return -ENOMEM;
	blk->options = o;
	blk->nothing = (struct blk_store){ .ops = &nothing_ops, .readonly = o->readonly };
	atomic_init(&blk->store, &blk->nothing);
	if (o->serial)
		memcpy(blk->serial, o->serial, strnlen(o->serial, sizeof(blk->serial)));
	blk->config = (struct virtio_blk_config){ .size_max = BLK_SEGMENT_BYTES_MAX,
						  .seg_max = BLK_SEGMENTS_MAX,
						  .blk_size = BLK_SECTOR,
						  .num_queues = (uint16_t)o->queues };
	device->private = blk;
	device->config = &blk->config;
	device->config_length = sizeof(blk->config);
	device->nqueues = o->queues;
	offer_features(device, o);
	return 0;
}

static int blk_open(struct virtio_device *device, const void *from)
{
	return blk_device_init(device, from);
}

static int open_store(const struct virtio_device *device, bool again, struct blk_store **result,
		      struct reason *why)
{
	const struct blk_options *o = ((struct blk_device *)device->private)->options;
	const struct file_options file = { .path = o->path, .readonly = o->readonly };
	const char *what = o->path ? o->path : "null";
	struct blk_store *store;
	int err = o->path ? file_store_open(&file, again, &store, why)
			  : null_store_open(o->null_size, o->readonly, &store);

	if (err)
		return err;
	if (store->size < BLK_SECTOR) {
		store->ops->close(store);
		return reason_set(why, -EINVAL, "%s: smaller than one sector", what);
	}
	if (store->size % BLK_SECTOR)
		log_warning("%s: %s: the last %llu bytes are not a whole sector", device->name,
			    what, (unsigned long long)(store->size % BLK_SECTOR));
	if (again)
		log_info("%s: %s is there: %llu bytes", device->name, what,
			 (unsigned long long)store->size);
	*result = store;
	return 0;
}

void blk_device_connect(struct virtio_device *device, struct blk_store *store)
{
	struct blk_device *blk = device->private;

	blk->config.capacity = store->size / BLK_SECTOR;
	atomic_store_explicit(&blk->store, store, memory_order_release);
}

static int blk_connect(struct virtio_device *device, bool again, struct reason *why)
{
	struct blk_store *store = NULL;
	int err = open_store(device, again, &store, why);

	if (store)
		blk_device_connect(device, store);
	return err;
}

static void blk_close(struct virtio_device *device)
{
	struct blk_device *blk = device->private;
	struct blk_store *store;

	if (!blk)
		return;
	store = blk_store_of(blk);
	store->ops->close(store);
	free(blk);
	device->private = NULL;
}

const struct virtio_device_type virtio_blk = {
	.name = "blk",
	.virtio_id = VIRTIO_ID_BLOCK,
	.pci_class = PCI_CLASS_STORAGE_SCSI_00,
	.options = blk_option_specs,
	.options_size = sizeof(struct blk_options),
	.check = blk_options_check,
	.open = blk_open,
	.close = blk_close,
	.connect = blk_connect,
	.queue_init = blk_queue_init,
	.queue_free = blk_queue_free,
	.handle = blk_queue_handle,
};
