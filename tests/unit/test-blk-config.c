/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-blk-config.c: what a disk says of itself, and what of it changes while the driver
 * runs: the cache by the driver's wish, the size by the administrator's (virtio 1.2, 5.2.4,
 * 5.2.5).
 */
#include <errno.h>

#include "unit/disk.h"
#include "unit/unit.h"

#define SECTOR      512u
#define FIELD(name) offsetof(struct virtio_blk_config, name)

static struct disk disk;

/* ---- geometry ------------------------------------------------------------------------ */

START_TEST(the_stores_geometry_is_announced)
{
	struct disk_config config = { .geometry = { .block = 4096,
						    .physical = 16384,
						    .smallest = 8192,
						    .best = 1 << 20,
						    .discard = 65536,
						    .begin = 12288 } };
	struct gvirtio *v = &disk.v;

	disk_start(&disk, &config);
	ck_assert(v->offered & BIT_ULL(VIRTIO_BLK_F_TOPOLOGY));
	ck_assert_uint_eq(gvirtio_config(v, FIELD(blk_size), 4), 4096);
	ck_assert_uint_eq(gvirtio_config(v, FIELD(physical_block_exp), 1), 2);
	ck_assert_uint_eq(gvirtio_config(v, FIELD(alignment_offset), 1), 3);
	ck_assert_uint_eq(gvirtio_config(v, FIELD(min_io_size), 2), 2);
	ck_assert_uint_eq(gvirtio_config(v, FIELD(opt_io_size), 4), 256);
	ck_assert_uint_eq(gvirtio_config(v, FIELD(discard_sector_alignment), 4), 128);
	ck_assert_uint_eq(gvirtio_config(v, FIELD(max_discard_seg), 4), BLK_RANGES_MAX);
	ck_assert_uint_eq(gvirtio_config(v, FIELD(max_discard_sectors), 4),
			  BLK_DISCARD_SECTORS_MAX);
	ck_assert_uint_eq(gvirtio_config(v, FIELD(max_write_zeroes_sectors), 4),
			  BLK_ZERO_SECTORS_MAX);
	disk_stop(&disk);
}
END_TEST

/* It is a hint; firmware reads sectors. */
START_TEST(a_disk_of_larger_blocks_serves_sectors)
{
	struct disk_config config = {
		.geometry = { .block = 4096, .physical = 4096, .smallest = 4096, .discard = 4096 }
	};

	disk_start(&disk, &config);
	disk_write_then_read(&disk, 3, SECTOR, AS_LINUX);
	disk_stop(&disk);
}
END_TEST

/* ---- the cache ------------------------------------------------------------------------- */

#define WCE   BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE)
#define FLUSH BIT_ULL(VIRTIO_BLK_F_FLUSH)

static bool next_write_is_stable(void)
{
	const struct store_record *record = &disk.store.log[disk.store.nlog];

	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_OUT, 0, SECTOR, 0), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(record->op, BLK_WRITE);
	return record->stable;
}

static uint32_t cache(void)
{
	return gvirtio_config(&disk.v, FIELD(wce), 1);
}

/* A driver that knows nothing of flushes, or an administrator who wants it so: done means
 * on stable storage. */
START_TEST(writes_are_stable_unless_the_driver_flushes)
{
	static const struct {
		uint64_t without;
		enum blk_cache cache;
		bool stable;
	} cases[] = {
		{ 0, BLK_CACHE_AUTO, false },
		{ WCE, BLK_CACHE_AUTO, false },
		{ WCE, BLK_CACHE_NONE, false },
		{ WCE, BLK_CACHE_WRITEBACK, false },
		{ WCE | FLUSH, BLK_CACHE_AUTO, true },
		{ WCE | FLUSH, BLK_CACHE_NONE, true },
		{ FLUSH, BLK_CACHE_AUTO, false },
		{ 0, BLK_CACHE_WRITETHROUGH, true },
		{ WCE, BLK_CACHE_WRITETHROUGH, true },
		{ WCE | FLUSH, BLK_CACHE_WRITETHROUGH, true },
	};
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct disk_config config = { .without = cases[i].without,
					      .cache = cases[i].cache };

		disk_start(&disk, &config);
		ck_assert_int_eq(next_write_is_stable(), cases[i].stable);
		disk_stop(&disk);
	}
}
END_TEST

