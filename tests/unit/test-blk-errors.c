/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-blk-errors.c: virtio-blk when something is wrong: with the guest's
 * memory, with the shape of a request, with the store; and a reset meanwhile.
 */
#include <errno.h>
#include <string.h>

#include "unit/disk.h"
#include "unit/unit.h"

#define SECTOR 512u
#define EIGHT  8u
#define MS     1000000ull

static struct disk disk;

/* ---- bad memory, request by request ---------------------------------------------- */

enum part { HEADER, DATA, STATUS };

static uint64_t part_page(const struct request *request, enum part part)
{
	return (part == HEADER ? request_header(request)
		: part == DATA ? request_data(request)
			       : request_status(request)) /
	       FAKE_PAGE;
}

/* Takes a page away, or gives one back, from each request in the set. */
static void spoil(struct request **requests, unsigned set, enum part part, bool hole)
{
	unsigned i;

	for (i = 0; i < EIGHT; i++)
		if (set >> i & 1)
			fake_hole(part_page(requests[i], part), hole);
	vcpu_invalidate(0);
}

static void send_eight(struct request **requests, bool write, unsigned bad, enum part part)
{
	unsigned i;

	for (i = 0; i < EIGHT; i++)
		requests[i] = request_new_transfer(write, i * 16, FAKE_PAGE);
	spoil(requests, bad, part, true);
	for (i = 0; i < EIGHT; i++)
		request_add(&disk, requests[i], AS_LINUX);
	gvirtio_kick(&disk.v, disk.ring);
}

static void check_eight(struct request **requests, unsigned bad, bool write, enum part part)
{
	unsigned i;

	for (i = 0; i < EIGHT; i++) {
		const uint8_t *stored = disk.store.data + i * 16ull * SECTOR;
		bool good = !(bad >> i & 1);

		if (request_result(requests[i]) != (good ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR))
			ck_abort_msg("part %d, set %#x: request %u has status %u", part, bad, i,
				     request_result(requests[i]));
		if (good && memcmp(fake_ram(request_data(requests[i])), stored, FAKE_PAGE))
			ck_abort_msg("part %d, set %#x: wrong data of request %u", part, bad, i);
		if (requests[i]->used != (good && !write ? FAKE_PAGE + 1 : write ? 1 : 0))
			ck_abort_msg("used length %u", requests[i]->used);
	}
}

/* Every subset of eight requests has a header or data that cannot be reached:
 * those get an error, the others do not notice. */
START_TEST(gbatch_one_bad)
{
	struct disk_config config = disk_variant(_i & 3);
	bool write = _i & 4;
	enum part part = _i & 8 ? DATA : HEADER;
	struct request *requests[EIGHT];
	unsigned bad, i;

	disk_start(&disk, &config);
	for (bad = 0; bad < 256; bad++) {
		send_eight(requests, write, bad, part);
		ck_assert(requests_wait(&disk, EIGHT));
		spoil(requests, bad, part, false);
		check_eight(requests, bad, write, part);
		for (i = 0; i < EIGHT; i++)
			request_free(requests[i]);
	}
	ck_assert_uint_eq(disk_status(&disk), 0xf);
	disk_stop(&disk);
}
END_TEST

/* What is in the used ring after all: good requests that were taken before. */
static void check_used(struct request **requests, unsigned bad)
{
	const struct request *request;
	uint32_t used;
	unsigned i;

	while ((request = gring_get(disk.ring, &used)))
		for (i = 0; i < EIGHT; i++)
			if (request == requests[i])
				ck_assert(!(bad >> i & 1) &&
					  request_result(request) == VIRTIO_BLK_S_OK);
}

/* Where the error cannot be told the device asks for a reset, and works after it.
 * The loops together go through every subset. */
START_TEST(gbatch_one_bad_status)
{
	struct disk_config config = disk_variant(_i & 3);
	struct request *requests[EIGHT];
	unsigned bad, i;

	disk_start(&disk, &config);
	for (bad = 1 + (unsigned)_i; bad < 256; bad += 2 * DISK_VARIANTS) {
		send_eight(requests, _i & 4, bad, STATUS);
		ck_assert(gvirtio_config_changed(&disk.v, 10000));
		ck_assert_uint_eq(disk_status(&disk), 0x4f);
		check_used(requests, bad);
		spoil(requests, bad, STATUS, false);
		disk_driver_stop(&disk);
		for (i = 0; i < EIGHT; i++)
			request_free(requests[i]);
		disk_driver_start(&disk, &config);
		ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, 0, 0, 4096), VIRTIO_BLK_S_OK);
	}
	disk_stop(&disk);
}
END_TEST

