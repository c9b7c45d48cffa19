/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-maps.c: memory_map(): what stays mapped for a queue's life, and how
 * areas that belong together share a mapping.
 */
#include <errno.h>
#include <string.h>

#include "unit/access.h"

static void setup(void)
{
	access_start(4096);
}

static int map_area(uint64_t address, size_t length, bool writable, struct memory_map *map)
{
	const struct memory_area area = { .address = address,
					  .length = length,
					  .writable = writable };

	return memory_map(&memory, &area, 1, map);
}

START_TEST(the_policy_decides_which_kind_may_be_used)
{
	static const int expected[][2] = {
		[MEMORY_AUTO] = { 0, 0 },
		[MEMORY_GRANTS] = { -EPERM, 0 },
		[MEMORY_FOREIGN] = { 0, -EPERM },
	};
	struct memory_map map = { 0 };
	uint8_t byte;

	access_grant(100, 1, 0x60, false);
	memory.options.policy = (enum memory_policy)_i;
	ck_assert_int_eq(access_copy(0x60000, &byte, 1, false), expected[_i][0]);
	ck_assert_int_eq(access_copy(GRANT(100, 0), &byte, 1, false), expected[_i][1]);
	ck_assert_int_eq(map_area(0x60000, 1, false, &map), expected[_i][0]);
	memory_unmap(&memory, &map, 1);
	ck_assert_int_eq(map_area(GRANT(100, 0), 1, false, &map), expected[_i][1]);
	memory_unmap(&memory, &map, 1);
}
END_TEST

/* Exactly the pages that hold the bytes, which show what the guest sees. */
START_TEST(a_map_shows_the_guests_bytes)
{
	uint64_t address = _i ? GRANT(100, 0xf00) : 0x60f00;
	struct memory_map map = { 0 };

	access_grant(100, 3, 0x60, false);
	ck_assert_int_eq(map_area(address, 0x1200, true, &map), 0);
	ck_assert_uint_eq(map.pages, 3);
	ck_assert_uint_eq(_i ? fake_grants_mapped() : fake_foreign_mapped(), 3);
	access_fill(map.address, 0x1200);
	ck_assert_mem_eq(map.address, fake_ram(0x60f00), 0x1200);
	memory_unmap(&memory, &map, 1);
	ck_assert_ptr_null(map.address);
	memory_unmap(&memory, &map, 1); /* does nothing */
}
END_TEST

/* What a driver grants for reading is mapped for reading, and no other way. */
START_TEST(a_readonly_grant_is_mapped_readonly)
{
	struct memory_map map = { 0 };

	access_grant(100, 1, 0x60, true);
	ck_assert_int_lt(map_area(GRANT(100, 0), 64, true, &map), 0);
	ck_assert_ptr_null(map.address);
	ck_assert_int_eq(map_area(GRANT(100, 0), 64, false, &map), 0);
	memory_unmap(&memory, &map, 1);
}
END_TEST

START_TEST(a_map_is_all_or_nothing)
{
	struct memory_map map = { 0 };

	access_grant(100, 2, 0x60, false);
	ck_assert_int_lt(map_area(GRANT(100, 0), 3 * FAKE_PAGE, false, &map), 0);
	fake_hole(0x71, true);
	ck_assert_int_eq(map_area(0x70000, 2 * FAKE_PAGE, false, &map), -EFAULT);
	ck_assert_int_eq(map_area(0x70000, FAKE_PAGE, false, &map), 0);
	ck_assert_uint_eq(fake_foreign_mapped(), 1);
	memory_unmap(&memory, &map, 1);
	ck_assert_uint_eq(fake_foreign_mapped() + fake_grants_mapped(), 0);
}
END_TEST

START_TEST(a_map_outlives_invalidation_and_revocation)
{
	struct memory_map map = { 0 }, granted = { 0 };

	access_grant(100, 1, 0x60, false);
	ck_assert_int_eq(map_area(GRANT(100, 0), 64, true, &granted), 0);
	ck_assert_int_eq(map_area(0x70000, 64, true, &map), 0);
	foreign_invalidate(memory.foreign);
	foreign_trim(memory.foreign);
	fake_grant_revoke(100);
	memset(map.address, 1, 64);
	memset(granted.address, 2, 64);
	ck_assert_uint_eq(*(uint8_t *)fake_ram(0x70000), 1);
	ck_assert_uint_eq(*(uint8_t *)fake_ram(0x60000), 2);
	memory_unmap(&memory, &map, 1);
	memory_unmap(&memory, &granted, 1);
}
END_TEST

/* ---- several areas at once ------------------------------------------------------------------ */

static struct memory_map maps[3], others[3];

/* Unmapped areas of a failed call are left as they were: not mapped. */
static int map_three(const struct memory_area *areas, struct memory_map *to)
{
	int err = memory_map(&memory, areas, 3, to);
	unsigned i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(to[i].address != NULL, !err);
	return err;
}

static void assert_unmapped(void)
{
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	ck_assert_uint_eq(fake_foreign_mapped(), 0);
	ck_assert_uint_eq(fake_maps(), 0);
	ck_assert_uint_eq(grants_mapped(memory.grants), 0);
}

