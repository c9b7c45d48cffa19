/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-model-ioreq.c: the requests that Xen may hand over, beyond a driver's
 * plain accesses: string instructions with operands anywhere, requests that
 * are stale, of unknown types or odd sizes. All are answered and do no harm.
 */
#include <string.h>

#include "model.h"
#include "unit/unit.h"

#define BAR_SIZE    0x8000u
#define AREA        0x1000u
#define DEVICE_AREA 0x2000u
#define TABLE_AREA  0x4000u
#define WINDOW      (1ull << 20) /* foreign mappings are of this size, aligned */
#define ALL_ONES(n) (UINT64_MAX >> (64 - 8 * (n)))

static const unsigned int sizes[] = { 1, 2, 4, 8 };

static struct gblk *serve(void)
{
	model_start(FAKE_HVM, model_disk(NULL));
	return model_driver(&model_plain);
}

/* ---- string instructions --------------------------------------------------------- */

static struct fake_answer rep(bool read, uint64_t addr, uint64_t operand, uint32_t size,
			      uint32_t count, bool df)
{
	struct fake_io io = { .type = FAKE_MMIO,
			      .read = read,
			      .addr = addr,
			      .data = operand,
			      .size = size,
			      .count = count,
			      .df = df,
			      .data_is_ptr = true };

	return vcpu_io(1, &io);
}

/* As single reads would find it, from the first address on up or down. */
static void check_read_out(uint64_t from, uint64_t to, uint32_t size, uint32_t count, bool df)
{
	uint32_t back = df ? (count - 1) * size : 0, i;
	uint64_t value;

	memset(fake_ram(to), 0xa5, (size_t)count * size);
	ck_assert(rep(true, from + back, to + back, size, count, df).answered);
	for (i = 0; i < count; i++) {
		value = vcpu_mmio_read(0, from + i * size, size);
		ck_assert_mem_eq(fake_ram(to + i * size), &value, size);
	}
}

START_TEST(a_string_read_goes_both_ways)
{
	uint64_t pages, from;
	struct gblk *blk;
	unsigned int i;

	model_start(FAKE_HVM, model_disk("serial=x"));
	blk = model_driver(&model_plain);
	pages = gpage_alloc(2 * WINDOW / FAKE_PAGE);
	from = blk->v.common + DEVICE_AREA;
	for (i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		uint32_t size = sizes[i / 2];
		uint64_t window_end = (pages + WINDOW) & ~(WINDOW - 1);

		check_read_out(from, pages, size, 64 / size, i % 2);
		check_read_out(from, pages + 1, size, 64 / size, i % 2);
		check_read_out(from, pages + FAKE_PAGE - 20, size, 64 / size, i % 2);
		check_read_out(from, window_end - 20, size, 64 / size, i % 2);
		check_read_out(from, window_end - 32, size, 1, i % 2);
		check_read_out(blk->v.common + AREA - 64, pages, size, 128 / size, i % 2);
	}
	ck_assert(gblk_load(blk, 20, 4));
}
END_TEST

/* MSI-X messages are a place that keeps what is written. */
START_TEST(a_string_write_goes_both_ways)
{
	struct gblk *blk;
	uint32_t *words, i;
	uint64_t page, table;

	blk = serve();
	gblk_remove(blk);
	table = blk->v.common + TABLE_AREA;
	page = gpage_alloc(1);
	words = fake_ram(page);
	for (i = 0; i < 8; i++)
		words[i] = 0x11111111 * (i + 1);
	for (i = 0; i < 8; i++) {
		uint32_t size = i & 1 ? 4 : 8, count = 32 / size, back = (count - 1) * size;
		bool df = i & 2;

		memset(words, (int)i + 1, 16);
		rep(false, table + (df ? back : 0), page + (df ? back : 0), size, count, df);
		ck_assert_uint_eq(vcpu_mmio_read(0, table, 4), words[0]);
		ck_assert_uint_eq(vcpu_mmio_read(0, table + 16, 8),
				  words[4] | (uint64_t)words[5] << 32);
		ck_assert_uint_eq(vcpu_mmio_read(0, table + 28, 4), words[7]);
	}
}
END_TEST

