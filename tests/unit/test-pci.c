/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-pci.c: config space and BARs of a PCI function (PCI Local Bus 3.0, 6):
 * what firmware and Linux do with them, and what no one should.
 */
#include <errno.h>
#include <string.h>

#include "ioreq/internal.h"
#include "unit/function.h"

#define BASE 0xf2000000ull
#define HIGH 0x1200000000ull

#define BAR_LOW  PCI_BASE_ADDRESS_0
#define BAR_HIGH PCI_BASE_ADDRESS_1

static void place(uint64_t base)
{
	config_write(BAR_LOW, 4, (uint32_t)base);
	config_write(BAR_HIGH, 4, (uint32_t)(base >> 32));
}

/* The one range that Xen has of us, or 0. */
static bool claimed(uint64_t base)
{
	return fake_claimed(FAKE_RANGE_MEMORY, base, base + FUNCTION_BAR_BYTES - 1);
}

static unsigned claims(void)
{
	return fake_ranges((unsigned)fake_server_id(), FAKE_RANGE_MEMORY);
}

/* ---- config space ------------------------------------------------------------- */

START_TEST(the_header_says_who_it_is)
{
	ck_assert_uint_eq(config_read(PCI_VENDOR_ID, 4), 0x10421af4);
	ck_assert_uint_eq(config_read(PCI_CLASS_REVISION, 4), 0x01800001);
	ck_assert_uint_eq(config_read(PCI_SUBSYSTEM_VENDOR_ID, 4), 0x22221111);
	ck_assert_uint_eq(config_read(PCI_HEADER_TYPE, 1), 0);
	ck_assert_uint_eq(config_read(PCI_INTERRUPT_PIN, 1), 1);
	ck_assert_uint_eq(config_read(PCI_COMMAND, 2), 0);
	ck_assert_uint_eq(config_read(PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
	ck_assert_uint_eq(config_read(BAR_LOW, 4), PCI_BASE_ADDRESS_MEM_TYPE_64);
	ck_assert_uint_eq(config_read(PCI_ROM_ADDRESS, 4), 0);
}
END_TEST

/* Which bits of each byte a guest may change. */
static uint8_t writable(unsigned offset)
{
	switch (offset) {
	case PCI_COMMAND:
		return PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	case PCI_COMMAND + 1:
		return PCI_COMMAND_INTX_DISABLE >> 8;
	case PCI_CACHE_LINE_SIZE:
	case PCI_INTERRUPT_LINE:
	case BAR_LOW + 2:
	case BAR_LOW + 3:
		return 0xff;
	case BAR_LOW + 1:
		return 0xc0; /* a BAR of 16 KiB */
	default:
		if (offset >= BAR_HIGH && offset < BAR_HIGH + 4)
			return 0xff;
		if (offset == function.msix_control + 1)
			return (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8;
		return 0;
	}
}

/* Every byte with every value: what may change changes, and nothing else. */
START_TEST(write_masks_hold)
{
	unsigned offset, value;

	for (offset = 0; offset < PCI_CONFIG_BYTES; offset++) {
		uint8_t mask = writable(offset), before = (uint8_t)config_read(offset, 1);

		if (offset >= window_first && offset < window_first + 4)
			continue;
		for (value = 0; value < 256; value++) {
			uint8_t expected = (uint8_t)((before & ~mask) | (value & mask));

			config_write(offset, 1, value);
			if (config_read(offset, 1) != expected)
				ck_abort_msg("offset %#x: %#x written", offset, value);
		}
		config_write(offset, 1, before);
	}
}
END_TEST

/* The same state through accesses of any width. */
START_TEST(wide_accesses_are_the_bytes_together)
{
	unsigned offset, size, i;

	for (offset = 0; offset < PCI_CONFIG_BYTES; offset++)
		for (size = 1; size <= 4; size *= 2) {
			uint32_t expected = 0;

			if (offset + size > PCI_CONFIG_BYTES ||
			    (offset + size > window_first && offset < window_first + 4))
				continue;
			for (i = 0; i < size; i++)
				expected |= config_read(offset + i, 1) << (8 * i);
			ck_assert_uint_eq(config_read(offset, size), expected);
		}
}
END_TEST

/* Linux's look at the ids, and no other: hvmloader reads 16 bits, and has to find
 * the function to place its BARs. */
START_TEST(retry_status_is_for_the_ids_as_32_bits_only)
{
	static uint32_t before[PCI_CONFIG_BYTES][5];
	unsigned offset, size;

	for (offset = 0; offset < PCI_CONFIG_BYTES; offset++)
		for (size = 1; size <= 4; size *= 2)
			before[offset][size] = config_read(offset, size);
	function.retry = true;
	for (offset = 0; offset < PCI_CONFIG_BYTES; offset++)
		for (size = 1; size <= 4; size *= 2) {
			bool ids = !offset && size == 4;

			if (config_read(offset, size) != (ids ? 0xffff0001 : before[offset][size]))
				ck_abort_msg("offset %#x, size %u", offset, size);
		}
	function.retry = false;
	ck_assert_uint_eq(config_read(PCI_VENDOR_ID, 4), 0x10421af4);
}
END_TEST

/* Every offset, length and direction; AddressSanitizer watches the borders. */
START_TEST(pci_access_sweep)
{
	static const uint32_t far[] = { 256, 257, 4095, 4096, 0x7ffffffe, 0xfffffffc, 0xffffffff };
	unsigned offset, size, i;

	for (size = 0; size <= 8; size++) {
		for (offset = 0; offset < PCI_CONFIG_BYTES; offset++) {
			bool good = (size == 1 || size == 2 || size == 4) &&
				    offset + size <= PCI_CONFIG_BYTES;
			uint32_t got = config_read(offset, size);

			if (!good && got != UINT32_MAX)
				ck_abort_msg("offset %#x, size %u: %#x", offset, size, got);
			if (good && size < 4 && got >> (8 * size) && offset < window_first)
				ck_abort_msg("offset %#x, size %u: %#x", offset, size, got);
			config_write(offset, size, 0xa5a5a5a5);
			config_write(offset, size, 0);
		}
		for (i = 0; i < ARRAY_SIZE(far); i++) {
			ck_assert_uint_eq(config_read(far[i], size), UINT32_MAX);
			config_write(far[i], size, 0);
		}
	}
}
END_TEST

/* A BAR is reached by aligned accesses of 1, 2, 4 and 8 bytes within it. */
START_TEST(pci_access_sweep_bar)
{
	unsigned size;
	uint64_t offset;

	memset(bar_bytes, 0x5a, sizeof(bar_bytes));
	for (size = 1; size <= 8; size *= 2)
		for (offset = 0; offset < FUNCTION_BAR_BYTES + 16; offset++) {
			bool good = offset % size == 0 && offset + size <= FUNCTION_BAR_BYTES;
			uint64_t mask = size < 8 ? BIT_ULL(8 * size) - 1 : UINT64_MAX;
			uint64_t got = pci_bar_read(&function, 0, offset, size);

			if (!good && got != UINT64_MAX)
				ck_abort_msg("offset %#lx, size %u", (unsigned long)offset, size);
			if (good && offset < FUNCTION_TABLE && got != (mask & 0x5a5a5a5a5a5a5a5a))
				ck_abort_msg("offset %#lx, size %u", (unsigned long)offset, size);
			pci_bar_write(&function, 0, offset, size, 0x5a5a5a5a5a5a5a5a);
		}
	ck_assert_uint_eq(pci_bar_read(&function, 0, UINT64_MAX - 7, 8), UINT64_MAX);
	ck_assert_uint_eq(pci_bar_read(&function, 0, 1ull << 32, 4), UINT64_MAX);
}
END_TEST

START_TEST(a_window_is_its_owners)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		ck_assert_uint_eq(config_read(window_first + i, 1), 0x77000000 | i);
	ck_assert_uint_eq(config_read(window_first, 4), 0x77000000);
	config_write(window_first, 4, 1);
	config_write(window_first + 2, 2, 1);
	ck_assert_uint_eq(window_reads, 5);
	ck_assert_uint_eq(window_writes, 2);
	/* One that goes over its border is not for it. */
	config_read(window_first - 2, 4);
	config_write(window_first + 3, 2, 1);
	ck_assert_uint_eq(window_reads + window_writes, 7);
}
END_TEST

START_TEST(capabilities_are_a_chain)
{
	unsigned at = config_read(PCI_CAPABILITY_LIST, 1);

	ck_assert_uint_eq(config_read(at, 1), PCI_CAP_ID_MSIX);
	ck_assert_uint_eq(config_read(at + PCI_MSIX_FLAGS, 2), FUNCTION_VECTORS - 1);
	ck_assert_uint_eq(config_read(at + PCI_MSIX_TABLE, 4), FUNCTION_TABLE);
	ck_assert_uint_eq(config_read(at + PCI_MSIX_PBA, 4), FUNCTION_PBA);
	at = config_read(at + PCI_CAP_LIST_NEXT, 1);
	ck_assert_uint_eq(at % 4, 0);
	ck_assert_uint_eq(config_read(at, 1), PCI_CAP_ID_VNDR);
	ck_assert_uint_eq(config_read(at + 2, 2), 0x0108);
	ck_assert_uint_eq(config_read(at + PCI_CAP_LIST_NEXT, 1), 0);
}
END_TEST

/* ---- BARs ----------------------------------------------------------------------- */

START_TEST(a_bar_shows_its_size)
{
	config_write(BAR_LOW, 4, UINT32_MAX);
	ck_assert_uint_eq(config_read(BAR_LOW, 4),
			  ~(FUNCTION_BAR_BYTES - 1) | PCI_BASE_ADDRESS_MEM_TYPE_64);
	config_write(BAR_HIGH, 4, UINT32_MAX);
	ck_assert_uint_eq(config_read(BAR_HIGH, 4), UINT32_MAX);
	config_write(PCI_BASE_ADDRESS_2, 4, UINT32_MAX);
	ck_assert_uint_eq(config_read(PCI_BASE_ADDRESS_2, 4), 0);
}
END_TEST

START_TEST(a_bar_is_claimed_while_it_decodes)
{
	place(BASE);
	ck_assert_uint_eq(claims(), 0);
	command(PCI_COMMAND_MEMORY, 0);
	ck_assert(claimed(BASE));
	command(PCI_COMMAND_MASTER, 0); /* nothing to do with it */
	ck_assert_uint_eq(fake_calls(FAKE_DM_MAP_RANGE), 1);
	command(0, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(claims(), 0);
	command(PCI_COMMAND_MEMORY, 0);
	place(BASE + 0x100000);
	ck_assert(!claimed(BASE));
	ck_assert(claimed(BASE + 0x100000));
	ck_assert_uint_eq(claims(), 1);
}
END_TEST

START_TEST(a_bar_above_4_gib)
{
	place(HIGH);
	command(PCI_COMMAND_MEMORY, 0);
	ck_assert(claimed(HIGH));
	ck_assert_uint_eq(claims(), 1);
}
END_TEST

START_TEST(no_claim_at_0_or_all_ones)
{
	command(PCI_COMMAND_MEMORY, 0);
	ck_assert_uint_eq(fake_calls(FAKE_DM_MAP_RANGE), 0);
	place(UINT64_MAX);
	place(0);
	ck_assert_uint_eq(fake_calls(FAKE_DM_MAP_RANGE), 0);
}
END_TEST

/* Writes all-ones to both halves and puts the old value back. */
static void size_bar(void)
{
	uint32_t low = config_read(BAR_LOW, 4), high;

	config_write(BAR_LOW, 4, UINT32_MAX);
	ck_assert_uint_eq(config_read(BAR_LOW, 4) & ~0xfu, ~(FUNCTION_BAR_BYTES - 1));
	config_write(BAR_LOW, 4, low);
	high = config_read(BAR_HIGH, 4);
	config_write(BAR_HIGH, 4, UINT32_MAX);
	ck_assert_uint_eq(config_read(BAR_HIGH, 4), UINT32_MAX);
	config_write(BAR_HIGH, 4, high);
}

/* The sequence at each boot: only where the BAR really is it is ever claimed. */
START_TEST(bars_are_sized_as_hvmloader_seabios_and_linux_do)
{
	uint64_t base = _i ? HIGH : BASE;

	command(0, PCI_COMMAND_MEMORY | PCI_COMMAND_IO); /* hvmloader */
	size_bar();
	place(base);
	ck_assert_uint_eq(fake_calls(FAKE_DM_MAP_RANGE), 0);
	command(PCI_COMMAND_MEMORY, 0);
	ck_assert(claimed(base));
	size_bar(); /* SeaBIOS: it decodes all the while */
	ck_assert(claimed(base));
	ck_assert_uint_eq(claims(), 1);
	command(0, PCI_COMMAND_MEMORY | PCI_COMMAND_IO); /* Linux */
	size_bar();
	ck_assert_uint_eq(claims(), 0);
	command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	ck_assert(claimed(base));
	/* hvmloader once, SeaBIOS once for each half, Linux once. */
	ck_assert_uint_le(fake_calls(FAKE_DM_MAP_RANGE), 4);
}
END_TEST

/* Xen may refuse; the guest is told nothing, the next try counts. */
START_TEST(a_claim_that_fails_is_tried_again)
{
	place(BASE);
	fake_fail(FAKE_DM_MAP_RANGE, 1, ENOMEM);
	command(PCI_COMMAND_MEMORY, 0);
	ck_assert_uint_eq(claims(), 0);
	command(PCI_COMMAND_MASTER, 0);
	ck_assert(claimed(BASE));
}
END_TEST

START_TEST(a_server_has_room_for_so_many)
{
	static struct pci_function others[IOREQ_MAX_FUNCTIONS];
	unsigned i;

	for (i = 0; i < IOREQ_MAX_FUNCTIONS; i++) {
		others[i].bdf = (struct pci_bdf){ .bus = 1,
						  .device = (uint8_t)(i / 8),
						  .function = (uint8_t)(i % 8) };
		ck_assert_int_eq(ioreq_add_function(server, &others[i]),
				 i + 1 < IOREQ_MAX_FUNCTIONS ? 0 : -ENOSPC);
	}
	for (i = 0; i <= IOREQ_MAX_RANGES; i++)
		ck_assert_int_eq(ioreq_claim_bar(server, &function, 0, BASE + i * 0x10000ull,
						 0x1000),
				 i < IOREQ_MAX_RANGES ? 0 : -ENOSPC);
}
END_TEST

/* ---- INTx --------------------------------------------------------------------------- */

static bool wire(void)
{
	return fake_intx_level(FUNCTION_DEVICE, 0);
}

static bool status_shows_interrupt(void)
{
	return config_read(PCI_STATUS, 2) & PCI_STATUS_INTERRUPT;
}

START_TEST(causes_add_up_until_they_are_read)
{
	ck_assert(!wire());
	pci_interrupt(&function, 0, 1);
	ck_assert(wire());
	ck_assert(status_shows_interrupt());
	pci_interrupt(&function, 0, 1);
	pci_interrupt(&function, 3, 2);
	ck_assert_uint_eq(fake_calls(FAKE_DM_INTX), 1); /* it is up already */
	ck_assert_uint_eq(pci_intx_read_causes(&function), 3);
	ck_assert(!wire());
	ck_assert(!status_shows_interrupt());
	ck_assert_uint_eq(pci_intx_read_causes(&function), 0);
	ck_assert_uint_eq(fake_calls(FAKE_DM_INTX), 2);
}
END_TEST

START_TEST(intx_disable_silences_the_wire_not_the_cause)
{
	command(PCI_COMMAND_INTX_DISABLE, 0);
	pci_interrupt(&function, 0, 1);
	ck_assert(!wire());
	ck_assert(status_shows_interrupt());
	command(0, PCI_COMMAND_INTX_DISABLE);
	ck_assert(wire());
	command(PCI_COMMAND_INTX_DISABLE, 0);
	ck_assert(!wire());
	ck_assert_uint_eq(pci_intx_read_causes(&function), 1);
	command(0, PCI_COMMAND_INTX_DISABLE);
	ck_assert(!wire());
}
END_TEST

/* The causes are noted all the same (virtio 1.2, 4.1.4.5.1). */
START_TEST(msix_enabled_silences_the_wire)
{
	pci_interrupt(&function, 0, 1);
	config_write(function.msix_control, 2, PCI_MSIX_FLAGS_ENABLE);
	ck_assert(!wire());
	pci_interrupt(&function, 0, 2);
	ck_assert(!wire());
	ck_assert(!status_shows_interrupt());
	ck_assert_uint_eq(pci_intx_read_causes(&function), 3);
	config_write(function.msix_control, 2, 0);
	ck_assert(!wire());
}
END_TEST

START_TEST(a_wire_that_xen_refuses_is_no_disaster)
{
	fake_fail(FAKE_DM_INTX, 1, EINVAL);
	pci_interrupt(&function, 0, 1);
	ck_assert_uint_eq(pci_intx_read_causes(&function), 1);
	pci_interrupt(&function, 0, 1);
	ck_assert(wire());
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(the_header_says_who_it_is),
		ONCE(write_masks_hold),
		ONCE(wide_accesses_are_the_bytes_together),
		ONCE(retry_status_is_for_the_ids_as_32_bits_only),
		ONCE(pci_access_sweep),
		ONCE(pci_access_sweep_bar),
		ONCE(a_window_is_its_owners),
		ONCE(capabilities_are_a_chain),
		ONCE(a_bar_shows_its_size),
		ONCE(a_bar_is_claimed_while_it_decodes),
		ONCE(a_bar_above_4_gib),
		ONCE(no_claim_at_0_or_all_ones),
		TIMES(bars_are_sized_as_hvmloader_seabios_and_linux_do, 2),
		ONCE(a_claim_that_fails_is_tried_again),
		ONCE(a_server_has_room_for_so_many),
		ONCE(causes_add_up_until_they_are_read),
		ONCE(intx_disable_silences_the_wire_not_the_cause),
		ONCE(msix_enabled_silences_the_wire),
		ONCE(a_wire_that_xen_refuses_is_no_disaster),
	};

	return unit_main("pci", function_setup, function_teardown, tests, ARRAY_SIZE(tests));
}
