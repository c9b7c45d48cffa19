/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port.c: a root port as Linux takes it into use: bus numbers, window, and the slot
 * as pciehp has it.
 */
#include "guest.h"

#include <check.h>
#include <linux/pci_regs.h>

#define WINDOW_BYTES 0x200000u
#define TYPE(flags)  (((flags)&PCI_EXP_FLAGS_TYPE) >> 4)

static uint16_t express_read(const struct gport *port, unsigned int reg)
{
	return (uint16_t)gpci_read(&port->pci, port->express + reg, 2);
}

/* pci_scan_bridge_extend(): all of them in one write. */
void gport_number(struct gport *port, uint8_t bus)
{
	port->bus = bus;
	gpci_write(&port->pci, PCI_PRIMARY_BUS, 4, (uint32_t)bus << 16 | (uint32_t)bus << 8);
}

static void open_window(const struct gport *port)
{
	uint32_t base = 0xe0000000u + port->bus * WINDOW_BYTES;
	uint32_t limit = base + WINDOW_BYTES - 1;

	gpci_write(&port->pci, PCI_MEMORY_BASE, 4, (base >> 16 & 0xfff0) | (limit & 0xfff00000));
	ck_assert_uint_eq(gpci_read(&port->pci, PCI_MEMORY_BASE, 4),
			  (base >> 16 & 0xfff0) | (limit & 0xfff00000));
}

bool gport_find(struct gport *port, uint16_t bdf, uint8_t bus)
{
	uint16_t flags;

	*port = (struct gport){ 0 };
	if (!gpci_linux_bridge(&port->pci, 0, bdf))
		return false;
	port->express = gpci_find_cap(&port->pci, PCI_CAP_ID_EXP, 0);
	flags = express_read(port, PCI_EXP_FLAGS);
	if (!port->express || TYPE(flags) != PCI_EXP_TYPE_ROOT_PORT ||
	    !(flags & PCI_EXP_FLAGS_SLOT))
		return false;
	gport_number(port, bus);
	open_window(port);
	gpci_enable(&port->pci, true);
	return true;
}

/* pcie_init(), pcie_enable_notification() */
void gport_listen(struct gport *port, enum girq irq)
{
	uint16_t control;

	if (irq == GIRQ_MSIX)
		ck_assert(gpci_msix_enable(&port->pci, GIRQ_MSIX, 1));
	port->pci.irq = irq;
	gpci_write(&port->pci, port->express + PCI_EXP_SLTSTA, 2, 0x11f);
	control = express_read(port, PCI_EXP_SLTCTL);
	gpci_write(&port->pci, port->express + PCI_EXP_SLTCTL, 2,
		   control | PCI_EXP_SLTCTL_DLLSCE | PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_HPIE |
			   PCI_EXP_SLTCTL_CCIE);
}

static bool interrupted(struct gport *port)
{
	unsigned int seen;

	if (port->pci.irq != GIRQ_MSIX)
		return gpci_intx_pending(&port->pci);
	seen = gpci_msix_seen(&port->pci, 0);
	if (seen == port->irqs)
		return false;
	port->irqs = seen;
	return true;
}

/* pciehp_isr(): by messages it looks until there is nothing, by the wire once. */
static uint16_t take_events(struct gport *port)
{
	uint16_t status, events = 0;

	do {
		status = express_read(port, PCI_EXP_SLTSTA) &
			 (PCI_EXP_SLTSTA_ABP | PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC);
		events |= status;
		if (status)
			gpci_write(&port->pci, port->express + PCI_EXP_SLTSTA, 2, status);
	} while (status && port->pci.irq == GIRQ_MSIX);
	return events;
}

uint16_t gport_events(struct gport *port, unsigned int ms)
{
	uint64_t end = fake_now_ns() + ms * 1000000ull, now;

	for (;;) {
		uint32_t seq = fake_irq_seq();
		uint16_t events = interrupted(port) ? take_events(port) : 0;

		now = fake_now_ns();
		if (events || now >= end)
			return events;
		fake_irq_wait(seq, (unsigned int)((end - now) / 1000000) + 1);
	}
}

bool gport_is_occupied(const struct gport *port)
{
	bool present = express_read(port, PCI_EXP_SLTSTA) & PCI_EXP_SLTSTA_PDS;
	uint16_t link = express_read(port, PCI_EXP_LNKSTA);
	bool up = link & PCI_EXP_LNKSTA_DLLLA;

	if (present != up || up != !!(link & PCI_EXP_LNKSTA_NLW) || link & PCI_EXP_LNKSTA_LT)
		fake_violation("%04x: presence and link contradict each other", port->pci.bdf);
	return present;
}

void gport_indicate(const struct gport *port, uint16_t indicator)
{
	uint16_t control = express_read(port, PCI_EXP_SLTCTL);

	gpci_write(&port->pci, port->express + PCI_EXP_SLTCTL, 2,
		   (control & ~PCI_EXP_SLTCTL_PIC) | indicator);
}
