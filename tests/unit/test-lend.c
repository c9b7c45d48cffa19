/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-lend.c: guest memory lent in place of a buffer: what a loan shows and
 * for how long, which loans share a mapping, what cannot be lent.
 */
#include <errno.h>
#include <string.h>

#include "unit/access.h"

#define WINDOW       (64u << 10)
#define WINDOW_PAGES (WINDOW / FAKE_PAGE)

static struct memory_loan loan, other;

static const struct foreign_options small = { .window_bytes = WINDOW };

static void setup(void)
{
	access_start(4096);
	access_windows(&small);
}

static int lend(const struct segment *segments, unsigned count, bool writable)
{
	int err = memory_lend(&memory, segments, count, writable, &loan);

	ck_assert_int_eq(!loan.count, err != 0);
	return err;
}

static uint8_t byte_at(const struct memory_loan *of)
{
	return *(uint8_t *)of->pieces[0].iov_base;
}

/* ---- what it shows ---------------------------------------------------------- */

/* Moves all bytes of the loan to or from @local; returns how many there are. */
static size_t move(uint8_t *local, bool to_guest)
{
	size_t done = 0;
	unsigned i;

	for (i = 0; i < loan.count; i++) {
		const struct iovec *piece = &loan.pieces[i];

		if (to_guest)
			memcpy(piece->iov_base, local + done, piece->iov_len);
		else
			memcpy(local + done, piece->iov_base, piece->iov_len);
		done += piece->iov_len;
	}
	return done;
}

static void show(uint64_t address, uint32_t offset, uint32_t length, bool to_guest)
{
	uint8_t local[3 * FAKE_PAGE], *ram = fake_ram(0x20000);

	access_fill(local, sizeof(local));
	memset(ram, 0x11, 4 * FAKE_PAGE);
	if (!to_guest)
		access_fill(ram + offset, length);
	ck_assert_int_eq(access_lend(&loan, address + offset, length, to_guest), 0);
	ck_assert(move(local, to_guest) == length && !memcmp(local, ram + offset, length));
	ck_assert(!offset || ram[offset - 1] == 0x11);
	ck_assert(ram[offset + length] == 0x11);
	access_return(&loan);
}

/* Any place and length over three pages, in both directions, of both kinds. */
START_TEST(a_loan_shows_the_guests_bytes)
{
	static const uint32_t offsets[] = { 0, 1, 7, 2048, 4095 };
	static const uint32_t lengths[] = { 1, 2, 100, 4095, 4096, 4097, 8191 };
	unsigned i, j;

	access_grant(40, 4, 0x20, false);
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		for (j = 0; j < ARRAY_SIZE(lengths); j++)
			show(_i & 2 ? GRANT(40, 0) : 0x20000, offsets[i], lengths[j], _i & 1);
	access_assert_nothing_lent();
}
END_TEST

START_TEST(what_follows_in_a_window_is_one_piece)
{
	static const struct segment segments[] = { { 0x20000, 100 },
						   { 0x20064, 5000 },
						   { 0x213ec, 1 },
						   { 0x213ee, 1 }, /* behind a gap */
						   { 0x20000, 100 } };

	ck_assert_int_eq(lend(segments, 5, false), 0);
	ck_assert_uint_eq(loan.count, 3);
	ck_assert_uint_eq(loan.pieces[0].iov_len, 5101);
	ck_assert_uint_eq(loan.pieces[1].iov_len, 1);
	ck_assert_ptr_eq(loan.pieces[2].iov_base, loan.pieces[0].iov_base);
	ck_assert_uint_eq(foreign_lent(memory.foreign), 1);
	access_return(&loan);
	access_assert_nothing_lent();
}
END_TEST

START_TEST(at_a_windows_border_a_piece_ends)
{
	uint8_t local[2 * WINDOW], *ram = fake_ram(0x2f000);

	access_fill(ram, sizeof(local));
	ck_assert_int_eq(access_lend(&loan, 0x2f000, sizeof(local), false), 0);
	ck_assert_uint_eq(loan.count, 3);
	ck_assert_uint_eq(loan.pieces[0].iov_len, 0x1000);
	ck_assert_uint_eq(loan.pieces[1].iov_len, WINDOW);
	ck_assert_uint_eq(loan.pieces[2].iov_len, 0xf000);
	ck_assert_uint_eq(foreign_lent(memory.foreign), 3);
	ck_assert_uint_eq(move(local, false), sizeof(local));
	ck_assert_mem_eq(local, ram, sizeof(local));
	access_return(&loan);
	access_assert_nothing_lent();
}
END_TEST

