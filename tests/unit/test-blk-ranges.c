/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-blk-ranges.c: discards and zeroes (virtio 1.2, 5.2.6).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit/disk.h"
#include "unit/unit.h"

#define SECTOR 512u
#define UNMAP  VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP

static struct disk disk;

typedef struct virtio_blk_discard_write_zeroes range_t;

static struct request *new_request(uint32_t type, const range_t *ranges, unsigned count)
{
	struct request *request = request_new(type, 0, count * (uint32_t)sizeof(*ranges), 0);

	memcpy(fake_ram(request_data(request)), ranges, count * sizeof(*ranges));
	return request;
}

static uint8_t run(uint32_t type, const range_t *ranges, unsigned count, uint32_t cut)
{
	struct request *request = new_request(type, ranges, count);
	uint8_t status = request_run(&disk, request, cut);

	ck_assert_uint_eq(request->used, 1);
	request_free(request);
	return status;
}

static uint8_t run_one(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	const range_t range = { .sector = sector, .num_sectors = sectors, .flags = flags };

	return run(type, &range, 1, AS_LINUX);
}

static bool are_zero(uint64_t sector, uint64_t sectors)
{
	const uint8_t *data = disk.store.data + sector * SECTOR;
	uint64_t i;

	for (i = 0; i < sectors * SECTOR; i++)
		if (data[i])
			return false;
	return true;
}

/* ---- what reaches the store -------------------------------------------------------- */

START_TEST(each_range_reaches_the_store_in_its_order)
{
	static const uint32_t cuts[] = { AS_LINUX, UNCUT, 1, 5, 16 };
	static const uint32_t types[] = { VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES };
	const range_t ranges[] = { { .sector = 64, .num_sectors = 8 },
				   { .sector = 8, .num_sectors = 0 },
				   { .sector = 0, .num_sectors = 1 },
				   { .sector = STORE_BYTES / SECTOR - 1, .num_sectors = 1 } };
	struct disk_config config = disk_store_variant(_i);
	unsigned type, i;

	disk_start(&disk, &config);
	for (type = 0; type < 2; type++) {
		for (i = 0; i < ARRAY_SIZE(cuts); i++) {
			const struct store_record *log = &disk.store.log[disk.store.nlog];

			ck_assert_uint_eq(run(types[type], ranges, 4, cuts[i]), VIRTIO_BLK_S_OK);
			ck_assert_uint_eq(log[0].op, type ? BLK_WRITE_ZEROES : BLK_DISCARD);
			ck_assert_uint_eq(log[0].offset, 64 * SECTOR);
			ck_assert_uint_eq(log[0].length, 8 * SECTOR);
			ck_assert_uint_eq(log[1].offset, 0);
			ck_assert_uint_eq(log[2].offset, STORE_BYTES - SECTOR);
			ck_assert_uint_eq(log[2].length, SECTOR);
		}
	}
	ck_assert_uint_eq(disk.store.nlog, 2 * 3 * ARRAY_SIZE(cuts));
	ck_assert(are_zero(64, 8));
	ck_assert(!are_zero(63, 1));
	ck_assert(!are_zero(72, 1));
	disk_stop(&disk);
}
END_TEST

