/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-blk-loan.c: virtio-blk over a store that copies by itself and is lent
 * the guest's memory: what is lent and what goes through the pool, errors, and
 * that no request waits for another one's loan.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "memory/bounce.h"
#include "unit/disk.h"
#include "unit/unit.h"

#define SECTOR   512u
#define MAP_FROM 4096u
#define LOAN_MAX (1u << 20)

static struct disk disk;

static struct disk_config variant(int i)
{
	struct disk_config config = disk_variant(i);

	config.copies = true;
	config.map_from = MAP_FROM;
	return config;
}

/* Was this operation of the store lent the guest's memory? */
static bool was_lent(const struct store_record *record)
{
	const struct worker *worker = &disk.rig.workers[0];
	const uint8_t *at = record->data, *pool;
	size_t length;
	void *base;

	bounce_ordinary(worker->bounce, &base, &length);
	pool = base;
	return (at < pool || at >= pool + length) && own_page(&worker->own, at) < 0;
}

static unsigned lent_operations(void)
{
	unsigned i, lent = 0;

	for (i = 0; i < disk.store.nlog; i++)
		lent += was_lent(&disk.store.log[i]);
	return lent;
}

/* ---- what is lent ------------------------------------------------------------- */

START_TEST(data_of_any_size_and_cut)
{
	static const uint32_t lengths[] = {
		512, 3584, 4096, 4608, 12288, 65536, 100 * 512, 1 << 18
	};
	static const uint32_t cuts[] = { 100, 511, 512, 4096, 5000, 65536, UNCUT };
	struct disk_config config = variant(_i);
	unsigned i, j;

	config.without = BIT_ULL(VIRTIO_BLK_F_SEG_MAX) | BIT_ULL(VIRTIO_BLK_F_SIZE_MAX);
	disk_start(&disk, &config);
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		for (j = 0; j < ARRAY_SIZE(cuts); j++)
			disk_write_then_read(&disk, i * 7 + j, lengths[i], cuts[j]);
	ck_assert_uint_gt(lent_operations(), 0);
	disk_stop(&disk);
}
END_TEST

struct size {
	uint32_t length;
	bool plain, granted; /* lent in memory of this kind? */
};

/* Linux's segments of 64 KiB. */
static const struct size sizes[] = {
	{ 512, true, false },
	{ MAP_FROM - 512, true, false },
	{ MAP_FROM, true, true },
	{ 65536, true, true },
	{ LOAN_MAX - 512, true, true },
	{ LOAN_MAX, true, true },
	{ LOAN_MAX + 512, false, false },
	{ 2 * LOAN_MAX, false, false },
};

/* By one operation where it is lent, by several where it is too large for a buffer. */
START_TEST(data_of_a_good_size_is_lent)
{
	struct disk_config config = variant(_i);
	bool granted = config.memory == GDMA_GRANTS;
	const struct size *size;

	disk_start(&disk, &config);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	for (size = sizes; size < sizes + ARRAY_SIZE(sizes); size++) {
		bool lent = granted ? size->granted : size->plain;
		unsigned buffers = (size->length + BOUNCE_RUN_MAX - 1) / BOUNCE_RUN_MAX;

		disk.store.nlog = 0;
		fake_calls_reset();
		disk_write_then_read(&disk, 3, size->length, AS_LINUX);
		ck_assert_uint_eq(lent_operations(), lent ? 2 : 0);
		ck_assert_uint_eq(disk.store.nlog, lent ? 2 : 2 * buffers);
		ck_assert_uint_eq(fake_calls(FAKE_GRANT_MAP), lent && granted ? 2 : 0);
		ck_assert_uint_eq(fake_calls(FAKE_GRANT_UNMAP), lent && granted ? 2 : 0);
	}
	disk_stop(&disk);
}
END_TEST

START_TEST(nothing_is_lent_to_a_store_that_does_not_copy)
{
	struct disk_config config = variant(_i);

	config.copies = false;
	disk_start(&disk, &config);
	disk_write_then_read(&disk, 3, 65536, AS_LINUX);
	ck_assert_uint_eq(disk.store.nlog, 2);
	ck_assert_uint_eq(lent_operations(), 0);
	disk_stop(&disk);
}
END_TEST