/* A grant taken away between the kick and the answer, as any guest may do. */
START_TEST(a_grant_that_is_gone_fails_its_request_only)
{
	struct disk_config config = { .memory = GDMA_GRANTS, .workers = 1 };
	struct request *bad = request_new(VIRTIO_BLK_T_IN, 0, 0, 4096);
	struct request *good = request_new(VIRTIO_BLK_T_IN, 8, 0, 4096);
	const struct vring_desc *table;

	disk_start(&disk, &config);
	disk.store.hold = true;
	request_add(&disk, bad, AS_LINUX);
	table = fake_ram(disk.ring->head[0].table);
	request_add(&disk, good, AS_LINUX);
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(wait_for(store_held(&disk.store) == 2));
	fake_grant_revoke(gdma_ref(table[1].addr));
	store_release(&disk.store, 2);
	ck_assert(requests_wait(&disk, 2));
	ck_assert_uint_eq(request_result(bad), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(bad->used, 0);
	ck_assert_uint_eq(request_result(good), VIRTIO_BLK_S_OK);
	request_free(bad);
	request_free(good);
	disk_stop(&disk);
}
END_TEST

START_TEST(a_policy_refuses_the_other_kind_of_address)
{
	struct disk_config config = { .memory = GDMA_GRANTS, .policy = MEMORY_GRANTS };
	struct request *request = request_new(VIRTIO_BLK_T_IN, 0, 0, 4096);
	struct vring_desc *table;

	disk_start(&disk, &config);
	disk.ring->held = true; /* a queue that has just started may look by itself */
	request_add(&disk, request, AS_LINUX);
	table = fake_ram(disk.ring->head[0].table);
	table[1].addr = request_data(request);
	gring_show(disk.ring);
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(requests_wait(&disk, 1));
	ck_assert_uint_eq(request_result(request), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(*(uint8_t *)fake_ram(request_data(request)), REQUEST_CANARY);
	request_free(request);
	/* What is mapped in the guest's table was changed by us, so nothing is revoked. */
	disk.v.dma.broken = true;
	disk_stop(&disk);
}
END_TEST

/* ---- bad shapes --------------------------------------------------------------------- */

/* Header bytes that are not there make an error, told in the status byte. */
START_TEST(a_short_header_is_an_error)
{
	struct disk_config config = disk_variant(_i);
	uint32_t length;

	disk_start(&disk, &config);
	for (length = 0; length < sizeof(struct virtio_blk_outhdr); length++) {
		struct request *request = request_new(VIRTIO_BLK_T_IN, 0, 0, 512);
		struct gsg out = { request_header(request), length };
		struct gsg in = { request_data(request), 513 };

		ck_assert(gring_add(disk.ring, &out, length ? 1 : 0, &in, 1, request));
		gvirtio_kick(&disk.v, disk.ring);
		ck_assert(requests_wait(&disk, 1));
		ck_assert_uint_eq(request_result(request), VIRTIO_BLK_S_IOERR);
		request_free(request);
	}
	ck_assert_uint_eq(disk.store.nlog, 0);
	disk_stop(&disk);
}
END_TEST

START_TEST(a_request_without_a_status_byte_breaks_the_queue)
{
	struct disk_config config = disk_variant(_i);
	struct request *request = request_new(VIRTIO_BLK_T_OUT, 0, 512, 0);
	struct gsg out = { request_header(request), 528 };
	uint32_t used;

	disk_start(&disk, &config);
	ck_assert(gring_add(disk.ring, &out, 1, NULL, 0, request));
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(gvirtio_config_changed(&disk.v, 10000));
	ck_assert_uint_eq(disk_status(&disk), 0x4f);
	ck_assert_ptr_null(gring_get(disk.ring, &used));
	ck_assert_uint_eq(disk.store.nlog, 0);
	request_free(request);
	disk_stop(&disk);
}
END_TEST

/* ---- the store ------------------------------------------------------------------------- */

static int bad_sectors(const struct blk_io *io)
{
	/* Sector 1024 is broken. */
	return io->offset <= 1024 * SECTOR && io->offset + io->length > 1024 * SECTOR ? -EIO : 0;
}

static int no_flush(const struct blk_io *io)
{
	return io->op == BLK_FLUSH ? -ENOSPC : 0;
}

/* How many were counted. */
static unsigned failed(enum blk_op op)
{
	return ((struct blk_device *)disk.rig.device.private)->failed[op];
}

START_TEST(an_error_of_the_store_is_the_requests_status)
{
	struct disk_config config = disk_variant(_i & 3);
	bool write = _i & 4;
	struct request *good = request_new_transfer(write, 0, 4096);
	struct request *bad = request_new_transfer(write, 1020, 4096);

	disk_start(&disk, &config);
	disk.store.verdict = bad_sectors;
	request_add(&disk, bad, AS_LINUX);
	request_add(&disk, good, AS_LINUX);
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(requests_wait(&disk, 2));
	ck_assert_uint_eq(request_result(good), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(request_result(bad), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(bad->used, write ? 1 : 0);
	if (!write)
		ck_assert_uint_eq(*(uint8_t *)fake_ram(request_data(bad)), REQUEST_CANARY);
	ck_assert_uint_eq(failed(BLK_READ), !write);
	ck_assert_uint_eq(failed(BLK_WRITE), write);
	request_free(good);
	request_free(bad);
	disk_stop(&disk);
}
END_TEST

/* In the middle of a request that moves in pieces: nothing after it is tried. */
START_TEST(an_error_in_one_piece_fails_the_request)
{
	struct disk_config config = disk_variant(_i & 3);
	bool write = _i & 4;
	struct request *request = request_new_transfer(write, 1024 - 520, 800 * SECTOR);

	disk_start(&disk, &config);
	disk.store.verdict = bad_sectors;
	ck_assert_uint_eq(request_run(&disk, request, AS_LINUX), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(request->used, write ? 1 : 0);
	ck_assert_uint_eq(disk.store.nlog, 2);
	request_free(request);
	disk_stop(&disk);
}
END_TEST

START_TEST(a_flush_that_fails_is_told)
{
	struct disk_config config = disk_variant(_i);

	disk_start(&disk, &config);
	disk.store.verdict = no_flush;
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_OUT, 0, 512, 0), VIRTIO_BLK_S_OK);
	disk_stop(&disk);
}
END_TEST

/* The host short of memory for a moment: nobody's request fails for it. */
START_TEST(a_copy_call_that_fails_is_tried_again_piece_by_piece)
{
	struct disk_config config = { .memory = GDMA_GRANTS, .workers = 1 };
	struct request *request;

	disk_start(&disk, &config);
	disk.store.hold = true;
	request = request_new(VIRTIO_BLK_T_IN, 0, 0, 4096);
	request_add(&disk, request, AS_LINUX);
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(wait_for(store_held(&disk.store) == 1));
	fake_fail(FAKE_GRANT_COPY, 1, ENOMEM); /* of data and status */
	store_release(&disk.store, 1);
	ck_assert(requests_wait(&disk, 1));
	ck_assert_uint_eq(request_result(request), VIRTIO_BLK_S_OK);
	ck_assert(fake_failed(FAKE_GRANT_COPY));
	request_free(request);
	disk_stop(&disk);
}
END_TEST

/* ---- main never waits --------------------------------------------------------------------- */

/* How long a read of the configuration took, in the device's BAR or in config space. */
static uint64_t read_ns(bool bar)
{
	const struct fake_io in_bar = {
		.type = FAKE_MMIO, .read = true, .addr = disk.v.config, .size = 4
	};
	const struct fake_io in_config = fake_config_io(RIG_BDF, 0, 4, true, 0);
	struct fake_answer answer = vcpu_io(0, bar ? &in_bar : &in_config);

	ck_assert(answer.answered);
	return answer.ns;
}

/* The store keeps its worker for two seconds; now and then the host is busy, too. */
START_TEST(a_slow_store_does_not_keep_main_from_answering)
{
	struct disk_config config = { .memory = GDMA_GRANTS, .workers = 1 };
	struct request *request = request_new(VIRTIO_BLK_T_IN, 0, 0, 4096);
	unsigned reads = 0, slow = 0;
	uint64_t begin;

	disk_start(&disk, &config);
	disk.store.block_ms = 2000;
	request_add(&disk, request, AS_LINUX);
	begin = fake_now_ns();
	gvirtio_kick(&disk.v, disk.ring);
	for (; !gring_more(disk.ring); reads++) {
		slow += read_ns(reads & 1) >= 10 * MS;
		unit_nap_us(100);
	}
	ck_assert_uint_ge(fake_now_ns() - begin, 1900 * MS);
	ck_assert_uint_ge(reads, 100);
	ck_assert_uint_le(slow, reads / 50);
	ck_assert(requests_wait(&disk, 1));
	disk.store.block_ms = 0;
	request_free(request);
	disk_stop(&disk);
}
END_TEST

/* ---- reset meanwhile ------------------------------------------------------------------------- */

static bool untouched(const struct request *request)
{
	const uint8_t *data = fake_ram(request_data(request));
	uint32_t i;

	for (i = 0; i <= request->in; i++)
		if (data[i] != REQUEST_CANARY)
			return false;
	return true;
}

/* Steps of requests: some are with the store, some wait for a buffer, some are done. */
START_TEST(after_a_reset_nothing_reaches_the_guest)
{
	struct disk_config config = disk_variant(_i);
	struct fake_io reset = { .type = FAKE_MMIO, .size = 1 };
	struct request *requests[160];
	unsigned i;

	config.bounce = 64 * 4096;
	disk_start(&disk, &config);
	disk.store.hold = true;
	for (i = 0; i < 160; i++) {
		requests[i] = request_new(VIRTIO_BLK_T_IN, i, 0, 512);
		request_add(&disk, requests[i], AS_LINUX);
	}
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(wait_for(store_held(&disk.store) == 64));
	store_release(&disk.store, 10);
	ck_assert(requests_wait(&disk, 10));
	reset.addr = disk.v.common + gvirtio_field(device_status);
	vcpu_begin(1, &reset);
	unit_nap_us(2000);
	ck_assert_uint_eq(disk_status(&disk), 0xf); /* not yet */
	while (store_held(&disk.store))
		store_release(&disk.store, 1);
	vcpu_finish(1);
	ck_assert(wait_for(!disk_status(&disk)));
	ck_assert_uint_eq(store_held(&disk.store), 0);
	ck_assert_uint_eq(disk.ring->used->idx, 10);
	for (i = 10; i < 160; i++)
		ck_assert(untouched(requests[i]));
	disk_stop(&disk);
	for (i = 0; i < 160; i++)
		request_free(requests[i]);
}
END_TEST

/* Requests of all kinds are on their way when the driver gives up, again and again. */
START_TEST(reset_storm)
{
	struct disk_config config = disk_variant(_i);
	struct request *requests[32];
	unsigned turn, i, n;

	disk_start(&disk, &config);
	for (turn = 0; turn < 40; turn++) {
		n = unit_random(32) + 1;
		for (i = 0; i < n; i++) {
			uint32_t length = (unit_random(300) + 1) * SECTOR;

			requests[i] =
				request_new_transfer(unit_random(2), unit_random(4096), length);
			request_add(&disk, requests[i], AS_LINUX);
			if (!unit_random(8))
				gvirtio_kick(&disk.v, disk.ring);
		}
		gvirtio_kick(&disk.v, disk.ring);
		unit_nap_us(unit_random(1000));
		disk_driver_stop(&disk);
		for (i = 0; i < n; i++)
			request_free(requests[i]);
		disk_driver_start(&disk, &config);
	}
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, 0, 0, 4096), VIRTIO_BLK_S_OK);
	disk_stop(&disk);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(gbatch_one_bad, 4 * DISK_VARIANTS),
		TIMES(gbatch_one_bad_status, 2 * DISK_VARIANTS),
		ONCE(a_grant_that_is_gone_fails_its_request_only),
		ONCE(a_policy_refuses_the_other_kind_of_address),
		TIMES(a_short_header_is_an_error, DISK_VARIANTS),
		TIMES(a_request_without_a_status_byte_breaks_the_queue, DISK_VARIANTS),
		TIMES(an_error_of_the_store_is_the_requests_status, 2 * DISK_VARIANTS),
		TIMES(an_error_in_one_piece_fails_the_request, 2 * DISK_VARIANTS),
		TIMES(a_flush_that_fails_is_told, DISK_VARIANTS),
		ONCE(a_copy_call_that_fails_is_tried_again_piece_by_piece),
		ONCE(a_slow_store_does_not_keep_main_from_answering),
		TIMES(after_a_reset_nothing_reaches_the_guest, DISK_VARIANTS),
		TIMES(reset_storm, DISK_VARIANTS),
	};

	return unit_main("blk-errors", disk_setup, fake_end, tests, ARRAY_SIZE(tests));
}