/* From a hole on ones are written, and what is read is dropped. */
START_TEST(operands_in_holes_are_ones_or_nowhere)
{
	struct gblk *blk = serve();
	uint64_t table = blk->v.common + TABLE_AREA, pages = gpage_alloc(3);

	gblk_remove(blk);
	memset(fake_ram(pages), 0x22, 3 * FAKE_PAGE);
	fake_hole(pages / FAKE_PAGE + 1, true);
	fake_calls_reset();
	rep(false, table, pages + FAKE_PAGE - 8, 4, 4, false);
	ck_assert_uint_eq(vcpu_mmio_read(0, table, 8), 0x2222222222222222);
	ck_assert_uint_eq(vcpu_mmio_read(0, table + 8, 8), UINT64_MAX);
	rep(true, table, pages + FAKE_PAGE - 8, 1, 4096, false);
	ck_assert_uint_eq(*(uint64_t *)fake_ram(pages + FAKE_PAGE - 8), 0);
	ck_assert_uint_eq(*(uint64_t *)fake_ram(pages + 2 * FAKE_PAGE), 0x2222222222222222);
	ck_assert_uint_le(fake_calls(FAKE_FOREIGN_MAP), 4);
}
END_TEST

/* The device's own BAR, beyond RAM, around the ends of the address space. */
START_TEST(operands_anywhere_do_no_harm)
{
	struct gblk *blk = serve();
	const uint64_t anywhere[] = {
		0,          4,          blk->v.common,    fake_ram_size() - 4, fake_ram_size(),
		1ull << 40, 1ull << 51, (1ull << 52) - 4, 1ull << 52,          1ull << 63,
		3ull << 62, UINT64_MAX, UINT64_MAX - 4
	};
	unsigned int i;

	for (i = 0; i < 4 * ARRAY_SIZE(anywhere); i++) {
		uint64_t to = anywhere[i / 4];
		bool df = i & 1;

		rep(i & 2, blk->v.common + DEVICE_AREA + (df ? 64 : 0), to, 8, 4, df);
		rep(i & 2, blk->v.common + DEVICE_AREA + (df ? 4095 : 0), to, 1, 4096, df);
	}
	ck_assert(gblk_load(blk, 20, 4));
}
END_TEST

/* Not even the frame that was there when the window was mapped. */
START_TEST(operands_are_looked_up_anew_after_invalidate)
{
	struct gblk *blk;
	uint64_t page;

	blk = serve();
	gblk_remove(blk);
	page = gpage_alloc(1);
	rep(true, blk->v.common + DEVICE_AREA, page, 8, 1, false);
	ck_assert_uint_eq(*(uint64_t *)fake_ram(page), MODEL_DISK / 512);
	fake_new_frame(page / FAKE_PAGE);
	vcpu_invalidate(0);
	ck_assert_uint_eq(*(uint64_t *)fake_ram(page), 0);
	rep(true, blk->v.common + DEVICE_AREA, page, 8, 1, false);
	ck_assert_uint_eq(*(uint64_t *)fake_ram(page), MODEL_DISK / 512);
}
END_TEST

/* A mapping keeps frames that the guest has given away from being used elsewhere. */
START_TEST(after_invalidate_no_window_stays_mapped)
{
	uint64_t end = fake_now_ns() + 5000000000ull;
	struct gblk *blk = serve();

	ck_assert(gblk_load(blk, 20, 4));
	gblk_remove(blk);
	rep(true, blk->v.common + DEVICE_AREA, gpage_alloc(1), 8, 1, false);
	ck_assert_uint_ne(fake_foreign_mapped(), 0);
	vcpu_invalidate(0);
	while (fake_foreign_mapped() && fake_now_ns() < end)
		;
	ck_assert_uint_eq(fake_foreign_mapped(), 0);
}
END_TEST

/* ---- requests nobody should send ------------------------------------------------- */

static void check_stale(const struct fake_io *io)
{
	struct fake_answer answer;

	vcpu_begin_stale(1, (unsigned int)fake_server_id(), io);
	answer = vcpu_finish(1);
	ck_assert(answer.answered);
	if (io->read && !io->data_is_ptr && io->size && io->size <= 8)
		ck_assert_uint_eq(answer.data, ALL_ONES(io->size));
}

