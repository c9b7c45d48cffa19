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

	fake_fail(FAKE_FOREIGN_MAP, 2, ENOMEM); /* the first looks for the page alone */
	ck_assert_int_eq(access_copy(0x60000, &byte, 1, false), -ENOMEM);
	ck_assert_int_eq(access_copy(0x60000, &byte, 1, false), 0);
}
END_TEST

/* The same as memory that is not there, but for a line in the log. */
START_TEST(a_policy_that_forbids_to_map_is_said_in_one_line)
{
	const char *log;
	uint8_t byte;

	fake_fail(FAKE_FOREIGN_MAP, 1, EACCES);
	log_capture_begin();
	ck_assert_int_eq(access_copy(0x60000, &byte, 1, false), -EFAULT);
	log = log_capture_end();
	ck_assert_uint_eq(count_lines(log), 1);
	ck_assert_ptr_nonnull(strstr(log, "domain 7: cannot map its memory: Permission denied"));
}
END_TEST

/* ---- their size --------------------------------------------------------------------------- */

static void use_windows(uint32_t bytes, bool report)
{
	const struct foreign_options options = { .window_bytes = bytes, .report_writes = report };

	access_windows(&options);
}

/* From the smallest to the largest: copies anywhere, over two borders. */
START_TEST(windows_of_every_size)
{
	uint32_t bytes = FOREIGN_WINDOW_MIN << _i;
	uint64_t at = (uint64_t)bytes - FAKE_PAGE - 1;
	uint8_t local[4 * FAKE_PAGE];

	access_end();
	access_start(8192 + 16); /* 32 MiB and a little */
	use_windows(bytes, false);
	ck_assert_uint_eq(window_bytes(), bytes);
	for (; at + sizeof(local) <= fake_ram_size(); at += bytes) {
		access_fill(fake_ram(at), sizeof(local));
		ck_assert_int_eq(access_copy(at, local, sizeof(local), false), 0);
		ck_assert_mem_eq(local, fake_ram(at), sizeof(local));
		access_fill(local, sizeof(local));
		ck_assert_int_eq(access_copy(at, local, sizeof(local), true), 0);
		ck_assert_mem_eq(local, fake_ram(at), sizeof(local));
	}
	ck_assert_int_eq(access_copy(fake_ram_size() - 1, local, 2, true), -EFAULT);
	ck_assert_int_eq(access_copy(fake_ram_size() - 1, local, 1, true), 0);
}
END_TEST

/* ---- what a hole costs --------------------------------------------------------------------- */

/* One small probe each time, and never a window, however often it is asked for. */
START_TEST(a_hole_asked_for_again_costs_a_probe)
{
	uint8_t byte;
	unsigned mapped;

	fake_hole(0x60, true);
	ck_assert_int_eq(access_copy(0x60000, &byte, 1, _i), -EFAULT);
	ck_assert_uint_eq(fake_foreign_mapped(), 0);
	ck_assert_int_eq(access_copy(0x61000, &byte, 1, _i), 0);
	mapped = fake_foreign_mapped();
	fake_calls_reset();
	ck_assert_int_eq(access_copy(0x60000, &byte, 1, _i), -EFAULT);
	ck_assert_int_eq(access_copy(0x60000, &byte, 1, _i), -EFAULT);
	ck_assert_uint_eq(fake_calls(FAKE_FOREIGN_MAP), 2);
	ck_assert_uint_eq(fake_foreign_mapped(), mapped);
	fake_calls_reset();
	ck_assert_int_eq(access_copy(0x61000, &byte, 1, _i), 0); /* beside it: nothing */
	ck_assert_uint_eq(fake_syscalls(), 0);
}
END_TEST

/* Xen does not tell; it is there from the next access on, and for good. */
START_TEST(a_hole_that_is_filled_is_found)
{
	uint8_t byte;

	fake_hole(0x60, true);
	ck_assert_int_eq(access_copy(0x60000, &byte, 1, false), -EFAULT);
	fake_hole(0x60, false);
	*(uint8_t *)fake_ram(0x60000) = 7;
	ck_assert_int_eq(access_copy(0x60000, &byte, 1, false), 0);
	ck_assert_uint_eq(byte, 7);
	fake_calls_reset();
	ck_assert_int_eq(access_copy(0x60000, &byte, 1, false), 0);
	ck_assert_uint_eq(fake_syscalls(), 0);
}
END_TEST

