/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-blk.c: what becomes of virtio-blk requests (virtio 1.2, 5.2.6) of all
 * types, shapes and places. Each test runs with data moved by a worker and by
 * the main thread, through grants and through guest-physical addresses.
 */
#include <string.h>

#include "unit/disk.h"
#include "unit/unit.h"

#define SECTOR 512u

static struct disk disk;

/* ---- types ----------------------------------------------------------------- */

static uint8_t expected_status(uint32_t type)
{
	switch (type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
	case VIRTIO_BLK_T_FLUSH:
	case VIRTIO_BLK_T_GET_ID:
	case VIRTIO_BLK_T_DISCARD: /* of no ranges */
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return VIRTIO_BLK_S_OK;
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/* Adds as many as fit, then looks at all of them. */
static void run_all(struct request **requests, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++)
		request_add(&disk, requests[i], AS_LINUX);
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(requests_wait(&disk, count));
}

static void run_types(const uint32_t *types, unsigned count)
{
	struct request *requests[256];
	unsigned i;

	for (i = 0; i < count; i++)
		requests[i] = request_new(types[i], 8, 0, SECTOR);
	run_all(requests, count);
	for (i = 0; i < count; i++) {
		ck_assert_uint_eq(request_result(requests[i]), expected_status(types[i]));
		request_free(requests[i]);
	}
}

/* All low types, each alone and with a high byte, and random ones. */
START_TEST(blk_types)
{
	struct disk_config config = disk_variant(_i);
	uint32_t types[256];
	unsigned i, turn;

	disk_start(&disk, &config);
	for (turn = 0; turn < 8; turn++) {
		for (i = 0; i < 256; i++)
			types[i] = turn == 0   ? i
				   : turn == 1 ? i | 0x80000000
				   : turn == 2 ? i << 8
					       : unit_random(UINT32_MAX);
		run_types(types, 256);
	}
	ck_assert_uint_eq(disk_status(&disk), 0xf);
	disk_stop(&disk);
}
END_TEST

/* ---- reads and writes ----------------------------------------------------------- */

/* However header, data and status are cut into segments (5.2.6.4: no assumption
 * about the framing), down to segments of one byte. */
START_TEST(blk_framing)
{
	static const uint32_t cuts[] = { 1, 2, 3, 5, 15, 16, 17, 100, 511, 512, 513, 4096, UNCUT };
	struct disk_config config = disk_variant(_i);
	unsigned i;

	/* Its limits are for drivers that know them. */
	config.without = BIT_ULL(VIRTIO_BLK_F_SEG_MAX) | BIT_ULL(VIRTIO_BLK_F_SIZE_MAX);
	disk_start(&disk, &config);
	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		disk_write_then_read(&disk, i, SECTOR, cuts[i]);
		disk_write_then_read(&disk, 100 + i, 24 * SECTOR, cuts[i]);
	}
	disk_stop(&disk);
}
END_TEST

/* Larger than a bounce buffer: in pieces, and the last one smaller. */
START_TEST(blk_larger_than_a_bounce_buffer)
{
	static const uint32_t lengths[] = { 65536 - 512, 65536, 65536 + 512, 3 * 65536 + 1024,
					    1 << 20 };
	struct disk_config config = disk_variant(_i);
	unsigned i;

	disk_start(&disk, &config);
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		disk_write_then_read(&disk, 7, lengths[i], 65536);
	disk_stop(&disk);
}
END_TEST

START_TEST(blk_more_requests_than_bounce_buffers)
{
	struct disk_config config = disk_variant(_i);
	struct request *requests[200];
	unsigned i;

	config.bounce = 64 * 4096;
	disk_start(&disk, &config);
	disk.store.hold = true;
	for (i = 0; i < 200; i++) {
		bool write = i % 3 == 1;

		requests[i] = request_new(write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, i * 8,
					  write ? 4096 : 0, write ? 0 : 4096);
		request_add(&disk, requests[i], AS_LINUX);
	}
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(wait_for(store_held(&disk.store) == 64));
	for (i = 0; i < 200; i++) {
		ck_assert(wait_for(store_held(&disk.store)));
		store_release(&disk.store, 1);
	}
	ck_assert(requests_wait(&disk, 200));
	ck_assert_uint_eq(disk.store.most_active, 64);
	for (i = 0; i < 200; i++) {
		ck_assert_uint_eq(request_result(requests[i]), VIRTIO_BLK_S_OK);
		ck_assert_mem_eq(fake_ram(request_data(requests[i])), disk.store.data + i * 4096,
				 4096);
		request_free(requests[i]);
	}
	disk_stop(&disk);
}
END_TEST