/* As many as were announced, and one more. */
START_TEST(the_number_of_ranges_has_a_limit)
{
	struct disk_config config = disk_store_variant(_i);
	range_t ranges[BLK_RANGES_MAX + 1];
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		ranges[i] = (range_t){ .sector = 8 * i, .num_sectors = 8 };
	disk_start(&disk, &config);
	ck_assert_uint_eq(run(VIRTIO_BLK_T_DISCARD, ranges, BLK_RANGES_MAX + 1, AS_LINUX),
			  VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(disk.store.nlog, 0);
	ck_assert_uint_eq(run(VIRTIO_BLK_T_DISCARD, ranges, BLK_RANGES_MAX, AS_LINUX),
			  VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk.store.nlog, BLK_RANGES_MAX);
	disk_stop(&disk);
}
END_TEST

START_TEST(space_is_given_back_if_driver_and_administrator_agree)
{
	struct disk_config config = disk_store_variant(0);
	bool agreed = _i != 2;

	config.no_discard = !agreed;
	disk_start(&disk, &config);
	ck_assert_int_eq(disk.v.offered >> VIRTIO_BLK_F_DISCARD & 1, agreed);
	ck_assert_uint_eq(run_one(VIRTIO_BLK_T_WRITE_ZEROES, 8, 8, _i ? UNMAP : 0),
			  VIRTIO_BLK_S_OK);
	ck_assert_int_eq(disk.store.log[0].unmap, _i == 1);
	ck_assert_uint_eq(gvirtio_config(&disk.v,
					 offsetof(struct virtio_blk_config, write_zeroes_may_unmap),
					 1),
			  agreed);
	disk_stop(&disk);
}
END_TEST

/* ---- what is refused ---------------------------------------------------------------- */

/* One bad range, and none is done. */
START_TEST(a_bad_range_fails_the_request_before_any_is_done)
{
	const uint64_t end = STORE_BYTES / SECTOR;
	static const struct {
		uint32_t type;
		uint8_t status;
	} expected[] = { { VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_S_IOERR },
			 { VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_S_IOERR } };
	const range_t bad[] = {
		{ .sector = end, .num_sectors = 1 },
		{ .sector = end - 1, .num_sectors = 2 },
		{ .sector = UINT64_MAX, .num_sectors = 1 },
		{ .sector = UINT64_MAX / SECTOR, .num_sectors = UINT32_MAX },
		{ .sector = 0, .num_sectors = UINT32_MAX },
		{ .sector = 0, .num_sectors = BLK_DISCARD_SECTORS_MAX + 1 },
		{ .sector = end + 1, .num_sectors = 0 },
	};
	struct disk_config config = disk_store_variant(_i);
	unsigned i, type;

	disk_start(&disk, &config);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		const range_t ranges[] = { { .sector = 0, .num_sectors = 8 }, bad[i] };

		for (type = 0; type < 2; type++)
			ck_assert_uint_eq(run(expected[type].type, ranges, 2, AS_LINUX),
					  expected[type].status);
	}
	ck_assert_uint_eq(disk.store.nlog, 0);
	disk_stop(&disk);
}
END_TEST

START_TEST(unknown_flags_are_not_supported)
{
	struct disk_config config = disk_store_variant(_i);
	uint32_t flag;

	disk_start(&disk, &config);
	for (flag = 1; flag; flag <<= 1) {
		ck_assert_uint_eq(run_one(VIRTIO_BLK_T_DISCARD, 0, 8, flag), VIRTIO_BLK_S_UNSUPP);
		if (flag != UNMAP)
			ck_assert_uint_eq(run_one(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, flag | UNMAP),
					  VIRTIO_BLK_S_UNSUPP);
	}
	ck_assert_uint_eq(disk.store.nlog, 0);
	disk_stop(&disk);
}
END_TEST

START_TEST(a_part_of_a_range_is_refused)
{
	struct disk_config config = disk_store_variant(_i);
	uint32_t length;

	disk_start(&disk, &config);
	for (length = 1; length < 48; length++) {
		uint8_t status = disk_io(&disk, VIRTIO_BLK_T_WRITE_ZEROES, 0, length, 0);

		if (length % sizeof(range_t))
			ck_assert_uint_eq(status, VIRTIO_BLK_S_IOERR);
	}
	ck_assert_uint_eq(disk.store.nlog, 0);
	disk_stop(&disk);
}
END_TEST