/* ---- pages written, as Xen's log is told ------------------------------------------------------ */

static unsigned reports(void)
{
	return fake_calls(FAKE_DM_MODIFIED);
}

static void report(void)
{
	memory_report(&memory);
}

static void write_bytes(uint64_t address, uint32_t length)
{
	static uint8_t local[8 * FAKE_PAGE];

	ck_assert_int_eq(access_copy(address, local, length, true), 0);
}

static void start_reporting(void)
{
	use_windows(FOREIGN_WINDOW_MIN, true);
	fake_calls_reset();
}

START_TEST(pages_written_by_copies_are_reported)
{
	start_reporting();
	write_bytes(0x60fff, 2);
	write_bytes(0x6fff0, 2 * FAKE_PAGE); /* over a border */
	ck_assert_uint_eq(reports(), 0);
	report();
	ck_assert_uint_eq(reports(), 1);
	ck_assert(fake_page_reported(0x60));
	ck_assert(fake_page_reported(0x61));
	ck_assert(fake_page_reported(0x6f));
	ck_assert(fake_page_reported(0x70));
	ck_assert(fake_page_reported(0x71));
	ck_assert_uint_eq(fake_pages_modified(), 5);
	report(); /* told once */
	ck_assert_uint_eq(reports(), 1);
}
END_TEST

START_TEST(pages_written_on_loan_are_reported)
{
	static const struct segment segments[] = { { 0x6fff0, 2 * FAKE_PAGE }, { 0x80000, 1 } };
	struct memory_loan loan;

	start_reporting();
	ck_assert_int_eq(memory_lend(&memory, segments, 2, true, &loan), 0);
	report();
	ck_assert_uint_eq(reports(), 0);
	memory_return(&memory, &loan);
	report();
	ck_assert_uint_eq(fake_pages_modified(), 4);
	ck_assert(fake_page_reported(0x6f));
	ck_assert(fake_page_reported(0x70));
	ck_assert(fake_page_reported(0x71));
	ck_assert(fake_page_reported(0x80));
}
END_TEST

START_TEST(of_a_loan_only_what_was_written_is_reported)
{
	static const struct segment segments[] = { { 0x6fff0, 2 * FAKE_PAGE }, { 0x80000, 1 } };
	struct memory_loan loan;

	start_reporting();
	ck_assert_int_eq(memory_lend(&memory, segments, 2, true, &loan), 0);
	memory_cut(&loan, 0x10 + 1);
	memory_return(&memory, &loan);
	report();
	ck_assert_uint_eq(fake_pages_modified(), 2);
	ck_assert(fake_page_reported(0x6f));
	ck_assert(fake_page_reported(0x70));
	fake_calls_reset();
	ck_assert_int_eq(memory_lend(&memory, segments, 2, true, &loan), 0);
	memory_cut(&loan, 0);
	memory_return(&memory, &loan);
	report();
	ck_assert_uint_eq(reports(), 0);
	access_assert_nothing_lent();
}
END_TEST

START_TEST(pages_written_in_maps_are_reported)
{
	start_reporting();
	memory_wrote(&memory, 0x60ffe, 6);
	memory_wrote(&memory, GRANT(0x70, 0), 6); /* Xen sees that itself */
	report();
	ck_assert_uint_eq(fake_pages_modified(), 2);
	ck_assert(fake_page_reported(0x60));
	ck_assert(fake_page_reported(0x61));
}
END_TEST

START_TEST(reading_is_not_reported)
{
	const struct segment segment = { 0x60000, 3 * FAKE_PAGE };
	struct memory_loan loan;
	uint8_t local[FAKE_PAGE];

	access_grant(40, 1, 0x30, false);
	start_reporting();
	ck_assert_int_eq(access_copy(0x60000, local, sizeof(local), false), 0);
	ck_assert_int_eq(access_copy(GRANT(40, 0), local, sizeof(local), true), 0);
	ck_assert_int_eq(memory_lend(&memory, &segment, 1, false, &loan), 0);
	memory_return(&memory, &loan);
	report();
	ck_assert_uint_eq(reports(), 0);
}
END_TEST

