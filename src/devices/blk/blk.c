/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blk.c: the virtio-blk device: store, features, configuration. */
#include "devices/blk/blk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_ids.h>

#include "base/log.h"
#include "base/util.h"
#include "devices/blk/traffic.h"
#include "devices/types.h"

#define PCI_CLASS_STORAGE_SCSI_00 0x010000 /* what guests expect of a virtio disk */

/* ---- a disk before its store is there ------------------------------------------- */

static void submit_to_nothing(struct blk_store *store, struct loop *loop, struct blk_io *io)
{
	(void)store;
	blk_io_answer(io, loop, -ENOMEDIUM);
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
			   BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) | BIT_ULL(VIRTIO_BLK_F_TOPOLOGY) |
			   BIT_ULL(VIRTIO_BLK_F_FLUSH) | BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE);
	if (o->readonly)
		device->offered |= BIT_ULL(VIRTIO_BLK_F_RO);
	else
		device->offered |= BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES);
	if (!o->readonly && o->discard)
		device->offered |= BIT_ULL(VIRTIO_BLK_F_DISCARD);
}

static void set_queues(struct virtio_device *device, unsigned queues)
{
	struct blk_device *blk = device->private;

	device->nqueues = queues;
	blk->config.num_queues = (uint16_t)queues;
	if (queues > 1)
		device->offered |= BIT_ULL(VIRTIO_BLK_F_MQ);
}

static void set_geometry(struct virtio_blk_config *config, const struct blk_geometry *geometry)
{
	config->blk_size = geometry->block;
	config->physical_block_exp = (uint8_t)__builtin_ctz(geometry->physical / geometry->block);
	config->alignment_offset = (uint8_t)(geometry->begin / geometry->block);
	config->min_io_size = (uint16_t)(geometry->smallest / geometry->block);
	config->opt_io_size = geometry->best / geometry->block;
	config->discard_sector_alignment = geometry->discard / BLK_SECTOR;
}

/* What the driver may change is as it finds it. */
static void restore_cache(struct blk_device *blk)
{
	blk->config.wce = blk->options->cache != BLK_CACHE_WRITETHROUGH;
	atomic_store(&blk->writes_back, blk->config.wce);
}

int blk_device_init(struct virtio_device *device, const struct blk_options *o)
{
	struct blk_device *blk = calloc(1, sizeof(*blk));

	if (!blk)
		return -ENOMEM;
	blk->options = o;
	blk->nothing = (struct blk_store){ .ops = &nothing_ops,
					   .geometry = BLK_GEOMETRY_PLAIN,
					   .readonly = o->readonly };
	atomic_init(&blk->store, &blk->nothing);
	if (o->serial)
		memcpy(blk->serial, o->serial, strnlen(o->serial, sizeof(blk->serial)));
	blk->config = (struct virtio_blk_config){ .size_max = BLK_SEGMENT_BYTES_MAX,
						  .seg_max = BLK_SEGMENTS_MAX,
						  .max_discard_sectors = BLK_DISCARD_SECTORS_MAX,
						  .max_discard_seg = BLK_RANGES_MAX,
						  .max_write_zeroes_sectors = BLK_ZERO_SECTORS_MAX,
						  .max_write_zeroes_seg = BLK_RANGES_MAX,
						  .write_zeroes_may_unmap = o->discard };
	set_geometry(&blk->config, &blk->nothing.geometry);
	blk_limit_init(&blk->limit, o->requests, o->bytes, o->burst * 1000000ULL);
	restore_cache(blk);
	device->private = blk;
	device->config = &blk->config;
	device->config_length = offsetof(struct virtio_blk_config, max_secure_erase_sectors);
	offer_features(device, o);
	set_queues(device, o->queues ? o->queues : 1);
	return 0;
}

static void blk_names(const void *from, opener_add *add, void *arg)
{
	const struct blk_options *o = from;

	if (o->path)
		file_store_names(o->path, o->readonly, add, arg);
}

static int blk_open(struct virtio_device *device, const void *from)
{
	return blk_device_init(device, from);
}

static int open_nbd(struct blk_device *blk, bool again, struct blk_store **result,
		    struct reason *why)
{
	const struct nbd_options options = { .uri = blk->options->nbd,
					     .timeout = blk->options->nbd_timeout,
					     .readonly = blk->options->readonly };
	int err = nbd_store_open(&options, again, &blk->coming, why);

	if (err)
		return err;
	*result = blk->coming;
	blk->coming = NULL;
	return 0;
}

static int open_any(struct blk_device *blk, bool again, struct blk_store **result,
		    struct reason *why)
{
	const struct blk_options *o = blk->options;
	static const uint32_t blocks[] = { 0, 512, 4096 };
	const struct file_options file = { .path = o->path,
					   .readonly = o->readonly,
					   .cache = o->cache,
					   .block = blocks[o->block] };

	if (o->nbd)
		return open_nbd(blk, again, result, why);
	if (o->path)
		return file_store_open(&file, again, result, why);
	return null_store_open(o->null_size, o->readonly, result);
}

static const char *store_name(const struct blk_options *o)
{
	if (o->nbd)
		return o->nbd;
	return o->path ? o->path : "null";
}