/* Nor does a request of more pieces than a loan has fail. */
START_TEST(what_has_too_many_pieces_goes_through_the_pool)
{
	static const struct foreign_options windows = { .window_bytes = FOREIGN_WINDOW_MIN };
	struct disk_config config = variant(_i);
	struct request *request = request_new(VIRTIO_BLK_T_IN, 0, 0, 200 * SECTOR);
	struct gsg in[201], out = { request_header(request), 16 };
	unsigned i;

	config.windows = windows;
	config.without = BIT_ULL(VIRTIO_BLK_F_SEG_MAX) | BIT_ULL(VIRTIO_BLK_F_SIZE_MAX);
	disk_start(&disk, &config);
	for (i = 0; i < 200; i++) /* backwards, so that no two can be joined */
		in[i] = (struct gsg){ request_data(request) + (199 - i) * SECTOR, SECTOR };
	in[200] = (struct gsg){ request_status(request), 1 };
	ck_assert(gring_add(disk.ring, &out, 1, in, 201, request));
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(requests_wait(&disk, 1));
	ck_assert_uint_eq(request_result(request), VIRTIO_BLK_S_OK);
	for (i = 0; i < 200; i++)
		ck_assert_mem_eq(fake_ram(in[i].gpa), disk.store.data + i * SECTOR, SECTOR);
	ck_assert_uint_eq(lent_operations(), 0);
	request_free(request);
	disk_stop(&disk);
}
END_TEST

/* Some of the data granted, some not: a driver may, and gets its data. */
START_TEST(data_of_both_kinds_goes_through_the_pool)
{
	struct disk_config config = variant(1 | _i << 1);
	struct request *request = request_new(VIRTIO_BLK_T_IN, 9, 0, 2 * 65536);
	struct vring_desc *table;
	uint64_t granted;

	disk_start(&disk, &config);
	disk.ring->held = true;
	request_add(&disk, request, AS_LINUX);
	table = fake_ram(disk.ring->head[0].table);
	granted = table[2].addr;
	table[2].addr = request_data(request) + 65536;
	gring_show(disk.ring);
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(wait_for(gring_more(disk.ring)));
	table[2].addr = granted; /* what the driver takes back */
	ck_assert(requests_wait(&disk, 1));
	ck_assert_uint_eq(request_result(request), VIRTIO_BLK_S_OK);
	ck_assert_mem_eq(fake_ram(request_data(request)), disk.store.data + 9 * SECTOR, 2 * 65536);
	ck_assert_uint_eq(lent_operations(), 0);
	request_free(request);
	disk_stop(&disk);
}
END_TEST

