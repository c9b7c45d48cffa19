/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-lend-grants.c: grants lent in place of a buffer: how they are mapped,
 * who shares a mapping with whom, and when there is none to be had.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "unit/access.h"

#define MAPS 2048u /* open at a time */

static struct memory_loan loan, other, loans[MAPS];

static void setup(void)
{
	access_start(4096);
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

START_TEST(segments_of_grants_lie_one_behind_the_other)
{
	static const struct segment segments[] = { { GRANT(40, 0x800), 0x1000 },
						   { GRANT(50, 0xfff), 2 },
						   { GRANT(60, 0), FAKE_PAGE } };
	static const struct segment shown[] = { { 0x20800, 0x1000 },
						{ 0x30fff, 2 },
						{ 0x40000, FAKE_PAGE } };
	unsigned i;

	access_grant(40, 2, 0x20, false);
	access_grant(50, 2, 0x30, false);
	access_grant(60, 1, 0x40, false);
	fake_calls_reset();
	ck_assert_int_eq(lend(segments, 3, true), 0);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_MAP), 1);
	ck_assert_uint_eq(fake_grants_mapped(), 5);
	ck_assert_uint_eq(loan.count, 3);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(loan.pieces[i].iov_len, shown[i].length);
		access_fill(loan.pieces[i].iov_base, shown[i].length);
		ck_assert_mem_eq(loan.pieces[i].iov_base, fake_ram(shown[i].address),
				 shown[i].length);
	}
	access_return(&loan);
	access_assert_nothing_lent();
}
END_TEST

START_TEST(more_pages_than_a_map_has_are_refused)
{
	static const struct segment cut[] = { { GRANT(40, 0), 256 * FAKE_PAGE },
					      { GRANT(296, 1), 256 * FAKE_PAGE } };

	access_grant(40, 513, 0x100, false);
	fake_calls_reset();
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 0), 513 * FAKE_PAGE, true), -E2BIG);
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 1), 512 * FAKE_PAGE, true), -E2BIG);
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 0), UINT32_MAX, true), -E2BIG);
	ck_assert_int_eq(lend(cut, 2, true), -E2BIG);
	ck_assert_uint_eq(fake_syscalls(), 0);
	access_assert_nothing_lent();
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 0), 512 * FAKE_PAGE, true), 0);
	ck_assert_uint_eq(fake_grants_mapped(), 512);
	access_return(&loan);
	access_assert_nothing_lent();
}
END_TEST

/* May the kernel write there? */
static bool is_writable(const struct memory_loan *what)
{
	int fds[2];
	bool ok;

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	ok = read(fds[0], what->pieces[0].iov_base, 1) == 1;
	close(fds[0]);
	close(fds[1]);
	return ok;
}

START_TEST(a_readonly_grant_is_lent_for_reading_only)
{
	*(uint8_t *)fake_ram(0x20000) = 7;
	access_grant(40, 1, 0x20, true);
	access_grant(50, 1, 0x30, false);
	ck_assert_int_lt(access_lend(&loan, GRANT(40, 0), 8, true), 0);
	access_assert_nothing_lent();
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 0), 8, false), 0);
	ck_assert_uint_eq(byte_at(&loan), 7);
	ck_assert(!is_writable(&loan));
	access_return(&loan);
	ck_assert_int_eq(access_lend(&loan, GRANT(50, 0), 8, false), 0);
	ck_assert(!is_writable(&loan)); /* nor is another one, lent for reading */
	access_return(&loan);
	ck_assert_int_eq(access_lend(&loan, GRANT(50, 0), 8, true), 0);
	ck_assert(is_writable(&loan));
	access_return(&loan);
}
END_TEST

/* One reference is not granted, or for reading only: nothing is lent. */
START_TEST(one_bad_reference_spoils_the_loan)
{
	const struct segment segments[] = { { GRANT(40, 0), 2 * FAKE_PAGE },
					    { GRANT(50, 0), 2 * FAKE_PAGE } };
	static const uint32_t references[] = { 40, 41, 50, 51 };
	uint32_t bad = references[_i / 2];

	access_grant(40, 2, 0x20, false);
	access_grant(50, 2, 0x30, false);
	if (_i & 1)
		fake_grant(bad, 0x38, true);
	else
		fake_grant_revoke(bad);
	ck_assert_int_lt(lend(segments, 2, true), 0);
	access_assert_nothing_lent();
	fake_grant(bad, 0x38, false);
	ck_assert_int_eq(lend(segments, 2, true), 0);
	access_return(&loan);
	access_assert_nothing_lent();
}
END_TEST