START_TEST(a_readonly_disk_refuses_both)
{
	struct disk_config config = disk_store_variant(_i);

	config.readonly = true;
	disk_start(&disk, &config);
	ck_assert(!(disk.v.offered &
		    (BIT_ULL(VIRTIO_BLK_F_DISCARD) | BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES))));
	ck_assert_uint_ne(run_one(VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_OK);
	ck_assert_uint_ne(run_one(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk.store.nlog, 0);
	disk_stop(&disk);
}
END_TEST

START_TEST(what_was_not_negotiated_is_not_supported)
{
	struct disk_config config = disk_store_variant(_i);

	config.without = BIT_ULL(VIRTIO_BLK_F_DISCARD) | BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES);
	disk_start(&disk, &config);
	ck_assert_uint_eq(run_one(VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
	ck_assert_uint_eq(run_one(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
	ck_assert_uint_eq(disk.store.nlog, 0);
	disk_stop(&disk);
}
END_TEST

/* ---- stores that cannot -------------------------------------------------------------- */

static int knows_neither(const struct blk_io *io)
{
	return io->op == BLK_DISCARD || io->op == BLK_WRITE_ZEROES ? -EOPNOTSUPP : 0;
}

/* 200 KiB: more than is written at a time. */
START_TEST(zeroes_are_written_where_the_store_knows_none)
{
	struct disk_config config = disk_store_variant(_i);
	const range_t ranges[] = { { .sector = 8, .num_sectors = 400, .flags = UNMAP },
				   { .sector = 1000, .num_sectors = 1 } };

	config.cache = _i & 1 ? BLK_CACHE_WRITETHROUGH : BLK_CACHE_AUTO;
	disk_start(&disk, &config);
	disk.store.verdict = knows_neither;
	ck_assert_uint_eq(run(VIRTIO_BLK_T_WRITE_ZEROES, ranges, 2, AS_LINUX), VIRTIO_BLK_S_OK);
	ck_assert(are_zero(8, 400));
	ck_assert(are_zero(1000, 1));
	ck_assert(!are_zero(7, 1) && !are_zero(408, 1) && !are_zero(1001, 1));
	ck_assert_uint_eq(disk.store.log[1].op, BLK_WRITE);
	ck_assert_int_eq(disk.store.log[1].stable, config.cache == BLK_CACHE_WRITETHROUGH);
	disk_stop(&disk);
}
END_TEST

START_TEST(a_discard_is_only_a_wish)
{
	struct disk_config config = disk_store_variant(_i);

	disk_start(&disk, &config);
	disk.store.verdict = knows_neither;
	ck_assert_uint_eq(run_one(VIRTIO_BLK_T_DISCARD, 8, 400, 0), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk.store.nlog, 1);
	ck_assert(!are_zero(8, 1));
	disk_stop(&disk);
}
END_TEST

static int second_fails(const struct blk_io *io)
{
	return io->offset == 64 * SECTOR ? -EIO : 0;
}

START_TEST(an_error_ends_the_request_where_it_comes)
{
	struct disk_config config = disk_store_variant(_i);
	const range_t ranges[] = { { .sector = 0, .num_sectors = 1 },
				   { .sector = 64, .num_sectors = 1 },
				   { .sector = 128, .num_sectors = 1 } };

	disk_start(&disk, &config);
	disk.store.verdict = second_fails;
	ck_assert_uint_eq(run(VIRTIO_BLK_T_WRITE_ZEROES, ranges, 3, AS_LINUX), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(disk.store.nlog, 2);
	ck_assert(are_zero(0, 1));
	ck_assert(!are_zero(128, 1));
	disk_stop(&disk);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(each_range_reaches_the_store_in_its_order, DISK_STORE_VARIANTS),
		TIMES(the_number_of_ranges_has_a_limit, DISK_STORE_VARIANTS),
		TIMES(space_is_given_back_if_driver_and_administrator_agree, 3),
		TIMES(a_bad_range_fails_the_request_before_any_is_done, DISK_STORE_VARIANTS),
		TIMES(unknown_flags_are_not_supported, DISK_STORE_VARIANTS),
		TIMES(a_part_of_a_range_is_refused, DISK_STORE_VARIANTS),
		TIMES(a_readonly_disk_refuses_both, DISK_STORE_VARIANTS),
		TIMES(what_was_not_negotiated_is_not_supported, DISK_STORE_VARIANTS),
		TIMES(zeroes_are_written_where_the_store_knows_none, DISK_STORE_VARIANTS),
		TIMES(a_discard_is_only_a_wish, DISK_STORE_VARIANTS),
		TIMES(an_error_ends_the_request_where_it_comes, DISK_STORE_VARIANTS),
	};

	return unit_main("blk-ranges", disk_setup, fake_end, tests, ARRAY_SIZE(tests));
}
