/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pci.c: how hvmloader, SeaBIOS and Linux look at one PCI function, each with
 * its own access sizes and order, and Linux's MSI-X.
 */
#include "guest.h"

#include "base/layout.h"

#include <check.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <time.h>

#define BAR_BASE     0xf0000000ull
#define BAR_STRIDE   0x100000ull
#define PIRQ_DATA    0x700u /* vector byte 0: Xen takes the pirq from the address */
#define MSI_ADDRESS  0xfee00000u
#define BARS         6
#define BRIDGE_BARS  2
#define FIRST_PIRQ   54
#define FIRST_VECTOR 0x21
#define INTB         2
#define FIRST_SPI    32    /* of device 0 */
#define RRS_VENDOR   1     /* of a function that is not ready */
#define RRS_MS       60000 /* the longest delay */

uint32_t gpci_read(const struct gpci *pci, unsigned int reg, unsigned int size)
{
	return (uint32_t)vcpu_config_read(pci->vcpu, pci->bdf, reg, size);
}

void gpci_write(const struct gpci *pci, unsigned int reg, unsigned int size, uint32_t value)
{
	vcpu_config_write(pci->vcpu, pci->bdf, reg, size, value);
}

static void set_command(const struct gpci *pci, uint16_t clear, uint16_t set)
{
	uint32_t command = gpci_read(pci, PCI_COMMAND, 2);

	gpci_write(pci, PCI_COMMAND, 2, (command & ~(uint32_t)clear) | set);
}

static unsigned int bar_reg(unsigned int bar)
{
	return PCI_BASE_ADDRESS_0 + 4 * bar;
}

/* ---- BAR sizing -------------------------------------------------------------- */

/* Ones in, the size mask out, the old value back. */
static uint32_t size_reg(const struct gpci *pci, unsigned int reg, uint32_t ones, uint32_t *old)
{
	uint32_t mask;

	*old = gpci_read(pci, reg, 4);
	gpci_write(pci, reg, 4, ones);
	mask = gpci_read(pci, reg, 4);
	gpci_write(pci, reg, 4, *old);
	return mask;
}

/* Returns how many registers the BAR takes. */
static unsigned int size_bar(struct gpci *pci, unsigned int i)
{
	struct gpci_bar *bar = &pci->bar[i];
	uint32_t low, high = 0, mask = size_reg(pci, bar_reg(i), UINT32_MAX, &low),
		      high_mask = UINT32_MAX;

	*bar = (struct gpci_bar){ .is64 = (mask & PCI_BASE_ADDRESS_MEM_TYPE_MASK) ==
					  PCI_BASE_ADDRESS_MEM_TYPE_64 };
	if (!mask || mask == UINT32_MAX)
		return 1;
	if (bar->is64)
		high_mask = size_reg(pci, bar_reg(i) + 4, UINT32_MAX, &high);
	bar->base = (uint64_t)high << 32 | (low & ~0xfu);
	bar->size = ~((uint64_t)high_mask << 32 | (mask & ~0xfu)) + 1;
	return bar->is64 ? 2 : 1;
}

/* All of them leave it off meanwhile. */
static void size_rom(struct gpci *pci)
{
	uint32_t old, mask = size_reg(pci, PCI_ROM_ADDRESS, PCI_ROM_ADDRESS_MASK, &old);

	pci->rom =
		(struct gpci_bar){ .base = old & PCI_ROM_ADDRESS_MASK, .size = mask ? -mask : 0 };
	if (mask & ~PCI_ROM_ADDRESS_MASK)
		fake_violation("%04x: the ROM BAR decodes, or has odd bits", pci->bdf);
}

static void size_bars(struct gpci *pci, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i += size_bar(pci, i))
		;
	if (count == BARS)
		size_rom(pci);
}

