/* SPDX-License-Identifier: GPL-2.0-or-later */
/* irq.h: how a function's interrupts leave. From any thread, under the
 * function's lock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct ioreq_server;
struct pci_function;

/* Drives the function's INTA wire. */
void irq_intx(struct pci_function *function, bool level);

/* Of which device on bus 0 that wire is. */
unsigned irq_wire(const struct pci_function *function);

/* Is there such a wire? 0 or -errno: a domain on Arm has only so many SPIs. */
int irq_intx_try(const struct pci_function *function);

/* Drives the wire of ACPI's interrupt in an x86 guest, which Xen and QEMU drive, too. 0 or
 * -errno. On main. */
int irq_sci(const struct ioreq_server *server, bool level);

/* Sends a message with the guest's address and data as they are: with vector 0
 * Xen reads a pirq from the address, whose high half counts too. */
void irq_message(const struct pci_function *function, uint64_t address, uint32_t data);