START_TEST(pages_lent_for_a_read_are_reported)
{
	struct disk_config config = variant(_i << 1);
	struct request *read = request_new(VIRTIO_BLK_T_IN, 0, 0, 12288);
	struct request *write = request_new(VIRTIO_BLK_T_OUT, 0, 12288, 0);
	uint64_t pfn;

	config.windows =
		(struct foreign_options){ .window_bytes = 2u << 20, .report_writes = true };
	disk_start(&disk, &config);
	fake_calls_reset();
	ck_assert_uint_eq(request_run(&disk, write, AS_LINUX), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(request_run(&disk, read, AS_LINUX), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(lent_operations(), 2);
	pfn = request_data(read) / FAKE_PAGE;
	ck_assert(wait_for(fake_page_reported(pfn)));
	ck_assert(fake_page_reported(pfn + 1));
	ck_assert(fake_page_reported(pfn + 2));
	ck_assert(fake_page_reported(request_status(read) / FAKE_PAGE));
	ck_assert(fake_page_reported(request_status(write) / FAKE_PAGE));
	ck_assert(fake_page_reported(disk.ring->used_addr / FAKE_PAGE));
	pfn = request_data(write) / FAKE_PAGE;
	ck_assert(!fake_page_reported(pfn));
	ck_assert(!fake_page_reported(pfn + 1));
	request_free(read);
	request_free(write);
	disk_stop(&disk);
}
END_TEST

/* ---- errors ---------------------------------------------------------------------- */

static atomic_int refusals;

/* As the kernel refuses memory that is not there any more. */
static int refuse_for_now(const struct blk_io *io)
{
	(void)io;
	return atomic_fetch_sub(&refusals, 1) > 0 ? -EFAULT : 0;
}

static int bad_disk(const struct blk_io *io)
{
	(void)io;
	return -EIO;
}

/* The copies find what is there; the disk is given the same data. */
START_TEST(what_cannot_be_reached_on_loan_is_tried_through_the_pool)
{
	static const uint32_t lengths[] = { MAP_FROM, 65536, 600 << 10 };
	struct disk_config config = variant(_i & 3);
	bool write = _i & 4;
	unsigned i;

	disk_start(&disk, &config);
	disk.store.verdict = refuse_for_now;
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		uint32_t length = lengths[i];

		disk.store.nlog = 0;
		refusals = 1;
		request_transfer(&disk, request_new_transfer(write, 5, length), AS_LINUX,
				 write ? 1 : length + 1);
		ck_assert(was_lent(&disk.store.log[0]));
		ck_assert_uint_eq(lent_operations(), 1);
		ck_assert_uint_ge(disk.store.nlog, 2);
	}
	disk_stop(&disk);
}
END_TEST

/* What cannot be reached at all is tried once more, not forever. */
START_TEST(a_store_that_goes_on_refusing_is_an_error)
{
	struct disk_config config = variant(_i & 3);
	struct request *request = request_new_transfer(_i & 4, 5, 65536);

	disk_start(&disk, &config);
	disk.store.verdict = refuse_for_now;
	refusals = 1000;
	ck_assert_uint_eq(request_run(&disk, request, AS_LINUX), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(disk.store.nlog, 2);
	request_free(request);
	disk_stop(&disk);
}
END_TEST

START_TEST(an_error_of_the_store_is_the_requests_status)
{
	struct disk_config config = variant(_i & 3);
	bool write = _i & 4;
	struct request *request = request_new_transfer(write, 5, 65536);

	disk_start(&disk, &config);
	disk.store.verdict = bad_disk;
	ck_assert_uint_eq(request_run(&disk, request, AS_LINUX), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(request->used, write ? 1 : 0);
	ck_assert_uint_eq(disk.store.nlog, 1);
	ck_assert(was_lent(&disk.store.log[0]));
	request_free(request);
	disk_stop(&disk);
}
END_TEST

/* Data that the driver cannot have meant: not there, or granted for reading only. */
START_TEST(bad_data_is_an_error_as_with_copies)
{
	struct disk_config config = variant(_i);
	struct request *bad = request_new(VIRTIO_BLK_T_IN, 0, 0, 8192);
	struct request *good = request_new(VIRTIO_BLK_T_IN, 0, 0, 8192);
	uint64_t pfn = request_data(bad) / FAKE_PAGE + 1;
	const struct vring_desc *table;

	disk_start(&disk, &config);
	disk.ring->held = true;
	request_add(&disk, bad, AS_LINUX);
	table = fake_ram(disk.ring->head[0].table);
	if (config.memory == GDMA_GRANTS)
		fake_grant(gdma_ref(table[1].addr) + 1, pfn, true);
	else
		fake_hole(pfn, true);
	request_add(&disk, good, AS_LINUX);
	gring_show(disk.ring);
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(requests_wait(&disk, 2));
	fake_hole(pfn, false);
	ck_assert_uint_eq(request_result(bad), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(bad->used, 0);
	ck_assert_uint_eq(request_result(good), VIRTIO_BLK_S_OK);
	request_free(bad);
	request_free(good);
	disk_stop(&disk);
}
END_TEST

/* Xen has no more to map grants with: copies do. */
START_TEST(where_nothing_can_be_mapped_requests_are_copied)
{
	struct disk_config config = variant(1 | _i << 1);

	disk_start(&disk, &config);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	fake_maptrack(fake_grants_mapped() + 3);
	disk.store.nlog = 0;
	disk_write_then_read(&disk, 5, 65536, AS_LINUX);
	ck_assert_uint_eq(lent_operations(), 0);
	disk_write_then_read(&disk, 5, MAP_FROM, AS_LINUX);
	ck_assert_uint_eq(lent_operations(), 2);
	fake_maptrack(UINT32_MAX);
	disk_write_then_read(&disk, 5, 65536, AS_LINUX);
	ck_assert_uint_eq(lent_operations(), 4);
	disk_stop(&disk);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(data_of_any_size_and_cut, DISK_VARIANTS),
		TIMES(data_of_a_good_size_is_lent, DISK_VARIANTS),
		TIMES(nothing_is_lent_to_a_store_that_does_not_copy, DISK_VARIANTS),
		TIMES(what_has_too_many_pieces_goes_through_the_pool, DISK_VARIANTS),
		TIMES(data_of_both_kinds_goes_through_the_pool, 2),
		TIMES(pages_lent_for_a_read_are_reported, 2),
		TIMES(what_cannot_be_reached_on_loan_is_tried_through_the_pool, 2 * DISK_VARIANTS),
		TIMES(a_store_that_goes_on_refusing_is_an_error, 2 * DISK_VARIANTS),
		TIMES(an_error_of_the_store_is_the_requests_status, 2 * DISK_VARIANTS),
		TIMES(bad_data_is_an_error_as_with_copies, DISK_VARIANTS),
		TIMES(where_nothing_can_be_mapped_requests_are_copied, 2),
	};

	return unit_main("blk-loan", disk_setup, fake_end, tests, ARRAY_SIZE(tests));
}