/* Each map shows the guest's bytes. */
static void assert_shown(const struct memory_map *map, uint64_t gpa, size_t length)
{
	access_fill(fake_ram(gpa), length);
	ck_assert_mem_eq(map->address, fake_ram(gpa), length);
}

/* As Linux lays a ring of 256 descriptors out, and with a page for each part;
 * in whatever order they are named. */
START_TEST(parts_of_a_ring_are_mapped_by_one_call)
{
	static const uint64_t offsets[2][3] = { { 0, 0x1000, 0x1240 }, { 0, 0x1800, 0x2000 } };
	static const size_t lengths[] = { 4096, 518, 2054 };
	static const unsigned orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					       { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	const uint64_t *offset = offsets[_i / 6];
	const unsigned *order = orders[_i % 6];
	struct memory_area areas[3];
	unsigned i;

	access_grant(100, 3, 0x60, false);
	for (i = 0; i < 3; i++)
		areas[i] = (struct memory_area){ .address = GRANT(100, 0) + offset[order[i]],
						 .length = lengths[order[i]],
						 .writable = order[i] == 2 };
	fake_calls_reset();
	ck_assert_int_eq(map_three(areas, maps), 0);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_MAP), 1);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_le(fake_grant_mapped(100 + i), 1);
		assert_shown(&maps[i], 0x60000 + offset[order[i]], lengths[order[i]]);
	}
	memory_unmap(&memory, maps, 3);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_UNMAP), 1);
	assert_unmapped();
}
END_TEST

START_TEST(areas_that_do_not_touch_are_mapped_apart)
{
	static const struct memory_area areas[] = {
		{ GRANT(100, 0), FAKE_PAGE, false },
		{ GRANT(102, 0), 8, false },
		{ GRANT(104, 0xff8), 16, true },
	};

	access_grant(100, 6, 0x60, false);
	ck_assert_int_eq(map_three(areas, maps), 0);
	ck_assert_uint_eq(fake_maps(), 3);
	ck_assert_uint_eq(fake_grants_mapped(), 4); /* and none between them */
	assert_shown(&maps[2], 0x64ff8, 16);
	memory_unmap(&memory, maps, 3);
	assert_unmapped();
}
END_TEST

/* A driver may grant the device's own part alone for writing. */
START_TEST(a_readonly_part_beside_a_writable_one)
{
	static const struct memory_area areas[] = {
		{ GRANT(100, 0), FAKE_PAGE, false },
		{ GRANT(101, 0), 518, false },
		{ GRANT(102, 0), 2054, true },
	};
	unsigned i;

	access_grant(100, 2, 0x60, true);
	access_grant(102, 1, 0x62, false);
	ck_assert_int_eq(map_three(areas, maps), 0);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(fake_grant_mapped(100 + i), 1);
		assert_shown(&maps[i], 0x60000 + 0x1000 * i, 64);
	}
	memset(maps[2].address, 1, 2054);
	ck_assert_uint_eq(*(uint8_t *)fake_ram(0x62000), 1);
	memory_unmap(&memory, maps, 3);
	assert_unmapped();
}
END_TEST

START_TEST(readonly_areas_are_joined_as_well)
{
	static const struct memory_area areas[] = {
		{ GRANT(100, 0), FAKE_PAGE, false },
		{ GRANT(101, 0), 518, false },
		{ GRANT(102, 0), 2054, false },
	};

	access_grant(100, 3, 0x60, true);
	fake_calls_reset();
	ck_assert_int_eq(map_three(areas, maps), 0);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_MAP), 1);
	memory_unmap(&memory, maps, 3);
	assert_unmapped();
}
END_TEST

/* What is too large to be mapped together is not too large by itself. */
START_TEST(areas_too_large_for_one_map_are_mapped_apart)
{
	static const struct memory_area areas[] = {
		{ GRANT(100, 0), 300 * FAKE_PAGE, false },
		{ GRANT(400, 0), 300 * FAKE_PAGE, true },
		{ GRANT(700, 0), 8, true },
	};

	access_grant(100, 601, 0x100, false);
	ck_assert_int_eq(map_three(areas, maps), 0);
	assert_shown(&maps[0], 0x100000, 300 * FAKE_PAGE);
	assert_shown(&maps[1], 0x100000 + 300 * FAKE_PAGE, 300 * FAKE_PAGE);
	memory_unmap(&memory, maps, 3);
	assert_unmapped();
}
END_TEST