START_TEST(the_driver_switches_the_cache_while_it_runs)
{
	struct disk_config config = { .workers = 1, .cache = _i };
	uint32_t first = config.cache != BLK_CACHE_WRITETHROUGH;

	disk_start(&disk, &config);
	ck_assert_uint_eq(cache(), first);
	gvirtio_set_config(&disk.v, FIELD(wce), 1, !first);
	ck_assert_uint_eq(cache(), !first);
	ck_assert_uint_eq(next_write_is_stable(), first);
	gvirtio_set_config(&disk.v, FIELD(wce), 1, first);
	ck_assert_uint_eq(next_write_is_stable(), !first);
	gvirtio_set_config(&disk.v, FIELD(wce), 1, !first);
	disk_driver_stop(&disk);
	ck_assert_uint_eq(cache(), first);
	disk_driver_start(&disk, &config);
	ck_assert_uint_eq(next_write_is_stable(), !first);
	disk_stop(&disk);
}
END_TEST

START_TEST(nothing_else_of_the_configuration_can_be_written)
{
	struct disk_config config = { 0 };
	uint8_t before[sizeof(struct virtio_blk_config)];
	unsigned i, size;

	disk_start(&disk, &config);
	for (i = 0; i < sizeof(before); i++)
		before[i] = (uint8_t)gvirtio_config(&disk.v, i, 1);
	for (size = 1; size <= 4; size *= 2)
		for (i = 0; i < sizeof(before); i += size)
			gvirtio_set_config(&disk.v, i, size, 0xa5a5a5a5);
	for (i = 0; i < sizeof(before); i++)
		ck_assert_uint_eq(gvirtio_config(&disk.v, i, 1), before[i]);
	ck_assert(!next_write_is_stable());
	disk_stop(&disk);
	config.without = WCE;
	disk_start(&disk, &config);
	gvirtio_set_config(&disk.v, FIELD(wce), 1, 0);
	ck_assert(!next_write_is_stable());
	disk_stop(&disk);
}
END_TEST

/* ---- the size -------------------------------------------------------------------------- */

static void becomes(uint64_t sectors)
{
	disk.store.grown = sectors * SECTOR;
	disk_look_again(&disk);
}

START_TEST(the_driver_is_told_of_another_size)
{
	struct disk_config config = { .workers = (unsigned)_i };
	uint32_t sectors = STORE_BYTES / SECTOR;

	disk_start(&disk, &config);
	becomes(sectors / 2);
	ck_assert(gvirtio_config_changed(&disk.v, 100));
	ck_assert_uint_eq(gvirtio_config(&disk.v, FIELD(capacity), 4), sectors / 2);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, sectors / 2, 0, SECTOR),
			  VIRTIO_BLK_S_IOERR);
	becomes(sectors);
	ck_assert(gvirtio_config_changed(&disk.v, 100));
	ck_assert_uint_eq(gvirtio_config(&disk.v, FIELD(capacity), 4), sectors);
	disk_write_then_read(&disk, sectors - 1, SECTOR, AS_LINUX);
	disk_stop(&disk);
}
END_TEST

START_TEST(no_news_of_the_size_are_not_told)
{
	struct disk_config config = { 0 };

	disk_start(&disk, &config);
	becomes(STORE_BYTES / SECTOR);
	ck_assert(!gvirtio_config_changed(&disk.v, 50));
	disk.store.grown = (uint64_t)-EIO;
	disk_look_again(&disk);
	ck_assert(!gvirtio_config_changed(&disk.v, 50));
	ck_assert_uint_eq(gvirtio_config(&disk.v, FIELD(capacity), 4), STORE_BYTES / SECTOR);
	disk_stop(&disk);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(the_stores_geometry_is_announced),
		ONCE(a_disk_of_larger_blocks_serves_sectors),
		ONCE(writes_are_stable_unless_the_driver_flushes),
		TIMES(the_driver_switches_the_cache_while_it_runs, 4),
		ONCE(nothing_else_of_the_configuration_can_be_written),
		TIMES(the_driver_is_told_of_another_size, 2),
		ONCE(no_news_of_the_size_are_not_told),
	};

	return unit_main("blk-config", disk_setup, fake_end, tests, ARRAY_SIZE(tests));
}