/* Each completion finds its own request, in whatever order the store is done. */
START_TEST(blk_completions_in_any_order)
{
	struct disk_config config = disk_variant(_i);
	struct request *requests[32];
	unsigned i;

	disk_start(&disk, &config);
	disk.store.hold = true;
	for (i = 0; i < 32; i++) {
		requests[i] = request_new(VIRTIO_BLK_T_IN, i * 8, 0, 4096);
		request_add(&disk, requests[i], AS_LINUX);
	}
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(wait_for(store_held(&disk.store) == 32));
	for (i = 31; i > 0; i--) { /* Fisher and Yates */
		unsigned other = unit_random(i + 1);
		struct blk_io *io = disk.store.held[i];

		disk.store.held[i] = disk.store.held[other];
		disk.store.held[other] = io;
	}
	store_release(&disk.store, 32);
	ck_assert(requests_wait(&disk, 32));
	for (i = 0; i < 32; i++) {
		ck_assert_mem_eq(fake_ram(request_data(requests[i])), disk.store.data + i * 4096,
				 4096);
		request_free(requests[i]);
	}
	disk_stop(&disk);
}
END_TEST

/* What a guest brings along beyond what the type needs is of no effect. */
START_TEST(blk_odd_shapes)
{
	struct disk_config config = disk_variant(_i);

	disk_start(&disk, &config);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, 0, 512, 512), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, 0, 512, 0), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, 0, 0, 0), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_OUT, 0, 0, 0), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_OUT, 0, 512, 512), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_FLUSH, 99999, 512, 512), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_GET_ID, 0, 512, 20), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_GET_ID, 0, 0, 0), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk_io(&disk, 77, 0, 70000, 70000), VIRTIO_BLK_S_UNSUPP);
	disk_stop(&disk);
}
END_TEST

/* ---- the used length ---------------------------------------------------------------- */

struct used_case {
	uint64_t sector;
	uint32_t type, out, in, used;
};

/* So many bytes were written at the front, without a gap: no more may be trusted. */
static const struct used_case used_cases[] = {
	{ 0, VIRTIO_BLK_T_IN, 0, 4096, 4097 },
	{ 0, VIRTIO_BLK_T_IN, 0, 0, 1 },
	{ 1u << 30, VIRTIO_BLK_T_IN, 0, 4096, 0 }, /* out of range */
	{ 0, VIRTIO_BLK_T_OUT, 4096, 0, 1 },
	{ 0, VIRTIO_BLK_T_OUT, 4096, 100, 0 },
	{ 0, VIRTIO_BLK_T_FLUSH, 0, 0, 1 },
	{ 0, VIRTIO_BLK_T_FLUSH, 0, 100, 0 },
	{ 0, VIRTIO_BLK_T_GET_ID, 0, 20, 21 },
	{ 0, VIRTIO_BLK_T_GET_ID, 0, 7, 8 },
	{ 0, VIRTIO_BLK_T_GET_ID, 0, 100, 20 },
	{ 0, 77, 0, 0, 1 },
	{ 0, 77, 0, 100, 0 },
};

START_TEST(used_len_exact)
{
	const struct used_case *c = &used_cases[_i];
	struct disk_config config = disk_variant(3);
	struct request *request;
	const uint8_t *in;
	uint32_t i;

	disk_start(&disk, &config);
	memset(disk.store.data, 0, STORE_BYTES);
	request = request_new(c->type, c->sector, c->out, c->in);
	in = fake_ram(request_data(request) + c->out);
	request_run(&disk, request, UNCUT);
	ck_assert_uint_eq(request->used, c->used);
	for (i = 0; i < c->used; i++)
		ck_assert_uint_ne(in[i], REQUEST_CANARY);
	for (i = c->used; i < c->in; i++)
		ck_assert_uint_eq(in[i], REQUEST_CANARY);
	request_free(request);
	disk_stop(&disk);
}
END_TEST