static int open_store(const struct virtio_device *device, bool again, struct blk_store **result,
		      struct reason *why)
{
	struct blk_device *blk = device->private;
	const char *what = store_name(blk->options);
	struct blk_store *store;
	int err = open_any(blk, again, &store, why);

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
	set_geometry(&blk->config, &store->geometry);
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

/* Of what the guest's vCPUs send each may have a queue. */
static void blk_fit(struct virtio_device *device, unsigned vcpus)
{
	const struct blk_device *blk = device->private;

	if (!blk->options->queues)
		set_queues(device, (unsigned)min_u64(vcpus, BLK_QUEUES_AUTO_MAX));
}

/* Without CONFIG_WCE a driver shows by FLUSH that it will flush (virtio 1.2, 5.2.5.2). */
static void blk_driver_ok(struct virtio_device *device)
{
	struct blk_device *blk = device->private;
	uint64_t features = device->state->driver_features;

	if (!(features & (BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE) | BIT_ULL(VIRTIO_BLK_F_FLUSH))))
		atomic_store(&blk->writes_back, false);
}

/* The cache is as the driver has it. */
static void blk_adopt(struct virtio_device *device)
{
	struct blk_device *blk = device->private;
	const struct virtio_blk_config *shown = (const void *)device->state->config;

	blk_driver_ok(device);
	if (!(device->state->driver_features & BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE)))
		return;
	blk->config.wce = shown->wce == 1;
	atomic_store(&blk->writes_back, blk->config.wce);
}

static void blk_reset(struct virtio_device *device)
{
	struct blk_device *blk = device->private;

	restore_cache(blk);
	atomic_store(&blk->stopped, false);
}

static void blk_config_written(struct virtio_device *device, unsigned offset, unsigned size,
			       uint32_t value)
{
	struct blk_device *blk = device->private;

	if (offset != offsetof(struct virtio_blk_config, wce) || size != 1 || value > 1 ||
	    !(device->state->driver_features & BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE)))
		return;
	blk->config.wce = (uint8_t)value;
	atomic_store(&blk->writes_back, value);
	log_info("%s: writes go %s", device->name, value ? "back" : "through");
}

void blk_go_on(struct virtio_device *device)
{
	struct blk_device *blk = device->private;
	unsigned i;

	if (!atomic_exchange(&blk->stopped, false))
		return;
	log_info("%s: goes on", device->name);
	for (i = 0; i < device->nqueues; i++)
		blk_gate_open(&device->queues[i]);
}

static void find_size(struct virtio_device *device)
{
	struct blk_device *blk = device->private;
	struct blk_store *store = blk_store_of(blk);
	uint64_t before = store->size;
	int err = store->ops->look_again ? store->ops->look_again(store) : 0;

	if (err) {
		log_warning("%s: cannot find its size: %s", device->name, strerror(-err));
		return;
	}
	if (store->size == before)
		return;
	log_info("%s: %llu bytes, before %llu", device->name, (unsigned long long)store->size,
		 (unsigned long long)before);
	blk->config.capacity = store->size / BLK_SECTOR;
	virtio_device_config_changed(device);
}

static void blk_look_again(struct virtio_device *device)
{
	find_size(device);
	blk_go_on(device);
}

/* At the end, since the log may not have had all of them. */
static void say_failed(const struct virtio_device *device)
{
	const atomic_uint *failed = ((struct blk_device *)device->private)->failed;
	unsigned op, all = 0;

	for (op = 0; op < BLK_OPS; op++)
		all += failed[op];
	if (all)
		log_info("%s: failed: %u reads, %u writes, %u flushes, %u discards, %u zeroings",
			 device->name, failed[BLK_READ], failed[BLK_WRITE], failed[BLK_FLUSH],
			 failed[BLK_DISCARD], failed[BLK_WRITE_ZEROES]);
}

static void blk_close(struct virtio_device *device)
{
	struct blk_device *blk = device->private;
	struct blk_store *store;

	if (!blk)
		return;
	say_failed(device);
	store = blk_store_of(blk);
	store->ops->close(store);
	if (blk->coming)
		blk->coming->ops->close(blk->coming);
	if (blk->forsaken)
		blk->forsaken->ops->close(blk->forsaken);
	blk_limit_destroy(&blk->limit);
	free(blk);
	device->private = NULL;
}

static void blk_stats(const struct virtio_device *device, const struct stats *stats)
{
	const struct blk_device *blk = device->private;
	struct blk_traffic all = { 0 };
	unsigned i, failed = 0;

	for (i = 0; i < device->nqueues; i++)
		blk_queue_traffic(&device->queues[i], &all);
	for (i = 0; i < BLK_OPS; i++)
		failed += atomic_load(&blk->failed[i]);
	stats_number(stats, "size", blk_store_of(blk)->size);
	stats_text(stats, "stopped", atomic_load(&blk->stopped) ? "yes" : "no");
	blk_traffic_stats(&all, stats);
	stats_number(stats, "failed", failed);
}

const struct virtio_device_type virtio_blk = {
	.name = "blk",
	.virtio_id = VIRTIO_ID_BLOCK,
	.pci_class = PCI_CLASS_STORAGE_SCSI_00,
	.options = blk_option_specs,
	.options_size = sizeof(struct blk_options),
	.check = blk_options_check,
	.names = blk_names,
	.open = blk_open,
	.close = blk_close,
	.connect = blk_connect,
	.queue_init = blk_queue_init,
	.queue_free = blk_queue_free,
	.handle = blk_queue_handle,
	.stop = blk_queue_stop,
	.queue_quiet = blk_queue_quiet,
	.forsake = blk_forsake,
	.fit = blk_fit,
	.driver_ok = blk_driver_ok,
	.adopt = blk_adopt,
	.reset = blk_reset,
	.config_written = blk_config_written,
	.look_again = blk_look_again,
	.stats = blk_stats,
};