/* The same pages for the same access, whatever bytes of them. */
START_TEST(a_run_of_references_is_mapped_once)
{
	access_grant(40, 2, 0x20, false);
	fake_calls_reset();
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 0), 2 * FAKE_PAGE, _i), 0);
	ck_assert_int_eq(access_lend(&other, GRANT(40, 100), FAKE_PAGE, _i), 0);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_MAP), 1);
	ck_assert_uint_eq(fake_grants_mapped(), 2);
	ck_assert_ptr_eq(other.pieces[0].iov_base, (uint8_t *)loan.pieces[0].iov_base + 100);
	access_return(&loan);
	ck_assert_uint_eq(fake_grants_mapped(), 2);
	*(uint8_t *)fake_ram(0x20064) = 9;
	ck_assert_uint_eq(byte_at(&other), 9);
	access_return(&other);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_UNMAP), 1);
	access_assert_nothing_lent();
	/* Nothing is kept: the reference may mean another page now. */
	fake_grant(40, 0x30, false);
	*(uint8_t *)fake_ram(0x30000) = 5;
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 0), 8, _i), 0);
	ck_assert_uint_eq(byte_at(&loan), 5);
	access_return(&loan);
}
END_TEST

/* Nobody's unmapping waits for somebody who needs less, or something else. */
START_TEST(what_is_not_the_same_is_mapped_for_itself)
{
	static const struct {
		uint64_t address;
		uint32_t length;
		bool writable;
	} others[] = {
		{ GRANT(40, 0), 3 * FAKE_PAGE, false },    /* other access */
		{ GRANT(40, 0), 2 * FAKE_PAGE, true },     /* the first pages */
		{ GRANT(40, 0), 3 * FAKE_PAGE + 1, true }, /* and more */
		{ GRANT(41, 0), 2 * FAKE_PAGE, true },     /* the last pages */
		{ GRANT(41, 0), 3 * FAKE_PAGE, true },     /* as many, but others */
	};

	access_grant(40, 4, 0x20, false);
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 0), 3 * FAKE_PAGE, true), 0);
	ck_assert_int_eq(
		access_lend(&other, others[_i].address, others[_i].length, others[_i].writable), 0);
	ck_assert_uint_eq(fake_maps(), 2);
	access_return(_i & 1 ? &other : &loan);
	ck_assert_uint_eq(fake_maps(), 1);
	memset(fake_ram(0x20000), 9, 4 * FAKE_PAGE);
	ck_assert_uint_eq(byte_at(_i & 1 ? &loan : &other), 9);
	access_return(_i & 1 ? &loan : &other);
	access_assert_nothing_lent();
}
END_TEST

START_TEST(loans_of_several_segments_are_not_shared)
{
	static const struct segment segments[] = { { GRANT(40, 0), FAKE_PAGE },
						   { GRANT(41, 0), FAKE_PAGE } };

	access_grant(40, 2, 0x20, false);
	ck_assert_int_eq(lend(segments, 2, true), 0);
	ck_assert_int_eq(memory_lend(&memory, segments, 2, true, &other), 0);
	ck_assert_uint_eq(fake_maps(), 2);
	access_return(&loan);
	ck_assert_uint_eq(fake_grants_mapped(), 2);
	/* Nor is it the run of the same references. */
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 0), 2 * FAKE_PAGE, true), 0);
	ck_assert_uint_eq(fake_maps(), 2);
	access_return(&other);
	ck_assert_uint_eq(fake_grants_mapped(), 2);
	access_return(&loan);
	access_assert_nothing_lent();
}
END_TEST

/* Runs whose first references fall on one another in a table do not mix up. */
START_TEST(many_runs_at_once_find_their_own)
{
	unsigned i, n = 0;

	for (i = 0; i < 8; i++) {
		access_grant(40 + i * 1024, 2, 0x100 + 2 * i, false);
		memset(fake_ram(0x100000 + i * 0x2000), (int)(i + 1), 2 * FAKE_PAGE);
	}
	for (i = 0; i < 32; i++)
		ck_assert_int_eq(access_lend(&loans[n++], GRANT(40 + i % 8 * 1024, 0),
					     (i / 8 % 2 + 1) * FAKE_PAGE, true),
				 0);
	ck_assert_uint_eq(fake_maps(), 16);
	for (i = 0; i < 32; i++)
		ck_assert_uint_eq(byte_at(&loans[i]), i % 8 + 1);
	for (i = 0; i < 32; i++)
		access_return(&loans[(i * 7 + 3) % 32]);
	access_assert_nothing_lent();
}
END_TEST

