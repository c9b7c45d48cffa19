/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-blk-gate.c: limits of a disk, and a disk that stops at errors of its store.
 */
#include <errno.h>

#include "base/loop.h"
#include "unit/disk.h"
#include "unit/unit.h"

#define SECTOR 512u
#define MS     1000000ull
#define SECOND 1000000000ull

static struct disk disk;

/* Starts @count requests; what they read or write does not overlap. */
static void add_all(struct request **requests, unsigned count, uint32_t type, uint32_t length)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		bool out = type == VIRTIO_BLK_T_OUT;

		requests[i] =
			request_new(type, i * length / SECTOR, out ? length : 0, out ? 0 : length);
		request_add(&disk, requests[i], AS_LINUX);
	}
	gvirtio_kick(&disk.v, disk.ring);
}

static void expect_all(struct request **requests, unsigned count, uint8_t status)
{
	unsigned i;

	ck_assert(requests_wait(&disk, count));
	for (i = 0; i < count; i++) {
		ck_assert_uint_eq(request_result(requests[i]), status);
		request_free(requests[i]);
	}
}

/* Nothing is told to the driver. */
static void expect_none(struct request **requests, unsigned count)
{
	unsigned i;

	unit_nap_us(20000);
	for (i = 0; i < count; i++)
		ck_assert_uint_eq(request_result(requests[i]), REQUEST_CANARY);
}

static void free_all(struct request **requests, unsigned count)
{
	while (count)
		request_free(requests[--count]);
}

/* ---- a limit by itself ---------------------------------------------------------------- */

/* As many as are let in from @from to @to, by one that asks whenever it is told to. */
static unsigned let_in(struct blk_limit *limit, uint32_t bytes, uint64_t from, uint64_t to)
{
	unsigned count = 0;

	while (from < to) {
		uint64_t wait = blk_limit_take(limit, bytes, from);

		count += !wait;
		from += wait;
	}
	return count;
}

/* 30 s, with what was saved up at first. */
START_TEST(a_limit_is_held)
{
	static const struct {
		uint64_t requests, bytes;
		uint32_t length;
		unsigned expected;
	} cases[] = {
		{ 1000, 0, 1 << 20, 30100 },  { 1, 0, 4096, 31 },
		{ 100000, 0, 4096, 3010000 }, { 0, 1 << 20, 4096, 7706 },
		{ 0, 1 << 20, 1 << 20, 31 },  { 1000, 1 << 20, 4096, 7706 },
		{ 100, 1 << 30, 4096, 3010 },
	};
	struct blk_limit limit;
	unsigned i, count;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		blk_limit_init(&limit, cases[i].requests, cases[i].bytes, 100 * MS);
		count = let_in(&limit, cases[i].length, SECOND, 31 * SECOND);
		ck_assert_uint_le(count, cases[i].expected + 1);
		ck_assert_uint_ge(count + 1 + count / 1000, cases[i].expected);
		blk_limit_destroy(&limit);
	}
}
END_TEST

START_TEST(what_was_not_used_is_saved_up_to_the_burst)
{
	struct blk_limit limit;

	blk_limit_init(&limit, 1000, 0, 100 * MS);
	let_in(&limit, 1, SECOND, 2 * SECOND);
	ck_assert_uint_le(let_in(&limit, 1, 2 * SECOND, 2 * SECOND + 1), 2);
	ck_assert_uint_ge(let_in(&limit, 1, 2 * SECOND + 50 * MS, 2 * SECOND + 50 * MS + 1), 48);
	ck_assert_uint_le(let_in(&limit, 1, 60 * SECOND, 60 * SECOND + 1), 101);
	blk_limit_destroy(&limit);
}
END_TEST

/* ---- a disk's limit ---------------------------------------------------------------------- */

/* 200 requests take 190 ms and no less; all are served. */
START_TEST(a_limited_disk_holds_its_limit)
{
	struct disk_config config = disk_store_variant(_i);
	struct request *requests[40];
	uint64_t begin;
	unsigned turn;

	if (_i < DISK_STORE_VARIANTS / 2)
		config.requests = 1000;
	else
		config.bytes = 1000 * 4096;
	disk_start(&disk, &config);
	begin = loop_now();
	for (turn = 0; turn < 5; turn++) {
		add_all(requests, ARRAY_SIZE(requests), VIRTIO_BLK_T_OUT, 4096);
		expect_all(requests, ARRAY_SIZE(requests), VIRTIO_BLK_S_OK);
	}
	ck_assert_uint_ge(loop_now() - begin, 189 * MS);
	disk_stop(&disk);
}
END_TEST

