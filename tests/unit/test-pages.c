/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-pages.c: guest memory where our kernel's pages are larger than Xen's, as
 * they may be on Arm. Grants stay 4 KiB, but are mapped a kernel page apart. The
 * fake lets nobody touch what lies between them.
 */
#include <errno.h>
#include <string.h>

#include "unit/access.h"

#define SIZES 3

static const unsigned page_sizes[SIZES] = { 4096, 16384, 65536 };

static struct memory_map maps[3];
static struct memory_loan loan;

static void setup(void)
{
	access_start(4096);
}

/* True if our kernel's pages are larger than grants. */
static bool start(int size)
{
	access_page_size(page_sizes[size]);
	return page_sizes[size] != FAKE_PAGE;
}

/* Ours and the guest's bytes are the same, in both directions. */
static void assert_shown(void *at, uint64_t gpa, size_t length)
{
	void *ram = fake_ram(gpa);

	access_fill(at, length);
	ck_assert(!memcmp(at, ram, length));
	access_fill(ram, length);
	ck_assert(!memcmp(at, ram, length));
}

/* ---- rings ------------------------------------------------------------------------- */

static const struct layout {
	uint64_t offsets[3];
	size_t lengths[3];
} layouts[] = {
	{ { 0, 0x1000, 0x1240 }, { 4096, 518, 2054 } }, /* Linux's, of 256 descriptors */
	{ { 0, 0x800, 0x940 }, { 2048, 262, 1030 } },   /* of 128 */
	{ { 0x10, 0x1ffa, 0x2ff8 }, { 16, 6, 8 } },     /* at the edges of pages */
	{ { 0x2000, 0x1000, 0 }, { 4096, 4096, 4096 } },
};

static void layout_areas(const struct layout *layout, struct memory_area *areas)
{
	unsigned i;

	for (i = 0; i < 3; i++)
		areas[i] = (struct memory_area){ .address = GRANT(100, 0) + layout->offsets[i],
						 .length = layout->lengths[i],
						 .writable = i == 2 };
}

START_TEST(a_ring_whose_parts_lie_in_one_grant_each_is_mapped_by_one_call)
{
	const struct layout *layout = &layouts[_i / SIZES];
	struct memory_area areas[3];
	unsigned i;

	start(_i % SIZES);
	access_grant(100, 3, 0x60, false);
	layout_areas(layout, areas);
	fake_calls_reset();
	ck_assert_int_eq(memory_map(&memory, areas, 3, maps), 0);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_MAP), 1);
	for (i = 0; i < 3; i++)
		assert_shown(maps[i].address, 0x60000 + layout->offsets[i], layout->lengths[i]);
	memory_unmap(&memory, maps, 3);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_UNMAP), 1);
	access_assert_nothing_lent();
}
END_TEST

/* The readable part is granted read-only, so each is mapped for itself. */
START_TEST(parts_that_are_mapped_apart_are_shown)
{
	struct memory_area areas[3];
	unsigned i;

	start(_i);
	access_grant(100, 1, 0x60, true);
	access_grant(101, 1, 0x61, false);
	layout_areas(&layouts[0], areas);
	ck_assert_int_eq(memory_map(&memory, areas, 3, maps), 0);
	for (i = 0; i < 3; i++) {
		uint64_t gpa = 0x60000 + layouts[0].offsets[i];

		access_fill(fake_ram(gpa), layouts[0].lengths[i]);
		ck_assert_mem_eq(maps[i].address, fake_ram(gpa), layouts[0].lengths[i]);
	}
	memory_unmap(&memory, maps, 3);
	access_assert_nothing_lent();
}
END_TEST

/* Whichever of the three, by however little. */
START_TEST(an_area_over_two_grants_is_refused_where_there_is_a_gap)
{
	static const char *const told[SIZES] = { NULL, "pages of 16 KiB", "pages of 64 KiB" };
	unsigned size = (unsigned)_i % SIZES, bad = (unsigned)_i / SIZES;
	bool gaps = start((int)size);
	struct memory_area areas[3];
	const char *log;

	access_grant(100, 4, 0x60, false);
	layout_areas(&layouts[1], areas);
	areas[bad].address = GRANT(101, 0xff8);
	areas[bad].length = 9;
	log_capture_begin();
	ck_assert_int_eq(memory_map(&memory, areas, 3, maps), gaps ? -EOPNOTSUPP : 0);
	log = log_capture_end();
	ck_assert_uint_eq(count_lines(log), gaps);
	ck_assert(!gaps || strstr(log, told[size]));
	if (!gaps) {
		assert_shown(maps[bad].address, 0x61ff8, 9);
		memory_unmap(&memory, maps, 3);
	}
	access_assert_nothing_lent();
}
END_TEST

START_TEST(an_area_of_plain_addresses_has_no_gaps)
{
	const struct memory_area area = { 0x61ff8, 3 * FAKE_PAGE, true };

	start(_i);
	ck_assert_int_eq(memory_map(&memory, &area, 1, maps), 0);
	assert_shown(maps[0].address, 0x61ff8, 3 * FAKE_PAGE);
	memory_unmap(&memory, maps, 1);
}
END_TEST

/* ---- loans ------------------------------------------------------------------------- */