/* ---- ranges ------------------------------------------------------------------------------ */

#define MODEL_SECTORS 8u

/* Every place and length near and beyond the end of a small disk. */
START_TEST(blk_range_edges_exhaustive)
{
	struct disk_config config = disk_variant(_i & 3);
	bool write = _i & 4;
	struct request *requests[256];
	unsigned sector, sectors, n = 0;

	config.size = MODEL_SECTORS * SECTOR;
	disk_start(&disk, &config);
	for (sector = 0; sector < 12; sector++)
		for (sectors = 0; sectors < 12; sectors++, n++)
			requests[n] = request_new(write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
						  sector, write ? sectors * SECTOR : 0,
						  write ? 0 : sectors * SECTOR);
	run_all(requests, n);
	while (n--) {
		bool fits = n / 12 + n % 12 <= MODEL_SECTORS;

		ck_assert_uint_eq(request_result(requests[n]),
				  fits ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
		request_free(requests[n]);
	}
	disk_stop(&disk);
}
END_TEST

/* Where sector * 512 does not fit into 64 bits, or just does. */
START_TEST(blk_range_edges)
{
	static const uint64_t sectors[] = {
		STORE_BYTES / SECTOR - 1, STORE_BYTES / SECTOR, STORE_BYTES / SECTOR + 1,
		(1ull << 32) - 1,         1ull << 32,           (1ull << 54) - 1,
		(1ull << 55) - 8,         (1ull << 55) - 1,     1ull << 55,
		(1ull << 55) + 1,         (1ull << 56) - 1,     1ull << 63,
		(1ull << 63) - 1,         0xfffffffffffffff8,   0xffffffffffffffff,
	};
	struct disk_config config = disk_variant(3);
	uint64_t sector = sectors[_i];
	bool fits = sector < STORE_BYTES / SECTOR;

	disk_start(&disk, &config);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, sector, 0, SECTOR),
			  fits ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, sector, 0, 2 * SECTOR),
			  VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_OUT, sector, 8 * SECTOR, 0),
			  VIRTIO_BLK_S_IOERR);
	disk_stop(&disk);
}
END_TEST

START_TEST(blk_part_of_a_sector_is_refused)
{
	static const uint32_t lengths[] = { 1, 511, 513, 1023, 65537 };
	struct disk_config config = disk_variant(3);
	unsigned i;

	disk_start(&disk, &config);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, 0, 0, lengths[i]),
				  VIRTIO_BLK_S_IOERR);
		ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_OUT, 0, lengths[i], 0),
				  VIRTIO_BLK_S_IOERR);
	}
	ck_assert_uint_eq(disk.store.nlog, 0);
	disk_stop(&disk);
}
END_TEST

/* Announced limits bind a driver that took the feature. */
START_TEST(blk_limits)
{
	struct disk_config config = disk_variant(3);
	struct request *request;
	bool knows = !_i;

	if (!knows)
		config.without = BIT_ULL(VIRTIO_BLK_F_SEG_MAX) | BIT_ULL(VIRTIO_BLK_F_SIZE_MAX);
	disk_start(&disk, &config);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, 0, 0, 65536), VIRTIO_BLK_S_OK);
	request = request_new(VIRTIO_BLK_T_IN, 0, 0, 65536);
	ck_assert_uint_eq(request_run(&disk, request, UNCUT), /* a segment of one byte more */
			  knows ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
	request_free(request);
	request = request_new(VIRTIO_BLK_T_IN, 0, 0, 128 * SECTOR);
	ck_assert_uint_eq(request_run(&disk, request, SECTOR),
			  knows ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
	request_free(request);
	disk_stop(&disk);
}
END_TEST

/* ---- what the disk is ------------------------------------------------------------------------ */

START_TEST(blk_ro)
{
	struct disk_config config = disk_variant(_i);

	config.readonly = true;
	config.without = BIT_ULL(VIRTIO_BLK_F_RO); /* it is not the driver's choice */
	disk_start(&disk, &config);
	ck_assert(disk.v.offered & BIT_ULL(VIRTIO_BLK_F_RO));
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, 0, 0, 4096), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_OUT, 0, 4096, 0), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_OUT, 0, 0, 0), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk.store.nlog, 2); /* the read and the flush */
	disk_stop(&disk);
}
END_TEST