/* Far more of them than one report may have extents. */
START_TEST(writes_that_follow_one_another_are_one_extent)
{
	unsigned i;

	start_reporting();
	for (i = 0; i < 1000; i++)
		write_bytes(0x60000 + i * 512, 512);
	for (i = 0; i < 1000; i++)
		write_bytes(0x60000 + 1000 * 512 + i * FAKE_PAGE, FAKE_PAGE);
	ck_assert_uint_eq(reports(), 0);
	report();
	ck_assert_uint_eq(reports(), 1);
	ck_assert_uint_eq(fake_pages_modified(), 125 + 1000);
}
END_TEST

START_TEST(no_page_is_lost_where_there_are_many)
{
	unsigned i;

	start_reporting();
	for (i = 0; i < 700; i++)
		write_bytes(0x60000 + i * 2 * FAKE_PAGE, 1);
	report();
	ck_assert_uint_eq(reports(), 3);
	for (i = 0; i < 700; i++) {
		ck_assert(fake_page_reported(0x60 + 2 * i));
		ck_assert(!fake_page_reported(0x61 + 2 * i));
	}
}
END_TEST

START_TEST(nothing_is_reported_unless_asked_for)
{
	const struct segment segment = { 0x60000, 3 * FAKE_PAGE };
	struct memory_loan loan;

	fake_calls_reset();
	use_windows(FOREIGN_WINDOW_MIN, false);
	write_bytes(0x60000, 2);
	ck_assert_int_eq(memory_lend(&memory, &segment, 1, true, &loan), 0);
	memory_return(&memory, &loan);
	memory_wrote(&memory, 0x60000, 6);
	report();
	ck_assert_uint_eq(reports(), 0);
	ck_assert_uint_eq(fake_calls(FAKE_DM_OPEN), 0);
}
END_TEST

/* A line in the log, and on with what comes. A domain that is gone is no news. */
START_TEST(a_report_that_fails_is_said_in_one_line)
{
	const char *log;

	start_reporting();
	log_capture_begin();
	fake_fail(FAKE_DM_MODIFIED, 1, EPERM);
	write_bytes(0x60000, 1);
	report();
	write_bytes(0x70000, 1);
	report();
	fake_domain_destroy();
	memory_wrote(&memory, 0x60000, 1);
	report();
	log = log_capture_end();
	ck_assert_uint_eq(count_lines(log), 1);
	ck_assert_ptr_nonnull(strstr(log, "written pages cannot be reported"));
	ck_assert(fake_page_reported(0x70));
}
END_TEST

START_TEST(without_a_way_to_report_nothing_is_opened)
{
	const struct foreign_options options = { .window_bytes = FOREIGN_WINDOW_MIN,
						 .report_writes = true };
	struct foreign *foreign;
	const char *log;

	log_capture_begin();
	fake_fail(FAKE_DM_OPEN, 1, EACCES);
	ck_assert_int_eq(foreign_open(FAKE_DOMID, &options, &foreign), -EACCES);
	log = log_capture_end();
	ck_assert_uint_eq(count_lines(log), 1);
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
		ONCE(a_policy_that_forbids_to_map_is_said_in_one_line),
		TIMES(windows_of_every_size, 9),
		TIMES(a_hole_asked_for_again_costs_a_probe, 2),
		ONCE(a_hole_that_is_filled_is_found),
		ONCE(pages_written_by_copies_are_reported),
		ONCE(pages_written_on_loan_are_reported),
		ONCE(of_a_loan_only_what_was_written_is_reported),
		ONCE(pages_written_in_maps_are_reported),
		ONCE(reading_is_not_reported),
		ONCE(writes_that_follow_one_another_are_one_extent),
		ONCE(no_page_is_lost_where_there_are_many),
		ONCE(nothing_is_reported_unless_asked_for),
		ONCE(a_report_that_fails_is_said_in_one_line),
		ONCE(without_a_way_to_report_nothing_is_opened),
	};

	return unit_main("windows", setup, access_end, tests, ARRAY_SIZE(tests));
}
