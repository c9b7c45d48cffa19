/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-windows.c: guest-physical memory through windows: what they show and for
 * how long, holes in them, and what is reported as written.
 */
#include <errno.h>
#include <string.h>

#include "unit/access.h"

static void setup(void)
{
	access_start(4096);
}

/* ---- foreign windows -------------------------------------------------------------------- */

/* How much one of them shows: all of it is mapped with its first byte. */
static uint64_t window_bytes(void)
{
	uint8_t byte;

	ck_assert_int_eq(access_copy(0, &byte, 1, false), 0);
	return (uint64_t)fake_foreign_mapped() * FAKE_PAGE;
}

/* Holes are page by page: beside one everything works. */
START_TEST(a_hole_fails_what_touches_it)
{
	uint8_t local[3 * FAKE_PAGE];
	uint32_t first, last;

	fake_hole(0x50, true);
	for (first = 0x4e; first <= 0x52; first++)
		for (last = first; last <= 0x52; last++) {
			uint64_t address = (uint64_t)first * FAKE_PAGE + 5;
			uint32_t length = (last - first) * FAKE_PAGE + 1;
			bool touches = first <= 0x50 && last >= 0x50;

			if (length > sizeof(local))
				continue;
			ck_assert_int_eq(access_copy(address, local, length, _i),
					 touches ? -EFAULT : 0);
		}
}
END_TEST

START_TEST(a_copy_over_the_border_of_two_windows)
{
	uint64_t border = window_bytes();
	uint8_t local[2 * FAKE_PAGE], *ram = fake_ram(border - FAKE_PAGE);

	access_fill(ram, sizeof(local));
	ck_assert_int_eq(access_copy(border - FAKE_PAGE, local, sizeof(local), false), 0);
	ck_assert_mem_eq(local, ram, sizeof(local));
	fake_calls_reset();
	access_fill(local, sizeof(local));
	ck_assert_int_eq(access_copy(border - FAKE_PAGE, local, sizeof(local), true), 0);
	ck_assert_mem_eq(local, ram, sizeof(local));
	ck_assert_uint_eq(fake_calls(FAKE_FOREIGN_MAP), 0); /* both windows are there */
	/* The end of memory is a hole like others. */
	ck_assert_int_eq(access_copy(fake_ram_size() - 1, local, 2, false), -EFAULT);
	ck_assert_int_eq(access_copy(fake_ram_size() - 1, local, 1, false), 0);
}
END_TEST

/* What was mapped before shows the old frame, so it is not used again. */
START_TEST(after_an_invalidation_no_old_window_is_used)
{
	uint8_t byte;

	*(uint8_t *)fake_ram(0x60000) = 1;
	ck_assert_int_eq(access_copy(0x60000, &byte, 1, false), 0);
	fake_new_frame(0x60);
	*(uint8_t *)fake_ram(0x60000) = 2;
	foreign_invalidate(memory.foreign);
	ck_assert_int_eq(access_copy(0x60000, &byte, 1, false), 0);
	ck_assert_uint_eq(byte, 2);
	fake_hole(0x60, true);
	foreign_invalidate(memory.foreign);
	ck_assert_int_eq(access_copy(0x60000, &byte, 1, false), -EFAULT);
	ck_assert_int_eq(access_copy(0x61000, &byte, 1, false), 0);
}
END_TEST

START_TEST(a_trim_unmaps_what_is_old_and_keeps_the_rest)
{
	uint64_t window = window_bytes();
	unsigned pages = (unsigned)(window / FAKE_PAGE);
	uint8_t byte;

	ck_assert_int_eq(access_copy(window, &byte, 1, false), 0);
	ck_assert_uint_eq(fake_foreign_mapped(), 2 * pages);
	foreign_trim(memory.foreign);
	ck_assert_uint_eq(fake_foreign_mapped(), 2 * pages);
	foreign_invalidate(memory.foreign);
	ck_assert_int_eq(access_copy(0, &byte, 1, false), 0);
	foreign_trim(memory.foreign);
	ck_assert_uint_eq(fake_foreign_mapped(), pages);
}
END_TEST

START_TEST(a_window_that_cannot_be_mapped_is_tried_again)
{
	uint8_t byte;

	fake_fail(FAKE_FOREIGN_MAP, 1, ENOMEM);
	ck_assert_int_eq(access_copy(0x60000, &byte, 1, false), -ENOMEM);
	ck_assert_int_eq(access_copy(0x60000, &byte, 1, false), 0);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(a_hole_fails_what_touches_it, 2),
		ONCE(a_copy_over_the_border_of_two_windows),
		ONCE(after_an_invalidation_no_old_window_is_used),
		ONCE(a_trim_unmaps_what_is_old_and_keeps_the_rest),
		ONCE(a_window_that_cannot_be_mapped_is_tried_again),
	};

	return unit_main("windows", setup, access_end, tests, ARRAY_SIZE(tests));
}
