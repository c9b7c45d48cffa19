/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-pci-rom.c: the expansion ROM of a PCI function (PCI Local Bus 3.0, 6.2.5.2):
 * its size, when Xen is to hand its accesses over, and what is read.
 */
#include <stdlib.h>
#include <string.h>

#include "unit/function.h"

#define BASE   0xf3000000u
#define LENGTH 3000u /* of the usual ROM */
#define SIZE   4096u /* and of its range */

static uint8_t *bytes;

/* Not more than there is, for AddressSanitizer. */
static void add_rom(size_t length)
{
	size_t i;

	free(bytes);
	bytes = malloc(length);
	ck_assert_ptr_nonnull(bytes);
	for (i = 0; i < length; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	pci_add_rom(&function, bytes, length);
}

static void setup(void)
{
	function_setup();
	add_rom(LENGTH);
}

static void teardown(void)
{
	function_teardown();
	free(bytes);
}

static void place(uint32_t base, bool on)
{
	config_write(PCI_ROM_ADDRESS, 4, base | (on ? PCI_ROM_ADDRESS_ENABLE : 0));
}

static bool claimed(uint64_t base)
{
	return fake_claimed(FAKE_RANGE_MEMORY, base, base + SIZE - 1);
}

static unsigned claims(void)
{
	return fake_ranges((unsigned)fake_server_id(), FAKE_RANGE_MEMORY);
}

/* ---- the register ----------------------------------------------------------------- */

struct length {
	uint32_t length, size;
};

static const struct length lengths[] = {
	{ 1, 2048 },
	{ 2047, 2048 },
	{ 2048, 2048 },
	{ 2049, 4096 },
	{ 75776, 131072 },
	{ 131072, 131072 },
	{ 249344, 262144 },
	{ (16 << 20) - 1, 16 << 20 },
	{ 16 << 20, 16 << 20 },
};

/* What hvmloader, SeaBIOS and Linux write to learn it, each in its own way. */
static const uint32_t ones[] = { PCI_ROM_ADDRESS_MASK, ~PCI_ROM_ADDRESS_ENABLE, UINT32_MAX };

START_TEST(a_rom_shows_its_size)
{
	const struct length *l = &lengths[_i];
	unsigned i;

	add_rom(l->length);
	ck_assert_uint_eq(config_read(PCI_ROM_ADDRESS, 4), 0);
	for (i = 0; i < ARRAY_SIZE(ones); i++) {
		config_write(PCI_ROM_ADDRESS, 4, ones[i]);
		ck_assert_uint_eq(config_read(PCI_ROM_ADDRESS, 4),
				  -l->size | (ones[i] & PCI_ROM_ADDRESS_ENABLE));
	}
}
END_TEST

START_TEST(only_the_address_and_the_enable_bit_can_be_written)
{
	const uint32_t writable = -SIZE | PCI_ROM_ADDRESS_ENABLE;
	unsigned bit;

	for (bit = 0; bit < 32; bit++) {
		config_write(PCI_ROM_ADDRESS, 4, 1u << bit);
		ck_assert_uint_eq(config_read(PCI_ROM_ADDRESS, 4), 1u << bit & writable);
		config_write(PCI_ROM_ADDRESS + bit / 8, 1, 0);
		ck_assert_uint_eq(config_read(PCI_ROM_ADDRESS, 4), 0);
	}
}
END_TEST

/* ---- claims ----------------------------------------------------------------------- */

START_TEST(a_rom_is_claimed_while_memory_and_the_rom_are_on)
{
	unsigned i;

	for (i = 0; i < 8; i++) {
		bool memory = i & 1, on = i & 2;

		if (i & 4) { /* in the other order */
			command(memory ? PCI_COMMAND_MEMORY : 0, PCI_COMMAND_MEMORY);
			place(BASE, on);
		} else {
			place(BASE, on);
			command(memory ? PCI_COMMAND_MEMORY : 0, PCI_COMMAND_MEMORY);
		}
		ck_assert_uint_eq(claims(), memory && on);
		ck_assert(claimed(BASE) == (memory && on));
	}
}
END_TEST

START_TEST(no_rom_at_0_or_all_ones)
{
	command(PCI_COMMAND_MEMORY, 0);
	place(0, true);
	place(-SIZE, true);
	config_write(PCI_ROM_ADDRESS, 4, UINT32_MAX);
	ck_assert_uint_eq(fake_calls(FAKE_DM_MAP_RANGE), 0);
	place(0 - 2 * SIZE, true);
	ck_assert(claimed(0 - 2 * SIZE));
}
END_TEST

START_TEST(a_rom_that_moves_is_claimed_where_it_went)
{
	command(PCI_COMMAND_MEMORY, 0);
	place(BASE, true);
	place(BASE + SIZE, true);
	ck_assert(claimed(BASE + SIZE));
	ck_assert(!claimed(BASE));
	ck_assert_uint_eq(claims(), 1);
}
END_TEST

START_TEST(roms_and_bars_do_not_mind_each_other)
{
	config_write(PCI_BASE_ADDRESS_0, 4, BASE + 0x100000);
	command(PCI_COMMAND_MEMORY, 0);
	ck_assert_uint_eq(claims(), 1);
	place(BASE, true);
	ck_assert_uint_eq(claims(), 2);
	config_write(PCI_BASE_ADDRESS_0, 4, 0);
	ck_assert(claimed(BASE));
	ck_assert_uint_eq(claims(), 1);
	config_write(PCI_BASE_ADDRESS_0, 4, BASE + 0x100000);
	place(BASE, false);
	ck_assert(!claimed(BASE));
	ck_assert_uint_eq(claims(), 1);
}
END_TEST

/* As it is done at each boot: while it is sized and placed it is off. */
START_TEST(only_who_reads_a_rom_has_it_claimed)
{
	command(0, PCI_COMMAND_MEMORY | PCI_COMMAND_IO); /* hvmloader */
	config_write(PCI_ROM_ADDRESS, 4, PCI_ROM_ADDRESS_MASK);
	place(BASE, false);
	command(PCI_COMMAND_MEMORY, 0);
	ck_assert_uint_eq(fake_calls(FAKE_DM_MAP_RANGE), 0);
	config_write(PCI_ROM_ADDRESS, 4, ~PCI_ROM_ADDRESS_ENABLE); /* SeaBIOS */
	place(BASE, true);
	ck_assert(claimed(BASE));
	place(BASE, false);
	ck_assert_uint_eq(claims(), 0);
	command(0, PCI_COMMAND_MEMORY); /* Linux */
	config_write(PCI_ROM_ADDRESS, 4, PCI_ROM_ADDRESS_MASK);
	place(BASE, false);
	command(PCI_COMMAND_MEMORY, 0);
	ck_assert_uint_eq(fake_calls(FAKE_DM_MAP_RANGE), 1);
}
END_TEST

/* ---- what is read ------------------------------------------------------------------- */

static uint64_t expected(uint64_t offset, unsigned size)
{
	uint64_t value = 0;
	unsigned i;

	if (offset + size > SIZE)
		return UINT64_MAX >> (64 - 8 * size);
	for (i = 0; i < size; i++)
		value |= (offset + i < LENGTH ? bytes[offset + i] : 0xffull) << (8 * i);
	return value;
}

static void check_read(uint64_t offset, unsigned size)
{
	uint64_t got = pci_bar_read(&function, PCI_ROM, offset, size);

	if ((got & UINT64_MAX >> (64 - 8 * size)) != expected(offset, size))
		ck_abort_msg("offset %#llx, size %u: %#llx", (unsigned long long)offset, size,
			     (unsigned long long)got);
}

/* The file's bytes, aligned or not; ones behind them, and behind the range. */
START_TEST(reads_of_all_sizes_find_the_files_bytes_and_then_ones)
{
	static const uint64_t far[] = { SIZE, 1ull << 31, 1ull << 32, UINT64_MAX - 7, UINT64_MAX };
	unsigned size, i;
	uint64_t offset;

	for (size = 1; size <= 8; size *= 2) {
		for (offset = 0; offset < SIZE + 8; offset++)
			check_read(offset, size);
		for (i = 0; i < ARRAY_SIZE(far); i++)
			ck_assert_uint_eq(pci_bar_read(&function, PCI_ROM, far[i], size),
					  UINT64_MAX);
	}
}
END_TEST

START_TEST(writes_to_a_rom_do_nothing)
{
	unsigned size;

	for (size = 1; size <= 8; size *= 2) {
		pci_bar_write(&function, PCI_ROM, 0, size, 0);
		pci_bar_write(&function, PCI_ROM, LENGTH - 1, size, 0);
		pci_bar_write(&function, PCI_ROM, SIZE - 1, size, 0);
		check_read(0, 8);
		check_read(LENGTH - 4, 8);
	}
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(a_rom_shows_its_size, ARRAY_SIZE(lengths)),
		ONCE(only_the_address_and_the_enable_bit_can_be_written),
		ONCE(a_rom_is_claimed_while_memory_and_the_rom_are_on),
		ONCE(no_rom_at_0_or_all_ones),
		ONCE(a_rom_that_moves_is_claimed_where_it_went),
		ONCE(roms_and_bars_do_not_mind_each_other),
		ONCE(only_who_reads_a_rom_has_it_claimed),
		ONCE(reads_of_all_sizes_find_the_files_bytes_and_then_ones),
		ONCE(writes_to_a_rom_do_nothing),
	};

	return unit_main("pci-rom", setup, teardown, tests, ARRAY_SIZE(tests));
}