/* Two calls to map, two to unmap, however many pages in whatever segments. */
START_TEST(a_loan_of_grants_costs_two_calls_each_way)
{
	struct segment segments[64];
	unsigned i;

	access_grant(40, 512, 0x100, false);
	for (i = 0; i < 64; i++)
		segments[i] = (struct segment){ GRANT(40 + 2 * i, 0), FAKE_PAGE };
	fake_calls_reset();
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 0), 512 * FAKE_PAGE, true), 0);
	ck_assert_uint_eq(fake_syscalls(), 2);
	fake_calls_reset();
	access_return(&loan);
	ck_assert_uint_eq(fake_syscalls(), 2);
	ck_assert_int_eq(lend(segments, 64, true), 0);
	fake_calls_reset();
	access_return(&loan);
	ck_assert_uint_eq(fake_syscalls(), 2);
}
END_TEST

/* ---- when there is no more ------------------------------------------------------------ */

START_TEST(what_xen_cannot_map_is_an_error_for_now)
{
	access_grant(40, 8, 0x20, false);
	fake_maptrack(5);
	ck_assert_int_lt(access_lend(&loan, GRANT(40, 0), 8 * FAKE_PAGE, true), 0);
	access_assert_nothing_lent();
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 0), 4 * FAKE_PAGE, true), 0);
	ck_assert_int_lt(access_lend(&other, GRANT(44, 0), 2 * FAKE_PAGE, true), 0);
	ck_assert_uint_eq(other.count, 0);
	access_return(&loan);
	ck_assert_int_eq(access_lend(&other, GRANT(44, 0), 2 * FAKE_PAGE, true), 0);
	access_return(&other);
	fake_maptrack(UINT32_MAX);
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 0), 8 * FAKE_PAGE, true), 0);
	access_return(&loan);
	access_assert_nothing_lent();
}
END_TEST

START_TEST(there_is_a_most_of_mappings)
{
	unsigned i;

	access_grant(40, MAPS + 1, 0x100, false);
	for (i = 0; i < MAPS; i++)
		ck_assert_int_eq(access_lend(&loans[i], GRANT(40 + i, 0), 8, true), 0);
	ck_assert_uint_eq(grants_mapped(memory.grants), MAPS);
	fake_calls_reset();
	ck_assert_int_eq(access_lend(&loan, GRANT(40 + MAPS, 0), 8, true), -ENOSPC);
	ck_assert_uint_eq(fake_syscalls(), 0);
	ck_assert_int_eq(access_lend(&other, GRANT(40, 0), 8, true), 0); /* shared */
	access_return(&other);
	access_return(&loans[7]);
	ck_assert_int_eq(access_lend(&loan, GRANT(40 + MAPS, 0), 8, true), 0);
	access_return(&loan);
	for (i = 0; i < MAPS; i++)
		memory_return(&memory, &loans[i]);
	access_assert_nothing_lent();
}
END_TEST

START_TEST(a_mapping_that_fails_leaves_nothing)
{
	access_grant(40, 2, 0x20, false);
	fake_fail(FAKE_GRANT_MAP, 1, ENOMEM);
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 0), 8, true), -ENOMEM);
	access_assert_nothing_lent();
	fake_fail(FAKE_FOREIGN_MAP, 2, ENOMEM); /* the first looks for the pages alone */
	ck_assert_int_eq(access_lend(&loan, 0x20000, 8, true), -ENOMEM);
	access_assert_nothing_lent();
	ck_assert_int_eq(access_lend(&loan, GRANT(40, 0), 8, true), 0);
	access_return(&loan);
	ck_assert_int_eq(access_lend(&loan, 0x20000, 8, true), 0);
	access_return(&loan);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(segments_of_grants_lie_one_behind_the_other),
		ONCE(more_pages_than_a_map_has_are_refused),
		ONCE(a_readonly_grant_is_lent_for_reading_only),
		TIMES(one_bad_reference_spoils_the_loan, 8),
		TIMES(a_run_of_references_is_mapped_once, 2),
		TIMES(what_is_not_the_same_is_mapped_for_itself, 5),
		ONCE(loans_of_several_segments_are_not_shared),
		ONCE(many_runs_at_once_find_their_own),
		ONCE(a_loan_of_grants_costs_two_calls_each_way),
		ONCE(what_xen_cannot_map_is_an_error_for_now),
		ONCE(there_is_a_most_of_mappings),
		ONCE(a_mapping_that_fails_leaves_nothing),
	};

	return unit_main("lend-grants", setup, access_end, tests, ARRAY_SIZE(tests));
}
