/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-msix.c: the MSI-X table, its masks and pending bits (PCI Local Bus 3.0,
 * 6.8.2), and what Linux in an HVM guest makes of them: pirqs.
 */
#include <errno.h>

#include "unit/function.h"

#define ADDRESS 0xfee00000u
#define DATA    0x41u /* a vector of its own for each entry: DATA + i */

#define PIRQ      54u
#define PIRQ_HIGH 0x100u /* goes into the address's high half */
#define PIRQ_DATA 0x4300u

static void entry_write(unsigned vector, unsigned word, uint32_t value)
{
	pci_bar_write(&function, 0, FUNCTION_TABLE + 16 * vector + 4 * word, 4, value);
}

static uint32_t entry_read(unsigned vector, unsigned word)
{
	return (uint32_t)pci_bar_read(&function, 0, FUNCTION_TABLE + 16 * vector + 4 * word, 4);
}

static void mask_entry(unsigned vector, bool masked)
{
	entry_write(vector, 3, masked);
}

/* All entries have a message of their own and are unmasked; MSI-X is on. */
static void program(void)
{
	unsigned i;

	for (i = 0; i < FUNCTION_VECTORS; i++) {
		entry_write(i, 0, ADDRESS);
		entry_write(i, 1, 0);
		entry_write(i, 2, DATA + i);
		mask_entry(i, false);
	}
	config_write(function.msix_control, 2, PCI_MSIX_FLAGS_ENABLE);
}

static unsigned sent(unsigned vector)
{
	return fake_msi_count(ADDRESS, DATA + vector);
}

static uint64_t pending(void)
{
	return pci_bar_read(&function, 0, FUNCTION_PBA, 8);
}

START_TEST(entries_begin_masked_and_empty)
{
	unsigned i;

	for (i = 0; i < FUNCTION_VECTORS; i++) {
		ck_assert_uint_eq(entry_read(i, 0) | entry_read(i, 1) | entry_read(i, 2), 0);
		ck_assert_uint_eq(entry_read(i, 3), PCI_MSIX_ENTRY_CTRL_MASKBIT);
	}
	ck_assert_uint_eq(pending(), 0);
	config_write(function.msix_control, 2, PCI_MSIX_FLAGS_ENABLE);
	pci_interrupt(&function, 0, 1);
	ck_assert_uint_eq(fake_calls(FAKE_DM_MSI), 0);
	ck_assert_uint_eq(pending(), 1);
}
END_TEST

START_TEST(each_vector_sends_its_own_message)
{
	unsigned i, j;

	program();
	for (i = 0; i < FUNCTION_VECTORS; i++) {
		pci_interrupt(&function, i, 1);
		for (j = 0; j < FUNCTION_VECTORS; j++)
			ck_assert_uint_eq(sent(j), j <= i);
	}
	ck_assert_uint_eq(pending(), 0);
}
END_TEST

START_TEST(a_vector_that_does_not_exist_sends_nothing)
{
	unsigned vector;

	program();
	for (vector = FUNCTION_VECTORS; vector < 65536; vector++)
		pci_interrupt(&function, vector, 0);
	ck_assert_uint_eq(fake_calls(FAKE_DM_MSI), 0);
	ck_assert_uint_eq(pending(), 0);
}
END_TEST

/* It is pending until the mask goes, then it is sent, once. */
START_TEST(a_masked_entry_is_pending)
{
	program();
	mask_entry(2, true);
	pci_interrupt(&function, 2, 1);
	pci_interrupt(&function, 2, 1);
	pci_interrupt(&function, 1, 1); /* another one is not concerned */
	ck_assert_uint_eq(sent(2), 0);
	ck_assert_uint_eq(sent(1), 1);
	ck_assert_uint_eq(pending(), 1 << 2);
	mask_entry(2, false);
	ck_assert_uint_eq(sent(2), 1);
	ck_assert_uint_eq(pending(), 0);
	mask_entry(2, true);
	mask_entry(2, false);
	ck_assert_uint_eq(sent(2), 1);
}
END_TEST

/* The message that counts is the one at the time of unmasking. */
START_TEST(an_entry_is_rewritten_while_it_is_masked)
{
	program();
	mask_entry(0, true);
	pci_interrupt(&function, 0, 1);
	entry_write(0, 2, 0x99);
	mask_entry(0, false);
	ck_assert_uint_eq(sent(0), 0);
	ck_assert_uint_eq(fake_msi_count(ADDRESS, 0x99), 1);
}
END_TEST

