/* SPDX-License-Identifier: GPL-2.0-or-later */
/* access.c: see access.h. */
#include "unit/access.h"

struct memory memory;
struct own access_own;

void access_windows(const struct foreign_options *windows)
{
	foreign_close(memory.foreign);
	ck_assert_int_eq(foreign_open(FAKE_DOMID, windows, &memory.foreign), 0);
}

void access_start(unsigned ram_pages)
{
	static const struct foreign_options windows = { .window_bytes = 2u << 20 };

	fake_start(FAKE_HVM, 1, ram_pages);
	memory = (struct memory){ .options.policy = MEMORY_AUTO };
	ck_assert_int_eq(grants_open(FAKE_DOMID, &access_own, &memory.grants), 0);
	access_windows(&windows);
}

void access_end(void)
{
	ck_assert_uint_eq(foreign_lent(memory.foreign), 0);
	ck_assert_uint_eq(grants_mapped(memory.grants), 0);
	foreign_close(memory.foreign);
	grants_close(memory.grants);
	ck_assert_uint_eq(fake_foreign_mapped(), 0);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	ck_assert_uint_eq(fake_maps(), 0);
	fake_end();
}

void access_grant(uint32_t ref, unsigned count, uint64_t pfn, bool readonly)
{
	while (count--)
		fake_grant(ref + count, pfn + count, readonly);
}

int access_copy(uint64_t address, void *local, uint32_t length, bool to_guest)
{
	int err = 0;

	memory_copy(&memory, address, local, length, to_guest, &err);
	memory_flush(&memory);
	return err;
}

void access_fill(void *bytes, size_t length)
{
	uint8_t *at = bytes;

	while (length--)
		*at++ = (uint8_t)unit_random(256);
}