/* Those that were not let in are given up. */
START_TEST(a_limited_disk_can_be_reset)
{
	struct disk_config config = disk_store_variant(_i);
	struct request *requests[40];
	uint64_t begin = loop_now();

	config.requests = 1;
	disk_start(&disk, &config);
	add_all(requests, ARRAY_SIZE(requests), VIRTIO_BLK_T_OUT, 4096);
	unit_nap_us(2000);
	disk_driver_stop(&disk);
	ck_assert_uint_lt(loop_now() - begin, 10 * SECOND);
	ck_assert_uint_le(disk.store.nlog, 2);
	free_all(requests, ARRAY_SIZE(requests));
	disk_stop(&disk);
}
END_TEST

/* ---- a disk that stops --------------------------------------------------------------------- */

static int error;

static int fails(const struct blk_io *io)
{
	(void)io;
	return error;
}

static void start_that_stops(int i)
{
	struct disk_config config = disk_store_variant(i);

	config.stop = true;
	error = 0;
	disk_start(&disk, &config);
	disk.store.verdict = fails;
}

/* The driver sees nothing of it but that it takes long. */
START_TEST(a_stopped_disk_goes_on_when_the_error_is_mended)
{
	static const uint32_t types[] = { VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_IN };
	struct request *requests[8], *later[8];
	unsigned turn;

	start_that_stops(_i);
	for (turn = 0; turn < 4; turn++) {
		error = turn % 2 ? -ENOSPC : -EIO;
		add_all(requests, ARRAY_SIZE(requests), types[turn / 2], 4096);
		expect_none(requests, ARRAY_SIZE(requests));
		add_all(later, ARRAY_SIZE(later), types[turn / 2], 4096);
		expect_none(later, ARRAY_SIZE(later));
		disk_look_again(&disk); /* not mended: stops again */
		expect_none(requests, ARRAY_SIZE(requests));
		error = 0;
		disk_look_again(&disk);
		expect_all(requests, ARRAY_SIZE(requests), VIRTIO_BLK_S_OK);
		expect_all(later, ARRAY_SIZE(later), VIRTIO_BLK_S_OK);
	}
	disk_write_then_read(&disk, 0, 65536, AS_LINUX);
	disk_stop(&disk);
}
END_TEST

START_TEST(a_flush_waits_as_well)
{
	struct request *flush;

	start_that_stops(_i);
	error = -EIO;
	flush = request_new(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	request_add(&disk, flush, AS_LINUX);
	gvirtio_kick(&disk.v, disk.ring);
	expect_none(&flush, 1);
	error = 0;
	disk_look_again(&disk);
	expect_all(&flush, 1, VIRTIO_BLK_S_OK);
	disk_stop(&disk);
}
END_TEST

/* No administrator can mend that. */
START_TEST(a_flush_that_has_lost_writes_is_told)
{
	start_that_stops(_i);
	error = -ESTALE;
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_IOERR);
	error = 0;
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	disk_stop(&disk);
}
END_TEST

START_TEST(a_stopped_disk_can_be_reset_and_serves_again)
{
	struct disk_config config = disk_store_variant(_i);
	struct request *requests[8];

	start_that_stops(_i);
	error = -ENOSPC;
	add_all(requests, ARRAY_SIZE(requests), VIRTIO_BLK_T_OUT, 4096);
	expect_none(requests, ARRAY_SIZE(requests));
	disk_driver_stop(&disk);
	free_all(requests, ARRAY_SIZE(requests));
	error = 0;
	disk_driver_start(&disk, &config);
	disk_write_then_read(&disk, 0, 4096, AS_LINUX);
	disk_stop(&disk);
}
END_TEST

/* What the driver does wrong is told to it. */
START_TEST(a_drivers_error_does_not_stop_the_disk)
{
	start_that_stops(_i);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, STORE_BYTES / SECTOR, 0, SECTOR),
			  VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(disk_io(&disk, 77, 0, 0, 0), VIRTIO_BLK_S_UNSUPP);
	error = -EOPNOTSUPP;
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, 0, 0, SECTOR), VIRTIO_BLK_S_IOERR);
	error = 0;
	disk_write_then_read(&disk, 0, 4096, AS_LINUX);
	disk_stop(&disk);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(a_limit_is_held),
		ONCE(what_was_not_used_is_saved_up_to_the_burst),
		TIMES(a_limited_disk_holds_its_limit, DISK_STORE_VARIANTS),
		TIMES(a_limited_disk_can_be_reset, DISK_STORE_VARIANTS),
		TIMES(a_stopped_disk_goes_on_when_the_error_is_mended, DISK_STORE_VARIANTS),
		TIMES(a_flush_waits_as_well, DISK_STORE_VARIANTS),
		TIMES(a_flush_that_has_lost_writes_is_told, DISK_STORE_VARIANTS),
		TIMES(a_stopped_disk_can_be_reset_and_serves_again, DISK_STORE_VARIANTS),
		TIMES(a_drivers_error_does_not_stop_the_disk, DISK_STORE_VARIANTS),
	};

	return unit_main("blk-gate", disk_setup, fake_end, tests, ARRAY_SIZE(tests));
}
