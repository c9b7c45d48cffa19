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

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(the_policy_decides_which_kind_may_be_used, 3),
		TIMES(a_map_shows_the_guests_bytes, 2),
		ONCE(a_readonly_grant_is_mapped_readonly),
		ONCE(a_map_is_all_or_nothing),
		ONCE(a_map_outlives_invalidation_and_revocation),
	};

	return unit_main("maps", setup, access_end, tests, ARRAY_SIZE(tests));
}