/* ---- windows that come and go ------------------------------------------------- */

/* In whatever place of the list the hole is. */
START_TEST(a_hole_is_not_lent_and_nothing_stays_lent)
{
	const struct segment segments[] = {
		{ 0x20000, 8 }, { 0x40000, 8 }, { 0x4f000, 0x3000 }, { 0x80000, 8 }
	};
	const uint64_t holes[] = { 0x20, 0x40, 0x51, 0x80 };

	fake_hole(holes[_i], true);
	ck_assert_int_eq(lend(segments, 4, true), -EFAULT);
	access_assert_nothing_lent();
	fake_hole(holes[_i], false);
	ck_assert_int_eq(lend(segments, 4, true), 0);
	access_return(&loan);
	access_assert_nothing_lent();
}
END_TEST

/* What was lent before shows the old frame until it is returned; who looks
 * afterwards sees the new one. */
START_TEST(an_invalidation_does_not_take_a_loan_away)
{
	*(uint8_t *)fake_ram(0x20000) = 1;
	ck_assert_int_eq(access_lend(&loan, 0x20000, 8, true), 0);
	fake_new_frame(0x20);
	*(uint8_t *)fake_ram(0x20000) = 2;
	foreign_invalidate(memory.foreign);
	if (_i)
		foreign_trim(memory.foreign);
	ck_assert_uint_eq(byte_at(&loan), 1);
	ck_assert_int_eq(access_lend(&other, 0x20000, 8, true), 0);
	ck_assert_uint_eq(byte_at(&other), 2);
	ck_assert_uint_eq(foreign_lent(memory.foreign), 2);
	ck_assert_uint_eq(fake_foreign_mapped(), 2 * WINDOW_PAGES);
	*(uint8_t *)loan.pieces[0].iov_base = 3;
	ck_assert_uint_eq(*(uint8_t *)fake_ram(0x20000), 2);
	access_return(&loan);
	ck_assert_uint_eq(fake_foreign_mapped(), WINDOW_PAGES);
	ck_assert_uint_eq(byte_at(&other), 2);
	access_return(&other);
	ck_assert_uint_eq(fake_foreign_mapped(), WINDOW_PAGES); /* kept for others */
	access_assert_nothing_lent();
}
END_TEST

/* A trim alone drops it when it comes back, without another lookup. */
START_TEST(an_old_window_goes_as_it_is_returned)
{
	ck_assert_int_eq(access_lend(&loan, 0x20000, 8, true), 0);
	ck_assert_int_eq(access_lend(&other, 0x20800, 8, true), 0);
	foreign_invalidate(memory.foreign);
	foreign_trim(memory.foreign);
	access_return(&loan);
	ck_assert_uint_eq(fake_foreign_mapped(), WINDOW_PAGES);
	access_return(&other);
	ck_assert_uint_eq(fake_foreign_mapped(), 0);
}
END_TEST

/* Windows have 4096 slots: what lies so far behind takes the slot. */
START_TEST(a_window_that_lost_its_slot_stays_while_it_is_lent)
{
	uint64_t far = 4096ull * WINDOW + 0x20000;

	access_end();
	access_start(4096 * (WINDOW / FAKE_PAGE) + 64);
	access_windows(&small);
	*(uint8_t *)fake_ram(0x20000) = 1;
	ck_assert_int_eq(access_lend(&loan, 0x20000, 8, true), 0);
	ck_assert_int_eq(access_lend(&other, far, 8, true), 0);
	access_return(&other);
	ck_assert_uint_eq(byte_at(&loan), 1);
	ck_assert_int_eq(access_lend(&other, 0x20000, 8, true), 0);
	ck_assert_ptr_ne(other.pieces[0].iov_base, loan.pieces[0].iov_base);
	*(uint8_t *)loan.pieces[0].iov_base = 2;
	ck_assert_uint_eq(byte_at(&other), 2);
	access_return(&other);
	ck_assert_uint_eq(byte_at(&loan), 2);
	access_return(&loan);
	ck_assert_uint_eq(fake_foreign_mapped(), WINDOW_PAGES);
}
END_TEST

