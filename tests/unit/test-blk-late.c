/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-blk-late.c: a disk whose store comes after its driver: empty until then,
 * and told of by a change of the configuration (virtio 1.2, 2.5 and 4.1.4.3).
 */
#include <stddef.h>

#include "unit/disk.h"
#include "unit/unit.h"

#define SECTOR 512u

static struct disk disk;

static struct disk_config variant(int i)
{
	struct disk_config config = disk_variant(i);

	config.late = true;
	return config;
}

static uint64_t capacity(void)
{
	return gvirtio_config(&disk.v, 0, 4) | (uint64_t)gvirtio_config(&disk.v, 4, 4) << 32;
}

static uint32_t generation(void)
{
	return gvirtio_read(&disk.v, gvirtio_field(config_generation), 1);
}

static bool told(void)
{
	return gvirtio_config_changed(&disk.v, 100);
}

/* ---- before ------------------------------------------------------------------ */

START_TEST(a_request_before_the_store_is_an_error_and_leaves_nothing)
{
	struct disk_config config = variant(_i);

	disk_start(&disk, &config);
	ck_assert_uint_eq(capacity(), 0);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, 0, 0, SECTOR), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, 8, 0, 65536), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_OUT, 0, SECTOR, 0), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_OUT, 8, 65536, 0), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_GET_ID, 0, 0, 20), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk.store.nlog, 0);
	ck_assert_uint_eq(disk_status(&disk), 0xf);
	disk_stop(&disk);
}
END_TEST

/* They are negotiated once, and the store may not change them. */
START_TEST(features_do_not_depend_on_the_store)
{
	struct disk_config config = variant(0);
	uint64_t offered;

	config.readonly = _i & 1;
	config.queues = _i & 2 ? 2 : 1;
	disk_start(&disk, &config);
	offered = disk.rig.device.offered;
	ck_assert_int_eq(offered >> VIRTIO_BLK_F_RO & 1, config.readonly);
	disk_connect(&disk);
	ck_assert_uint_eq(disk.rig.device.offered, offered);
	if (config.readonly)
		ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_OUT, 0, SECTOR, 0),
				  VIRTIO_BLK_S_IOERR);
	disk_stop(&disk);
}
END_TEST

/* ---- the change ---------------------------------------------------------------- */

START_TEST(the_store_comes_while_the_driver_runs)
{
	struct disk_config config = variant(_i);
	uint32_t before;

	disk_start(&disk, &config);
	before = generation();
	ck_assert(!told());
	disk_connect(&disk);
	ck_assert(told());
	ck_assert(!told());
	ck_assert_uint_ne(generation(), before);
	ck_assert_uint_eq(capacity(), STORE_BYTES / SECTOR);
	disk_write_then_read(&disk, 0, SECTOR, AS_LINUX);
	disk_write_then_read(&disk, 64, 65536, AS_LINUX);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	disk_stop(&disk);
}
END_TEST

/* A driver cannot be interrupted before DRIVER_OK, and has read the capacity. */
START_TEST(the_store_comes_while_the_driver_starts)
{
	struct disk_config config = variant(0);
	uint32_t before;

	disk_start(&disk, &config);
	disk_driver_stop(&disk);
	ck_assert(gvirtio_negotiate(&disk.v, UINT64_MAX));
	ck_assert(gpci_msix_enable(&disk.v.pci, GIRQ_MSIX, 2));
	before = generation();
	ck_assert_uint_eq(capacity(), 0);
	ck_assert(gvirtio_setup_queues(&disk.v, 1, 64));
	disk_connect(&disk);
	ck_assert_uint_ne(generation(), before);
	ck_assert(!told());
	gvirtio_driver_ok(&disk.v);
	ck_assert(told());
	ck_assert_uint_eq(capacity(), STORE_BYTES / SECTOR);
	disk.ring = disk.v.ring[0];
	disk_write_then_read(&disk, 3, SECTOR, AS_LINUX);
	disk_stop(&disk);
}
END_TEST

/* It reads everything after its reset. */
START_TEST(a_driver_that_starts_afterwards_is_not_interrupted)
{
	struct disk_config config = variant(0);

	disk_start(&disk, &config);
	disk_driver_stop(&disk);
	if (_i)
		gvirtio_write(&disk.v, gvirtio_field(device_status), 1, 3);
	disk_connect(&disk);
	disk_driver_start(&disk, &config);
	ck_assert(!told());
	ck_assert_uint_eq(capacity(), STORE_BYTES / SECTOR);
	disk_write_then_read(&disk, 3, SECTOR, AS_LINUX);
	disk_stop(&disk);
}
END_TEST

/* A queue's requests see the store come at any moment: each fails or is right. */
START_TEST(the_store_comes_under_load)
{
	struct disk_config config = variant(_i);
	struct request *requests[64];
	unsigned turn, i, failed = 0;

	disk_start(&disk, &config);
	for (turn = 0; turn < 30; turn++) {
		for (i = 0; i < ARRAY_SIZE(requests); i++) {
			requests[i] = request_new(VIRTIO_BLK_T_IN, i, 0, SECTOR);
			request_add(&disk, requests[i], AS_LINUX);
		}
		gvirtio_kick(&disk.v, disk.ring);
		if (turn == 15)
			disk_connect(&disk);
		ck_assert(requests_wait(&disk, ARRAY_SIZE(requests)));
		for (i = 0; i < ARRAY_SIZE(requests); i++) {
			if (request_result(requests[i]) == VIRTIO_BLK_S_OK)
				ck_assert_mem_eq(fake_ram(request_data(requests[i])),
						 disk.store.data + (size_t)i * SECTOR, SECTOR);
			else
				failed += turn < 16 ? 1 : UINT16_MAX;
			request_free(requests[i]);
		}
	}
	ck_assert_uint_ge(failed, 15 * ARRAY_SIZE(requests));
	ck_assert_uint_le(failed, 16 * ARRAY_SIZE(requests));
	disk_stop(&disk);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(a_request_before_the_store_is_an_error_and_leaves_nothing, DISK_VARIANTS),
		TIMES(features_do_not_depend_on_the_store, 4),
		TIMES(the_store_comes_while_the_driver_runs, DISK_VARIANTS),
		ONCE(the_store_comes_while_the_driver_starts),
		TIMES(a_driver_that_starts_afterwards_is_not_interrupted, 2),
		TIMES(the_store_comes_under_load, DISK_VARIANTS),
	};

	return unit_main("blk-late", disk_setup, fake_end, tests, ARRAY_SIZE(tests));
}