static uint64_t place_bars(struct gpci *pci, uint64_t base)
{
	unsigned int i;

	for (i = 0; i < BARS; i++) {
		struct gpci_bar *bar = &pci->bar[i];

		if (!bar->size)
			continue;
		bar->base = (base + bar->size - 1) & ~(bar->size - 1);
		base = bar->base + bar->size;
		gpci_write(pci, bar_reg(i), 4, (uint32_t)bar->base);
		if (bar->is64)
			gpci_write(pci, bar_reg(i) + 4, 4, (uint32_t)(bar->base >> 32));
	}
	if (!pci->rom.size)
		return base;
	pci->rom.base = (base + pci->rom.size - 1) & ~(pci->rom.size - 1);
	gpci_write(pci, PCI_ROM_ADDRESS, 4, (uint32_t)pci->rom.base);
	return pci->rom.base + pci->rom.size;
}

/* ---- who looks at it ------------------------------------------------------------ */

static bool present(uint16_t vendor, uint16_t device)
{
	return vendor != 0xffff || device != 0xffff;
}

bool gpci_hvmloader(struct gpci *pci, unsigned int vcpu, uint16_t bdf, uint64_t base)
{
	pci->vcpu = vcpu;
	pci->bdf = bdf;
	pci->class_rev = gpci_read(pci, PCI_CLASS_DEVICE, 2) << 16;
	pci->vendor = (uint16_t)gpci_read(pci, PCI_VENDOR_ID, 2);
	pci->device = (uint16_t)gpci_read(pci, PCI_DEVICE_ID, 2);
	if (!present(pci->vendor, pci->device))
		return false;
	set_command(pci, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
	size_bars(pci, BARS);
	pci->pin = gpci_read(pci, PCI_INTERRUPT_PIN, 1);
	if (pci->pin)
		gpci_write(pci, PCI_INTERRUPT_LINE, 1, 11);
	place_bars(pci, base);
	set_command(pci, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return true;
}

void gpci_seabios(struct gpci *pci)
{
	gpci_read(pci, PCI_VENDOR_ID, 2);
	gpci_read(pci, PCI_VENDOR_ID, 4);
	gpci_read(pci, PCI_CLASS_REVISION, 4);
	gpci_read(pci, PCI_HEADER_TYPE, 1);
	size_bars(pci, BARS);
	set_command(pci, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* What "rep movsl" copies within a page, as Xen hands it over. */
static void copy_words(const struct gpci *pci, uint64_t from, uint64_t to, uint32_t length)
{
	const struct fake_io io = { .type = FAKE_MMIO,
				    .read = true,
				    .addr = from,
				    .data = to,
				    .size = 4,
				    .count = length / 4,
				    .data_is_ptr = true };

	ck_assert(vcpu_io(pci->vcpu, &io).answered);
}

/* An image is of whole 512 bytes. */
void gpci_seabios_rom(const struct gpci *pci, void *bytes, uint32_t length)
{
	uint64_t page = gpage_alloc(1);
	uint32_t done, part;

	gpci_write(pci, PCI_ROM_ADDRESS, 4, (uint32_t)pci->rom.base | PCI_ROM_ADDRESS_ENABLE);
	for (done = 0; done < length; done += part) {
		part = length - done < FAKE_PAGE ? length - done : FAKE_PAGE;
		copy_words(pci, pci->rom.base + done, page, part);
		memcpy((uint8_t *)bytes + done, fake_ram(page), part);
	}
	gpci_write(pci, PCI_ROM_ADDRESS, 4, (uint32_t)pci->rom.base);
	gpage_free(page, 1);
}

static void nap(unsigned int ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

/* pci_bus_wait_rrs(): again after 1, 2, 4 ... ms. */
static uint32_t read_id(const struct gpci *pci)
{
	uint32_t id = gpci_read(pci, PCI_VENDOR_ID, 4);
	unsigned int delay;

	for (delay = 1; (id & 0xffff) == RRS_VENDOR; delay *= 2) {
		if (delay > RRS_MS)
			return UINT32_MAX;
		nap(delay);
		id = gpci_read(pci, PCI_VENDOR_ID, 4);
	}
	return id;
}

/* __pci_read_base() turns decoding off while it sizes. */
static bool linux_setup(struct gpci *pci, unsigned int bars, uint64_t base)
{
	uint32_t command = gpci_read(pci, PCI_COMMAND, 2);

	pci->class_rev = gpci_read(pci, PCI_CLASS_REVISION, 4);
	pci->pin = gpci_read(pci, PCI_INTERRUPT_PIN, 1);
	gpci_write(pci, PCI_COMMAND, 2, command & ~3u);
	size_bars(pci, bars);
	gpci_write(pci, PCI_COMMAND, 2, command);
	if (base)
		place_bars(pci, base);
	pci->irq = GIRQ_NONE;
	pci->msix = (uint8_t)gpci_find_cap(pci, PCI_CAP_ID_MSIX, 0);
	return true;
}

static bool linux_looks(struct gpci *pci, unsigned int vcpu, uint16_t bdf, uint8_t header)
{
	uint32_t id;

	pci->vcpu = vcpu;
	pci->bdf = bdf;
	id = read_id(pci);
	pci->vendor = (uint16_t)id;
	pci->device = (uint16_t)(id >> 16);
	return present(pci->vendor, pci->device) &&
	       (gpci_read(pci, PCI_HEADER_TYPE, 1) & 0x7f) == header;
}

bool gpci_linux(struct gpci *pci, unsigned int vcpu, uint16_t bdf, uint64_t base)
{
	return linux_looks(pci, vcpu, bdf, PCI_HEADER_TYPE_NORMAL) && linux_setup(pci, BARS, base);
}

static uint64_t place_of(uint16_t bdf)
{
	return BAR_BASE + (bdf >> 3) * BAR_STRIDE;
}

bool gpci_linux_bridge(struct gpci *pci, unsigned int vcpu, uint16_t bdf)
{
	return linux_looks(pci, vcpu, bdf, PCI_HEADER_TYPE_BRIDGE) &&
	       linux_setup(pci, BRIDGE_BARS, place_of(bdf));
}

void gpci_find(struct gpci *pci, uint16_t bdf)
{
	uint64_t base = place_of(bdf);
	bool hvm = fake_platform() == FAKE_HVM;

	if (hvm) {
		ck_assert_msg(gpci_hvmloader(pci, 0, bdf, base), "hvmloader finds no %04x", bdf);
		gpci_seabios(pci);
	}
	ck_assert_msg(gpci_linux(pci, 0, bdf, hvm ? 0 : base), "Linux finds no %04x", bdf);
	gpci_enable(pci, true);
}

void gpci_enable(struct gpci *pci, bool on)
{
	uint16_t bits = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	set_command(pci, on ? 0 : bits, on ? bits : 0);
}

unsigned int gpci_find_cap(const struct gpci *pci, uint8_t id, unsigned int pos)
{
	unsigned int steps;

	if (!(gpci_read(pci, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	pos = gpci_read(pci, pos ? pos + 1 : PCI_CAPABILITY_LIST, 1) & ~3u;
	for (steps = 0; pos >= 0x40 && steps < 48; steps++) {
		uint32_t entry = gpci_read(pci, pos, 2);

		if ((entry & 0xff) == id)
			return pos;
		pos = entry >> 8 & ~3u;
	}
	if (steps == 48)
		fake_violation("%04x: endless capability list", pci->bdf);
	return 0;
}

/* ---- MSI-X ------------------------------------------------------------------------ */

static uint64_t entry_field(const struct gpci *pci, unsigned int vector, unsigned int field)
{
	return pci->msix_table + (uint64_t)vector * PCI_MSIX_ENTRY_SIZE + field;
}

static uint64_t message_address(const struct gpci *pci, unsigned int vector)
{
	unsigned int pirq = FIRST_PIRQ + (pci->bdf & 0xff) + vector;

	if (pci->irq == GIRQ_PIRQ)
		return (uint64_t)(pirq & ~0xffu) << 32 | MSI_ADDRESS | (pirq & 0xff) << 12;
	return MSI_ADDRESS | pci->vcpu << 12;
}

/* Vectors of different functions differ. */
static uint32_t message_data(const struct gpci *pci, unsigned int vector)
{
	unsigned int device = pci->bdf >> 3 & 31;

	return pci->irq == GIRQ_PIRQ ? PIRQ_DATA : FIRST_VECTOR + (device % 12) * 16 + vector;
}

/* __pci_write_msi_msg(), then a read to flush it. */
static void write_message(const struct gpci *pci, unsigned int vector)
{
	uint64_t address = message_address(pci, vector);

	vcpu_mmio_write(pci->vcpu, entry_field(pci, vector, PCI_MSIX_ENTRY_LOWER_ADDR), 4,
			(uint32_t)address);
	vcpu_mmio_write(pci->vcpu, entry_field(pci, vector, PCI_MSIX_ENTRY_UPPER_ADDR), 4,
			address >> 32);
	vcpu_mmio_write(pci->vcpu, entry_field(pci, vector, PCI_MSIX_ENTRY_DATA), 4,
			message_data(pci, vector));
	vcpu_mmio_read(pci->vcpu, entry_field(pci, vector, PCI_MSIX_ENTRY_DATA), 4);
}

void gpci_msix_mask(struct gpci *pci, unsigned int vector, bool masked)
{
	uint64_t control = entry_field(pci, vector, PCI_MSIX_ENTRY_VECTOR_CTRL);

	vcpu_mmio_write(pci->vcpu, control, 4, masked);
	vcpu_mmio_read(pci->vcpu, control, 4);
}

static void msix_find(struct gpci *pci)
{
	uint32_t table = gpci_read(pci, pci->msix + PCI_MSIX_TABLE, 4);
	uint32_t pba = gpci_read(pci, pci->msix + PCI_MSIX_PBA, 4);

	pci->msix_table = pci->bar[table & 7].base + (table & ~7u);
	pci->msix_pba = pci->bar[pba & 7].base + (pba & ~7u);
}

static void set_msix_flags(const struct gpci *pci, uint16_t clear, uint16_t set)
{
	uint32_t flags = gpci_read(pci, pci->msix + PCI_MSIX_FLAGS, 2);

	gpci_write(pci, pci->msix + PCI_MSIX_FLAGS, 2, (flags & ~(uint32_t)clear) | set);
}

/* With pirq messages Linux leaves every mask bit as it found it: set. */
bool gpci_msix_enable(struct gpci *pci, enum girq irq, unsigned int nvec)
{
	uint32_t flags = pci->msix ? gpci_read(pci, pci->msix + PCI_MSIX_FLAGS, 2) : 0;
	unsigned int i;

	pci->msix_vectors = (flags & PCI_MSIX_FLAGS_QSIZE) + 1;
	if (!pci->msix || nvec > pci->msix_vectors)
		return false;
	pci->irq = irq;
	msix_find(pci);
	set_msix_flags(pci, 0, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	set_command(pci, 0, PCI_COMMAND_INTX_DISABLE);
	for (i = 0; i < pci->msix_vectors && irq == GIRQ_MSIX; i++)
		gpci_msix_mask(pci, i, true);
	for (i = 0; i < nvec; i++)
		write_message(pci, i);
	set_msix_flags(pci, PCI_MSIX_FLAGS_MASKALL, 0);
	for (i = 0; i < nvec && irq == GIRQ_MSIX; i++)
		gpci_msix_mask(pci, i, false);
	return true;
}

void gpci_msix_disable(struct gpci *pci)
{
	set_msix_flags(pci, PCI_MSIX_FLAGS_ENABLE, 0);
	set_command(pci, PCI_COMMAND_INTX_DISABLE, 0);
	pci->irq = GIRQ_NONE;
}

unsigned int gpci_msix_seen(const struct gpci *pci, unsigned int vector)
{
	return fake_msi_count(message_address(pci, vector), message_data(pci, vector));
}

/* ---- INTx ------------------------------------------------------------------------- */

/* Behind a port its INTA is the port's (PCI-to-PCI Bridge 1.2, 9.1: device 0), whose own is INTB. */
bool gpci_intx_pending(struct gpci *pci)
{
	unsigned int device = (pci->bdf >> 8 ? pci->port : pci->bdf) >> 3 & 31, raised;

	if (pci->pin == INTB)
		device = layout_port_line(device);
	if (fake_platform() != FAKE_ARM)
		return fake_intx_level(device, pci->pin - 1);
	raised = fake_spi_raised(FIRST_SPI + device);
	if (raised == pci->spis_seen)
		return false;
	pci->spis_seen = raised;
	return true;
}