START_TEST(a_loan_of_plain_memory_costs_no_call)
{
	ck_assert_int_eq(access_lend(&loan, 0x20000, 100, true), 0);
	access_return(&loan);
	fake_calls_reset();
	ck_assert_int_eq(access_lend(&loan, 0x20000, WINDOW, true), 0);
	access_return(&loan);
	ck_assert_uint_eq(fake_syscalls(), 0);
}
END_TEST

/* ---- every window is lent --------------------------------------------------------- */

#define ALL_WINDOWS 4096u
#define LOAN_BYTES  (128u * WINDOW)

static struct memory_loan loans[ALL_WINDOWS / 128];

static void lend_every_window(void)
{
	unsigned i;

	for (i = 0; i < ALL_WINDOWS / 128; i++)
		ck_assert_int_eq(access_lend(&loans[i], (uint64_t)i * LOAN_BYTES, LOAN_BYTES, true),
				 0);
	ck_assert_uint_eq(foreign_lent(memory.foreign), ALL_WINDOWS);
}

/* All of a large memory is lent as it was before an invalidation. */
START_TEST(when_every_window_is_lent_others_wait)
{
	unsigned i;

	access_end();
	access_start(ALL_WINDOWS * WINDOW_PAGES);
	access_windows(&small);
	lend_every_window();
	foreign_invalidate(memory.foreign);
	ck_assert_int_eq(access_lend(&loan, 0x20000, 8, true), -ENOMEM);
	ck_assert_uint_eq(loan.count, 0);
	access_return(&loans[1]);
	ck_assert_int_eq(access_lend(&loan, 0x20000, 8, true), 0);
	access_return(&loan);
	for (i = 0; i < ALL_WINDOWS / 128; i++)
		memory_return(&memory, &loans[i]);
	access_assert_nothing_lent();
	ck_assert_uint_le(fake_foreign_mapped(), ALL_WINDOWS * WINDOW_PAGES);
}
END_TEST

/* ---- what is worth lending, and what may be ------------------------------------------ */

START_TEST(small_grants_are_not_lent)
{
	static const struct {
		uint64_t map_from;
		size_t length;
		bool lends;
	} cases[] = {
		{ 0, 1, false },      { 0, 1 << 20, false },          { 4096, 4095, false },
		{ 4096, 4096, true }, { 4096, 4097, true },           { 1, 1, true },
		{ 1, 0, false },      { 1ull << 40, 1 << 20, false },
	};

	memory.options.map_from = cases[_i].map_from;
	ck_assert_int_eq(memory_lends(&memory, GRANT(8, 0), cases[_i].length), cases[_i].lends);
	ck_assert_int_eq(memory_lends(&memory, 0x20000, cases[_i].length), cases[_i].length != 0);
}
END_TEST

START_TEST(the_policy_decides_what_may_be_lent)
{
	static const int expected[][2] = {
		[MEMORY_AUTO] = { 0, 0 },
		[MEMORY_GRANTS] = { -EPERM, 0 },
		[MEMORY_FOREIGN] = { 0, -EPERM },
	};

	access_grant(40, 1, 0x20, false);
	memory.options.policy = (enum memory_policy)_i;
	ck_assert_int_eq(access_lend(&loan, 0x20000, 8, true), expected[_i][0]);
	access_return(&loan);
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 0), 8, true), expected[_i][1]);
	access_return(&loan);
	access_assert_nothing_lent();
}
END_TEST

/* The other kind is refused wherever it stands. */
START_TEST(kinds_cannot_be_mixed)
{
	struct segment segments[3];
	unsigned i;

	access_grant(40, 1, 0x20, false);
	for (i = 0; i < 3; i++)
		segments[i] = (struct segment){ (_i + 1) >> i & 1 ? GRANT(40, 0) : 0x30000, 8 };
	fake_calls_reset();
	ck_assert_int_eq(lend(segments, 3, true), -EXDEV);
	ck_assert_uint_eq(fake_syscalls(), 0);
	access_assert_nothing_lent();
}
END_TEST