/* Piece by piece the guest's bytes from @gpa on. Returns the pieces. */
static unsigned check_pieces(unsigned piece, uint64_t gpa, size_t length, bool gaps)
{
	for (; length; piece++) {
		const struct iovec *at = &loan.pieces[piece];

		ck_assert_uint_le(at->iov_len, length);
		ck_assert(!gaps || gpa % FAKE_PAGE + at->iov_len <= FAKE_PAGE);
		assert_shown(at->iov_base, gpa, at->iov_len);
		gpa += at->iov_len;
		length -= at->iov_len;
	}
	return piece;
}

START_TEST(no_piece_of_a_loan_goes_over_a_gap)
{
	static const struct segment segments[] = { { GRANT(40, 0x800), 3 * FAKE_PAGE },
						   { GRANT(50, 0xfff), 2 },
						   { GRANT(60, 0x10), 0x20 },
						   { GRANT(70, 0), 2 * FAKE_PAGE } };
	static const uint64_t shown[] = { 0x20800, 0x30fff, 0x40010, 0x50000 };
	bool gaps = start(_i);
	unsigned i, piece = 0;

	for (i = 0; i < 4; i++)
		access_grant(40 + 10 * i, 4, 0x20 + 0x10 * i, false);
	fake_calls_reset();
	ck_assert_int_eq(memory_lend(&memory, segments, 4, true, &loan), 0);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_MAP), 1);
	ck_assert_uint_eq(fake_grants_mapped(), 9);
	for (i = 0; i < 4; i++)
		piece = check_pieces(piece, shown[i], segments[i].length, gaps);
	ck_assert_uint_eq(loan.count, gaps ? 9 : 4);
	ck_assert_uint_eq(piece, loan.count);
	access_return(&loan);
	access_assert_nothing_lent();
}
END_TEST

START_TEST(a_loan_of_more_pages_than_pieces_is_refused_where_there_are_gaps)
{
	bool gaps = start(_i);

	access_grant(40, MEMORY_LOAN_PIECES + 1, 0x100, false);
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 0), MEMORY_LOAN_PIECES * FAKE_PAGE, true), 0);
	check_pieces(0, 0x100000, (size_t)MEMORY_LOAN_PIECES * FAKE_PAGE, gaps);
	access_return(&loan);
	fake_calls_reset();
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 1), MEMORY_LOAN_PIECES * FAKE_PAGE, true),
			 gaps ? -E2BIG : 0);
	if (gaps)
		ck_assert_uint_eq(fake_syscalls(), 0);
	else
		access_return(&loan);
	access_assert_nothing_lent();
}
END_TEST

START_TEST(a_loan_of_plain_addresses_is_one_piece)
{
	start(_i);
	ck_assert_int_eq(access_lend(&loan, 0x61ff8, 3 * FAKE_PAGE, true), 0);
	ck_assert_uint_eq(loan.count, 1);
	check_pieces(0, 0x61ff8, 3 * FAKE_PAGE, false);
	access_return(&loan);
}
END_TEST

/* ---- copies ------------------------------------------------------------------------ */

START_TEST(copies_are_the_same_with_all_page_sizes)
{
	static const uint32_t offsets[] = { 0, 1, 4095 }, lengths[] = { 1, 2, 4096, 4097, 8191 };
	uint8_t local[8192], *ram = fake_ram(0x20000);
	unsigned i, j;

	start(_i / 2);
	access_grant(40, 3, 0x20, false);
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		for (j = 0; j < ARRAY_SIZE(lengths); j++) {
			access_fill(local, sizeof(local));
			access_fill(ram, 3 * FAKE_PAGE);
			ck_assert_int_eq(
				access_copy(GRANT(40, offsets[i]), local, lengths[j], _i & 1), 0);
			ck_assert_mem_eq(ram + offsets[i], local, lengths[j]);
		}
}
END_TEST

/* What the library shares is not one page behind the other then. */
START_TEST(only_pages_of_4_KiB_are_shared_with_ourselves)
{
	bool gaps = start(_i);
	struct own own;
	void *zeroed;

	own_open(&own);
	ck_assert_uint_eq(own.pages, gaps ? 0 : OWN_PAGES_MAX);
	ck_assert_uint_eq(fake_calls(FAKE_SHARE_PAGES), !gaps);
	zeroed = own_alloc(&own, 100);
	ck_assert_ptr_nonnull(zeroed);
	ck_assert_int_eq(own_page(&own, zeroed), gaps ? -1 : 0);
	own_free(&own, zeroed);
	own_close(&own);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(a_ring_whose_parts_lie_in_one_grant_each_is_mapped_by_one_call,
		      SIZES * ARRAY_SIZE(layouts)),
		TIMES(parts_that_are_mapped_apart_are_shown, SIZES),
		TIMES(an_area_over_two_grants_is_refused_where_there_is_a_gap, SIZES * 3),
		TIMES(an_area_of_plain_addresses_has_no_gaps, SIZES),
		TIMES(no_piece_of_a_loan_goes_over_a_gap, SIZES),
		TIMES(a_loan_of_more_pages_than_pieces_is_refused_where_there_are_gaps, SIZES),
		TIMES(a_loan_of_plain_addresses_is_one_piece, SIZES),
		TIMES(copies_are_the_same_with_all_page_sizes, SIZES * 2),
		TIMES(only_pages_of_4_KiB_are_shared_with_ourselves, SIZES),
	};

	return unit_main("pages", setup, access_end, tests, ARRAY_SIZE(tests));
}
