/* SPDX-License-Identifier: GPL-2.0-or-later */
/* msix.c: the MSI-X table and its pending bits (PCI Local Bus 3.0, 6.8.2).
 *
 * A Linux HVM guest routes messages to event channels: the data's vector byte
 * is 0, and it never unmasks such an entry (arch/x86/pci/xen.c). So masks do
 * not hold for entries of that style. */
#include <linux/pci_regs.h>
#include <string.h>

#include "base/util.h"
#include "ioreq/internal.h"
#include "ioreq/irq.h"
#include "ioreq/pci.h"

#define ENTRY_DATA    2
#define ENTRY_CONTROL 3

static uint16_t control(const struct pci_function *function)
{
	return pci_config16(function, function->msix_control);
}

bool msix_enabled(const struct pci_function *function)
{
	return function->msix_vectors && (control(function) & PCI_MSIX_FLAGS_ENABLE);
}

static uint64_t entry_address(const uint32_t *entry)
{
	return entry[0] | (uint64_t)entry[1] << 32;
}

static bool has_pirq(const uint32_t *entry)
{
	uint32_t data = entry[ENTRY_DATA];

	return data && !(data & 0xff) && entry_address(entry);
}

static bool masked(const struct pci_function *function, const uint32_t *entry)
{
	if (has_pirq(entry))
		return false;
	return (control(function) & PCI_MSIX_FLAGS_MASKALL) ||
	       (entry[ENTRY_CONTROL] & PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

void msix_send(struct pci_function *function, unsigned vector)
{
	const uint32_t *entry;

	if (vector >= function->msix_vectors)
		return;
	entry = function->state->msix_table[vector];
	if (masked(function, entry)) {
		function->state->msix_pending |= BIT_ULL(vector);
		return;
	}
	function->state->msix_pending &= ~BIT_ULL(vector);
	irq_message(function, entry_address(entry), entry[ENTRY_DATA]);
}

void msix_unmasked(struct pci_function *function)
{
	unsigned i;

	if (!function->state->msix_pending || !msix_enabled(function))
		return;
	for (i = 0; i < function->msix_vectors; i++)
		if (function->state->msix_pending & BIT_ULL(i))
			msix_send(function, i);
}

void msix_restore(struct pci_function *function, const struct pci_state *left)
{
	unsigned i;

	memcpy(function->state->msix_table, left->msix_table, sizeof(left->msix_table));
	for (i = 0; i < function->msix_vectors; i++)
		function->server->pirqs |= has_pirq(function->state->msix_table[i]);
}

/* Entries are read and written by whole words (PCI 3.0, 6.8.2). */
static uint32_t *word(struct pci_function *function, uint32_t offset, unsigned size)
{
	unsigned vector = offset / MSIX_ENTRY_BYTES;

	if (size != 4 || vector >= function->msix_vectors)
		return NULL;
	return &function->state->msix_table[vector][offset % MSIX_ENTRY_BYTES / 4];
}

uint32_t msix_table_read(struct pci_function *function, uint32_t offset, unsigned size)
{
	const uint32_t *at = word(function, offset, size);

	return at ? *at : 0;
}

void msix_table_write(struct pci_function *function, uint32_t offset, unsigned size, uint32_t value)
{
	uint32_t *at = word(function, offset, size);

	if (!at)
		return;
	pthread_mutex_lock(&function->lock);
	*at = value;
	function->server->pirqs |= has_pirq(function->state->msix_table[offset / MSIX_ENTRY_BYTES]);
	msix_unmasked(function);
	pthread_mutex_unlock(&function->lock);
}

uint32_t msix_pba_read(struct pci_function *function, uint32_t offset, unsigned size)
{
	uint64_t pending;
	uint32_t value = 0;

	if (offset > sizeof(pending) - size)
		return 0;
	pthread_mutex_lock(&function->lock);
	pending = function->state->msix_pending;
	pthread_mutex_unlock(&function->lock);
	memcpy(&value, (uint8_t *)&pending + offset, size);
	return value;
}
