/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bar.c: base addresses (PCI Local Bus 3.0, 6.2.5): where BARs and the expansion ROM
 * are, claimed with Xen while they decode, and what is there. */
#include <linux/pci_regs.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "ioreq/pci.h"
#include "ioreq/server.h"

static unsigned base_register(unsigned bar)
{
	return bar == PCI_ROM ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + 4 * bar;
}

void pci_add_bar(struct pci_function *function, unsigned bar, uint64_t size,
		 const struct pci_bar_ops *ops, void *arg)
{
	unsigned offset = base_register(bar);
	uint64_t address_bits = ~(size - 1);

	function->bars[bar] = (struct pci_bar){ .size = size, .ops = ops, .arg = arg };
	function->state->config[offset] = PCI_BASE_ADDRESS_MEM_TYPE_64;
	memcpy(function->writable + offset, &address_bits, sizeof(address_bits));
}

void pci_add_rom(struct pci_function *function, const uint8_t *bytes, size_t length)
{
	uint32_t size = PCI_ROM_MIN, writable;

	while (size < length)
		size *= 2;
	writable = ~(size - 1) | PCI_ROM_ADDRESS_ENABLE;
	function->rom = bytes;
	function->rom_length = length;
	function->bars[PCI_ROM] = (struct pci_bar){ .size = size };
	memcpy(function->writable + PCI_ROM_ADDRESS, &writable, sizeof(writable));
}

/* 0 while it is off. */
static uint64_t rom_address(const struct pci_function *function)
{
	uint32_t address;

	memcpy(&address, function->state->config + PCI_ROM_ADDRESS, sizeof(address));
	return address & PCI_ROM_ADDRESS_ENABLE ? address & PCI_ROM_ADDRESS_MASK : 0;
}

static uint64_t bar_address(const struct pci_function *function, unsigned bar)
{
	uint64_t address;

	if (bar == PCI_ROM)
		return rom_address(function);
	memcpy(&address, function->state->config + base_register(bar), sizeof(address));
	return address & ~(function->bars[bar].size - 1);
}

/* None unless the BAR decodes: firmware and Linux switch decoding off and on and
 * write all-ones to one half after the other to learn the size. */
static struct pci_claim claim_wanted(const struct pci_function *function, unsigned bar)
{
	uint64_t address, size = function->bars[bar].size;
	struct pci_claim none = { 0 };

	if (!size || !(pci_config16(function, PCI_COMMAND) & PCI_COMMAND_MEMORY))
		return none;
	address = bar_address(function, bar);
	if (!address || (uint32_t)address == ~(uint32_t)(size - 1) || address >> 32 == UINT32_MAX)
		return none;
	return (struct pci_claim){ .base = address, .size = size };
}

/* The state says "claimed" for all the time in which Xen may know the range. */
static void update_bar(struct pci_function *function, unsigned bar)
{
	struct pci_claim *claim = &function->state->claims[bar];
	struct pci_claim wanted = claim_wanted(function, bar);
	int err;

	if (wanted.base == claim->base && wanted.size == claim->size)
		return;
	if (claim->size)
		ioreq_unclaim_bar(function->server, function, bar);
	*claim = wanted;
	if (!wanted.size)
		return;
	err = ioreq_claim_bar(function->server, function, bar, wanted.base, wanted.size);
	if (err) {
		log_guest("%s: BAR %u at %#llx: %s", function->name, bar,
			  (unsigned long long)wanted.base, strerror(-err));
		*claim = (struct pci_claim){ 0 };
	}
}

void pci_update_bars(struct pci_function *function)
{
	unsigned bar;

	for (bar = 0; bar < PCI_BASES; bar++)
		update_bar(function, bar);
}

static bool is_possible(struct pci_claim claim)
{
	uint64_t offset_bits = claim.size - 1;

	return claim.base && claim.size && !(claim.size & offset_bits) &&
	       !(claim.base & offset_bits);
}

void pci_restore_claims(struct pci_function *function, const struct pci_state *left)
{
	unsigned bar;

	for (bar = 0; bar < PCI_BASES; bar++) {
		struct pci_claim claim = left->claims[bar];

		if (is_possible(claim) &&
		    !ioreq_claim_bar(function->server, function, bar, claim.base, claim.size))
			function->state->claims[bar] = claim;
	}
}

/* Any bytes, and ones where there are none: it is memory. */
static uint64_t rom_read(const struct pci_function *function, uint64_t offset, unsigned size)
{
	uint64_t value = ~0ULL;

	if (offset < function->rom_length)
		memcpy(&value, function->rom + offset,
		       min_u64(size, function->rom_length - offset));
	return value;
}

/* A 64-bit access is two of 32 bits (virtio 1.2, 4.1.3.1). */
uint64_t pci_bar_read(struct pci_function *function, unsigned bar, uint64_t offset, unsigned size)
{
	const struct pci_bar *b = &function->bars[bar];

	if (offset > b->size - size)
		return ~0ULL;
	if (bar == PCI_ROM)
		return rom_read(function, offset, size);
	if (offset % size)
		return ~0ULL;
	if (size == 8)
		return b->ops->read(b->arg, (uint32_t)offset, 4) |
		       (uint64_t)b->ops->read(b->arg, (uint32_t)offset + 4, 4) << 32;
	return b->ops->read(b->arg, (uint32_t)offset, size);
}

void pci_bar_write(struct pci_function *function, unsigned bar, uint64_t offset, unsigned size,
		   uint64_t value)
{
	const struct pci_bar *b = &function->bars[bar];

	if (bar == PCI_ROM || offset % size || offset > b->size - size)
		return;
	if (size == 8) {
		b->ops->write(b->arg, (uint32_t)offset, 4, (uint32_t)value);
		b->ops->write(b->arg, (uint32_t)offset + 4, 4, (uint32_t)(value >> 32));
		return;
	}
	b->ops->write(b->arg, (uint32_t)offset, size, (uint32_t)value);
}
