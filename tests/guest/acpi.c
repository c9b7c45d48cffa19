/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * acpi.c: how Linux serves a general purpose event, and what the methods of hvmloader's
 * DSDT do for PCI slots (Xen's tools/libacpi/mk_dsdt.c; Linux's drivers/acpi/acpica).
 */
#include "guest.h"

#include <check.h>

#define COME     GACPI_SLOTS
#define GO       (GACPI_SLOTS + 4)
#define EJECT    (GACPI_SLOTS + 8)
#define STATUS   GACPI_EVENTS
#define ENABLED  (GACPI_EVENTS + 2)
#define PCI      2u /* the event's bit */
#define LAST     31 /* slot */
#define SLICE_MS 5

static bool interrupted(unsigned int ms)
{
	uint64_t end = fake_now_ns() + ms * 1000000ull;

	while (!fake_isa_level(GACPI_IRQ)) {
		if (fake_now_ns() >= end)
			return false;
		fake_irq_wait(fake_irq_seq(), SLICE_MS);
	}
	return true;
}

/* An edge-triggered event is cleared before its method runs, and cannot come meanwhile. */
bool gacpi_begin(unsigned int vcpu, unsigned int ms)
{
	uint32_t status, enabled;

	if (!interrupted(ms))
		return false;
	enabled = (uint32_t)vcpu_pio_read(vcpu, ENABLED, 1);
	status = (uint32_t)vcpu_pio_read(vcpu, STATUS, 1);
	if (!(status & enabled & PCI))
		return false;
	vcpu_pio_write(vcpu, ENABLED, 1, enabled & ~PCI);
	vcpu_pio_write(vcpu, STATUS, 1, PCI);
	ck_assert_msg(!fake_isa_level(GACPI_IRQ), "the interrupt would come again for ever");
	return true;
}

void gacpi_method(unsigned int vcpu, struct gacpi_event *event)
{
	unsigned int slot;

	*event = (struct gacpi_event){ 0 };
	for (slot = 1; slot <= LAST; slot++) {
		event->come |= (uint32_t)vcpu_pio_read(vcpu, COME, 4) & 1u << slot;
		event->go |= (uint32_t)vcpu_pio_read(vcpu, GO, 4) & 1u << slot;
	}
}

void gacpi_end(unsigned int vcpu)
{
	uint32_t enabled = (uint32_t)vcpu_pio_read(vcpu, ENABLED, 1);

	vcpu_pio_write(vcpu, ENABLED, 1, enabled | PCI);
}

bool gacpi_serve(unsigned int vcpu, unsigned int ms, struct gacpi_event *event)
{
	if (!gacpi_begin(vcpu, ms))
		return false;
	gacpi_method(vcpu, event);
	gacpi_end(vcpu);
	return true;
}

void gacpi_eject(unsigned int vcpu, unsigned int device)
{
	vcpu_pio_write(vcpu, EJECT, 4, 1u << device);
}
