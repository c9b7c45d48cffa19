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

static void open_grants(void)
{
	ck_assert_int_eq(grants_open(FAKE_DOMID, &access_own, &memory.grants), 0);
}

void access_page_size(unsigned bytes)
{
	grants_close(memory.grants);
	fake_page_size(bytes);
	open_grants();
}

void access_start(unsigned ram_pages)
{
	static const struct foreign_options windows = { .window_bytes = 2u << 20 };

	fake_start(FAKE_HVM, 1, ram_pages);
	memory = (struct memory){ .options.policy = MEMORY_AUTO };
	open_grants();
	access_windows(&windows);
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

int access_lend(struct memory_loan *loan, uint64_t address, uint32_t length, bool writable)
{
	const struct segment segment = { address, length };
	int err = memory_lend(&memory, &segment, 1, writable, loan);

	ck_assert_int_eq(!loan->count, err != 0);
	return err;
}

void access_return(struct memory_loan *loan)
{
	memory_return(&memory, loan);
	ck_assert_uint_eq(loan->count, 0);
}

void access_assert_nothing_lent(void)
{
	ck_assert_uint_eq(foreign_lent(memory.foreign), 0);
	ck_assert_uint_eq(grants_mapped(memory.grants), 0);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	ck_assert_uint_eq(fake_maps(), 0);
}

void access_end(void)
{
	access_assert_nothing_lent();
	foreign_close(memory.foreign);
	grants_close(memory.grants);
	ck_assert_uint_eq(fake_foreign_mapped(), 0);
	fake_end();
}

void access_fill(void *bytes, size_t length)
{
	uint8_t *at = bytes;

	while (length--)
		*at++ = (uint8_t)unit_random(256);
}