START_TEST(blk_configuration)
{
	struct disk_config config = { .size = 1000 * SECTOR + 100, .queues = 3 };
	struct gvirtio *v = &disk.v;

	disk_start(&disk, &config);
	ck_assert_uint_eq(gvirtio_config(v, 0, 4), 1000);
	ck_assert_uint_eq(gvirtio_config(v, 4, 4), 0);
	ck_assert_uint_eq(gvirtio_config(v, offsetof(struct virtio_blk_config, size_max), 4),
			  65536);
	ck_assert_uint_eq(gvirtio_config(v, offsetof(struct virtio_blk_config, seg_max), 4), 126);
	ck_assert_uint_eq(gvirtio_config(v, offsetof(struct virtio_blk_config, blk_size), 4), 512);
	ck_assert_uint_eq(gvirtio_config(v, offsetof(struct virtio_blk_config, num_queues), 2), 3);
	ck_assert(v->offered & BIT_ULL(VIRTIO_BLK_F_FLUSH));
	ck_assert(v->offered & BIT_ULL(VIRTIO_BLK_F_MQ));
	ck_assert(!(v->offered & BIT_ULL(VIRTIO_BLK_F_RO)));
	disk_stop(&disk);
}
END_TEST

START_TEST(blk_get_id)
{
	static const char *const serials[] = { NULL, "", "x", "exactly-twenty-chars" };
	struct disk_config config = { .serial = serials[_i] };
	char expected[VIRTIO_BLK_ID_BYTES] = "";
	struct request *request;

	if (serials[_i])
		memcpy(expected, serials[_i], strlen(serials[_i]));
	disk_start(&disk, &config);
	request = request_new(VIRTIO_BLK_T_GET_ID, 0, 0, VIRTIO_BLK_ID_BYTES);
	ck_assert_uint_eq(request_run(&disk, request, 7), VIRTIO_BLK_S_OK);
	ck_assert_mem_eq(fake_ram(request_data(request)), expected, sizeof(expected));
	request_free(request);
	disk_stop(&disk);
}
END_TEST

START_TEST(blk_flush_reaches_the_store)
{
	struct disk_config config = disk_variant(_i);

	disk_start(&disk, &config);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk.store.nlog, 1);
	ck_assert_uint_eq(disk.store.log[0].op, BLK_FLUSH);
	disk_stop(&disk);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(blk_types, DISK_VARIANTS),
		TIMES(blk_framing, DISK_VARIANTS),
		TIMES(blk_larger_than_a_bounce_buffer, DISK_VARIANTS),
		TIMES(blk_more_requests_than_bounce_buffers, DISK_VARIANTS),
		TIMES(blk_completions_in_any_order, DISK_VARIANTS),
		TIMES(blk_odd_shapes, DISK_VARIANTS),
		TIMES(used_len_exact, ARRAY_SIZE(used_cases)),
		TIMES(blk_range_edges_exhaustive, 2 * DISK_VARIANTS),
		TIMES(blk_range_edges, 15),
		ONCE(blk_part_of_a_sector_is_refused),
		TIMES(blk_limits, 2),
		TIMES(blk_ro, DISK_VARIANTS),
		ONCE(blk_configuration),
		TIMES(blk_get_id, 4),
		TIMES(blk_flush_reaches_the_store, DISK_VARIANTS),
	};

	return unit_main("blk", disk_setup, fake_end, tests, ARRAY_SIZE(tests));
}