START_TEST(addresses_that_cannot_be_are_refused_before_any_call)
{
	unsigned bit;

	fake_calls_reset();
	for (bit = 44; bit <= 62; bit++)
		ck_assert_int_eq(access_lend(&loan, GRANT(8, 0) | BIT_ULL(bit), 1, false), -EFAULT);
	ck_assert_int_eq(access_lend(&loan, GRANT(0xffffffff, 4095), 2, false), -EFAULT);
	ck_assert_int_eq(access_lend(&loan, UINT64_MAX, 1, false), -EFAULT);
	for (bit = 52; bit <= 62; bit++)
		ck_assert_int_eq(access_lend(&loan, BIT_ULL(bit), 1, false), -EFAULT);
	ck_assert_int_eq(access_lend(&loan, (1ull << 52) - 1, 2, false), -EFAULT);
	ck_assert_int_eq(access_lend(&loan, INT64_MAX, UINT32_MAX, false), -EFAULT);
	ck_assert_uint_eq(fake_syscalls(), 0);
	access_assert_nothing_lent();
}
END_TEST

/* The last reference there can be, which this guest has not granted. */
START_TEST(the_last_addresses_fail_as_what_is_not_there)
{
	ck_assert_int_lt(access_lend(&loan, GRANT(0xffffffff, 0), 4096, false), 0);
	ck_assert_int_eq(access_lend(&loan, (1ull << 52) - 1, 1, false), -EFAULT);
	access_assert_nothing_lent();
}
END_TEST

/* Every page lies apart from the one before. */
static unsigned list_apart(struct segment *segments, unsigned count, bool granted)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		fake_grant(100 + 2 * i, 0x100 + 2 * i, false);
		segments[i].address = granted ? GRANT(100 + 2 * i, 0) : 0x100000 + 0x2000 * i;
		segments[i].length = FAKE_PAGE;
	}
	return count;
}

START_TEST(more_pieces_than_a_loan_has_are_refused)
{
	struct segment segments[MEMORY_LOAN_PIECES + 1];
	unsigned count = list_apart(segments, MEMORY_LOAN_PIECES + 1, _i);

	ck_assert_int_eq(lend(segments, count, true), -E2BIG);
	access_assert_nothing_lent();
	ck_assert_int_eq(lend(segments, MEMORY_LOAN_PIECES - 1, true), 0);
	ck_assert_uint_eq(loan.count, MEMORY_LOAN_PIECES - 1);
	access_return(&loan);
	access_assert_nothing_lent();
}
END_TEST

/* Few segments, but windows cut them. */
START_TEST(more_windows_than_a_loan_has_are_refused)
{
	ck_assert_int_eq(access_lend(&loan, 0x8000, 131 * WINDOW, true), -E2BIG);
	access_assert_nothing_lent();
	ck_assert_int_eq(access_lend(&loan, 0x8000, 128 * WINDOW, true), 0);
	ck_assert_uint_eq(loan.count, 129);
	access_return(&loan);
	access_assert_nothing_lent();
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(a_loan_shows_the_guests_bytes, 4),
		ONCE(what_follows_in_a_window_is_one_piece),
		ONCE(at_a_windows_border_a_piece_ends),
		TIMES(a_hole_is_not_lent_and_nothing_stays_lent, 4),
		TIMES(an_invalidation_does_not_take_a_loan_away, 2),
		ONCE(an_old_window_goes_as_it_is_returned),
		ONCE(a_window_that_lost_its_slot_stays_while_it_is_lent),
		ONCE(a_loan_of_plain_memory_costs_no_call),
		ONCE(when_every_window_is_lent_others_wait),
		TIMES(small_grants_are_not_lent, 8),
		TIMES(the_policy_decides_what_may_be_lent, 3),
		TIMES(kinds_cannot_be_mixed, 6),
		ONCE(addresses_that_cannot_be_are_refused_before_any_call),
		ONCE(the_last_addresses_fail_as_what_is_not_there),
		TIMES(more_pieces_than_a_loan_has_are_refused, 2),
		ONCE(more_windows_than_a_loan_has_are_refused),
	};

	return unit_main("lend", setup, access_end, tests, ARRAY_SIZE(tests));
}