/* Joined, they would go beyond the last reference, or from one kind to the other. */
START_TEST(areas_at_the_end_of_all_addresses)
{
	static const struct memory_area cases[][3] = {
		{ { GRANT(100, 0), 8, true },
		  { GRANT(0xfffffffe, 0), FAKE_PAGE, true },
		  { GRANT(0xffffffff, 0), 2 * FAKE_PAGE, true } },
		{ { GRANT(0xffffffff, 0), FAKE_PAGE, true },
		  { GRANT(100, 0), 8, true },
		  { GRANT(0, 0), 8, true } },
		{ { GRANT(0, 0), 8, true },
		  { INT64_MAX & ~0xfffLL, FAKE_PAGE, true },
		  { GRANT(100, 0), 8, true } },
		{ { GRANT(100, 0), 8, true },
		  { UINT64_MAX & ~0xfffull, FAKE_PAGE, true },
		  { 0, 8, true } },
		{ { 0x60000, 8, true },
		  { (1ull << 52) - FAKE_PAGE, FAKE_PAGE + 1, true },
		  { GRANT(100, 0), 8, true } },
	};

	access_grant(0, 1, 0x50, false);
	access_grant(100, 1, 0x60, false);
	ck_assert_int_lt(map_three(cases[_i], maps), 0);
	assert_unmapped();
}
END_TEST

/* Two queues of one driver may have their rings in the same pages. */
START_TEST(rings_of_the_same_pages_share_a_mapping)
{
	static const struct memory_area areas[] = {
		{ GRANT(100, 0), 64, false },
		{ GRANT(100, 64), 14, false },
		{ GRANT(100, 80), 38, true },
	};
	static const struct memory_area more[] = {
		{ GRANT(100, 2048), 64, false },
		{ GRANT(100, 2112), 14, false },
		{ GRANT(100, 2128), 38, true },
	};

	access_grant(100, 1, 0x60, false);
	fake_calls_reset();
	ck_assert_int_eq(map_three(areas, maps), 0);
	ck_assert_int_eq(map_three(more, others), 0);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_MAP), 1);
	ck_assert_uint_eq(fake_grant_mapped(100), 1);
	memory_unmap(&memory, maps, 3);
	assert_shown(&others[1], 0x60840, 14);
	memory_unmap(&memory, others, 3);
	assert_unmapped();
}
END_TEST

/* Nor does a loan of a ring's own pages take the ring away. */
START_TEST(a_ring_outlives_a_loan_of_its_pages)
{
	const struct segment segment = { GRANT(100, 0), FAKE_PAGE };
	struct memory_map map = { 0 };
	struct memory_loan loan;

	access_grant(100, 1, 0x60, false);
	ck_assert_int_eq(map_area(GRANT(100, 0), FAKE_PAGE, true, &map), 0);
	ck_assert_int_eq(memory_lend(&memory, &segment, 1, true, &loan), 0);
	memory_return(&memory, &loan);
	assert_shown(&map, 0x60000, FAKE_PAGE);
	memory_unmap(&memory, &map, 1);
	assert_unmapped();
}
END_TEST

/* Of either kind, in whatever place: not there, or not writable. */
START_TEST(one_bad_area_leaves_nothing_mapped)
{
	struct memory_area areas[3];
	bool granted = _i >= 3;
	unsigned i, bad = (unsigned)_i % 3;

	for (i = 0; i < 3; i++) {
		fake_grant(100 + 2 * i, 0x60 + 2 * i, i == bad);
		areas[i] = (struct memory_area){ .address = granted ? GRANT(100 + 2 * i, 0)
								    : 0x60000 + 0x2000 * i,
						 .length = 64,
						 .writable = true };
	}
	fake_hole(0x60 + 2 * bad, !granted);
	ck_assert_int_lt(map_three(areas, maps), 0);
	assert_unmapped();
	fake_hole(0x60 + 2 * bad, false);
	access_grant(100, 5, 0x60, false);
	ck_assert_int_eq(map_three(areas, maps), 0);
	memory_unmap(&memory, maps, 3);
	assert_unmapped();
}
END_TEST

START_TEST(areas_of_both_kinds)
{
	static const struct memory_area areas[] = {
		{ 0x70000, FAKE_PAGE, false },
		{ GRANT(100, 0), 518, false },
		{ 0x71000, 2054, true },
	};

	access_grant(100, 1, 0x60, false);
	ck_assert_int_eq(map_three(areas, maps), 0);
	assert_shown(&maps[0], 0x70000, FAKE_PAGE);
	assert_shown(&maps[1], 0x60000, 518);
	assert_shown(&maps[2], 0x71000, 2054);
	memory_unmap(&memory, maps, 3);
	assert_unmapped();
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(the_policy_decides_which_kind_may_be_used, 3),
		TIMES(a_map_shows_the_guests_bytes, 2),
		ONCE(a_readonly_grant_is_mapped_readonly),
		ONCE(a_map_is_all_or_nothing),
		ONCE(a_map_outlives_invalidation_and_revocation),
		TIMES(parts_of_a_ring_are_mapped_by_one_call, 12),
		ONCE(areas_that_do_not_touch_are_mapped_apart),
		ONCE(a_readonly_part_beside_a_writable_one),
		ONCE(readonly_areas_are_joined_as_well),
		ONCE(areas_too_large_for_one_map_are_mapped_apart),
		TIMES(areas_at_the_end_of_all_addresses, 5),
		ONCE(rings_of_the_same_pages_share_a_mapping),
		ONCE(a_ring_outlives_a_loan_of_its_pages),
		TIMES(one_bad_area_leaves_nothing_mapped, 6),
		ONCE(areas_of_both_kinds),
	};

	return unit_main("maps", setup, access_end, tests, ARRAY_SIZE(tests));
}