START_TEST(the_function_mask_holds_all)
{
	unsigned i;

	program();
	config_write(function.msix_control, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	mask_entry(3, true);
	for (i = 0; i < FUNCTION_VECTORS; i++)
		pci_interrupt(&function, i, 1);
	ck_assert_uint_eq(fake_calls(FAKE_DM_MSI), 0);
	ck_assert_uint_eq(pending(), 0xf);
	config_write(function.msix_control, 2, PCI_MSIX_FLAGS_ENABLE);
	ck_assert_uint_eq(pending(), 1 << 3);
	for (i = 0; i < FUNCTION_VECTORS; i++)
		ck_assert_uint_eq(sent(i), i < 3);
}
END_TEST

/* What is pending while MSI-X goes off is not sent before it is on again. */
START_TEST(pending_bits_wait_for_enable)
{
	program();
	mask_entry(0, true);
	pci_interrupt(&function, 0, 1);
	config_write(function.msix_control, 2, 0);
	mask_entry(0, false);
	ck_assert_uint_eq(sent(0), 0);
	config_write(function.msix_control, 2, PCI_MSIX_FLAGS_ENABLE);
	ck_assert_uint_eq(sent(0), 1);
}
END_TEST

START_TEST(the_table_takes_whole_words_only)
{
	static const unsigned sizes[] = { 1, 2 };
	unsigned offset, i;

	program();
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (offset = 0; offset < 16 * FUNCTION_VECTORS; offset += sizes[i]) {
			pci_bar_write(&function, 0, FUNCTION_TABLE + offset, sizes[i], 0xff);
			ck_assert_uint_eq(
				pci_bar_read(&function, 0, FUNCTION_TABLE + offset, sizes[i]), 0);
		}
	for (i = 0; i < FUNCTION_VECTORS; i++)
		ck_assert_uint_eq(entry_read(i, 2), DATA + i);
	/* Two words at once are two accesses. */
	pci_bar_write(&function, 0, FUNCTION_TABLE, 8, 0x12345678fee01000);
	ck_assert_uint_eq(entry_read(0, 0), 0xfee01000);
	ck_assert_uint_eq(entry_read(0, 1), 0x12345678);
}
END_TEST

/* Behind the last entry, and all around the pending bits. */
START_TEST(nothing_lies_behind_the_table)
{
	unsigned offset;

	program();
	pci_interrupt(&function, 0, 1);
	for (offset = 16 * FUNCTION_VECTORS; offset < 0x1000; offset += 4) {
		pci_bar_write(&function, 0, FUNCTION_TABLE + offset, 4, 0xffffffff);
		ck_assert_uint_eq(pci_bar_read(&function, 0, FUNCTION_TABLE + offset, 4), 0);
	}
	for (offset = 8; offset < 0x1000; offset += 4)
		ck_assert_uint_eq(pci_bar_read(&function, 0, FUNCTION_PBA + offset, 4), 0);
	ck_assert_uint_eq(msix_pba_read(&function, 0xfffffffc, 4), 0);
	ck_assert_uint_eq(msix_table_read(&function, 0xfffffffc, 4), 0);
}
END_TEST

START_TEST(pending_bits_are_read_only_and_read_in_any_width)
{
	unsigned i;

	program();
	config_write(function.msix_control, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	pci_interrupt(&function, 1, 1);
	pci_interrupt(&function, 3, 1);
	for (i = 1; i <= 8; i *= 2) {
		pci_bar_write(&function, 0, FUNCTION_PBA, i, 0);
		ck_assert_uint_eq(pci_bar_read(&function, 0, FUNCTION_PBA, i), 0xa);
	}
	ck_assert_uint_eq(pci_bar_read(&function, 0, FUNCTION_PBA + 1, 1), 0);
}
END_TEST

/* A message with vector byte 0 is a pirq: it goes to Xen as it is, masks do not count. */
START_TEST(a_pirq_is_never_masked)
{
	program();
	entry_write(1, 0, ADDRESS | PIRQ << 12);
	entry_write(1, 1, PIRQ_HIGH);
	entry_write(1, 2, PIRQ_DATA);
	mask_entry(1, true);
	config_write(function.msix_control, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	pci_interrupt(&function, 1, 1);
	ck_assert_uint_eq(
		fake_msi_count((uint64_t)PIRQ_HIGH << 32 | ADDRESS | PIRQ << 12, PIRQ_DATA), 1);
	ck_assert_uint_eq(pending(), 0);
}
END_TEST

START_TEST(a_message_that_xen_refuses_is_no_disaster)
{
	program();
	fake_fail(FAKE_DM_MSI, 1, EINVAL);
	pci_interrupt(&function, 0, 1);
	ck_assert_uint_eq(sent(0), 0);
	pci_interrupt(&function, 0, 1);
	ck_assert_uint_eq(sent(0), 1);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(entries_begin_masked_and_empty),
		ONCE(each_vector_sends_its_own_message),
		ONCE(a_vector_that_does_not_exist_sends_nothing),
		ONCE(a_masked_entry_is_pending),
		ONCE(an_entry_is_rewritten_while_it_is_masked),
		ONCE(the_function_mask_holds_all),
		ONCE(pending_bits_wait_for_enable),
		ONCE(the_table_takes_whole_words_only),
		ONCE(nothing_lies_behind_the_table),
		ONCE(pending_bits_are_read_only_and_read_in_any_width),
		ONCE(a_pirq_is_never_masked),
		ONCE(a_message_that_xen_refuses_is_no_disaster),
	};

	return unit_main("msix", function_setup, function_teardown, tests, ARRAY_SIZE(tests));
}