START_TEST(requests_of_unknown_types_read_ones)
{
	struct fake_io io = { .addr = 0xf0000000 };
	unsigned int type, i;

	model_start(FAKE_HVM, model_disk(NULL));
	for (type = 0; type < 256; type++) {
		if (type == FAKE_INVALIDATE)
			continue;
		io.type = (enum fake_io_type)type;
		for (i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
			io.read = i % 2;
			io.size = sizes[i / 2];
			check_stale(&io);
		}
	}
	ck_assert(gblk_load(model_driver(&model_plain), 20, 4));
}
END_TEST

START_TEST(requests_of_odd_sizes_and_counts_are_answered)
{
	static const uint32_t odd_sizes[] = { 0, 3, 5, 7, 9, 16, 4096, 1u << 31, UINT32_MAX };
	static const uint32_t counts[] = { 1, 2, 4096, 4097, 1u << 31, UINT32_MAX };
	struct gblk *blk = serve();
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(odd_sizes); i++)
		for (j = 0; j < 8 * ARRAY_SIZE(counts); j++) {
			struct fake_io io = { .type = j & 4 ? FAKE_MMIO : FAKE_CONFIG,
					      .read = j & 1,
					      .data_is_ptr = j & 2,
					      .addr = 0xe0000000,
					      .size = odd_sizes[i],
					      .count = counts[j / 8] };

			check_stale(&io);
			io.size = 1;
			check_stale(&io);
		}
	ck_assert(gblk_load(blk, 20, 4));
}
END_TEST

/* Ports: the daemon claims none, but one may have been on its way. */
START_TEST(port_accesses_read_ones)
{
	struct fake_io io = { .type = FAKE_PIO, .size = 1 };
	uint64_t page;
	uint32_t i;

	model_start(FAKE_HVM, model_disk(NULL));
	page = gpage_alloc(1);
	for (i = 0; i < 600; i++) {
		io.addr = i < 300 ? i : guest_random(0x10000);
		io.size = sizes[guest_random(3)];
		io.read = i % 2;
		check_stale(&io);
	}
	io = (struct fake_io){ .type = FAKE_PIO,
			       .read = true,
			       .addr = 0x1f0,
			       .size = 2,
			       .count = 256,
			       .data = page + 1,
			       .data_is_ptr = true };
	check_stale(&io);
	ck_assert_uint_eq(((uint8_t *)fake_ram(page))[0], 0);
	for (i = 1; i <= 512; i++)
		ck_assert_uint_eq(((uint8_t *)fake_ram(page))[i], 0xff);
}
END_TEST

/* The BAR has moved away, the function never was there. */
START_TEST(stale_requests_read_ones)
{
	struct gblk *blk;
	struct fake_io bar = { .type = FAKE_MMIO, .read = true, .size = 4 };
	struct fake_io config = { .type = FAKE_CONFIG, .read = true, .size = 4 };
	unsigned int i;

	blk = serve();
	bar.addr = blk->v.common;
	gpci_enable(&blk->v.pci, false);
	check_stale(&bar);
	bar.read = false;
	check_stale(&bar);
	gpci_enable(&blk->v.pci, true);
	bar.read = true;
	for (i = 1; i < 4; i++) { /* across the end of the BAR */
		bar.addr = blk->v.common + BAR_SIZE - i;
		check_stale(&bar);
	}
	for (i = 0; i < 1000; i++) {
		config.addr = (uint64_t)guest_random(UINT32_MAX) << 32 | guest_random(UINT32_MAX);
		config.addr &= ~(0xffull << 32); /* never our function */
		check_stale(&config);
	}
	ck_assert(gblk_load(blk, 20, 4));
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(a_string_read_goes_both_ways),
		ONCE(a_string_write_goes_both_ways),
		ONCE(operands_in_holes_are_ones_or_nowhere),
		ONCE(operands_anywhere_do_no_harm),
		ONCE(operands_are_looked_up_anew_after_invalidate),
		ONCE(after_invalidate_no_window_stays_mapped),
		ONCE(requests_of_unknown_types_read_ones),
		ONCE(requests_of_odd_sizes_and_counts_are_answered),
		ONCE(port_accesses_read_ones),
		ONCE(stale_requests_read_ones),
	};

	return unit_main("model-ioreq", model_setup, model_teardown, tests, ARRAY_SIZE(tests));
}
