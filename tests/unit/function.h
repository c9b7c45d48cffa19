/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * function.h: one PCI function with a BAR of plain bytes, on an IOREQ server
 * that nobody asks, for the suites of ioreq/pci.c and ioreq/msix.c.
 */
#ifndef FUNCTION_H
#define FUNCTION_H

#include <linux/pci_regs.h>

#include "fake/fake.h"
#include "ioreq/pci.h"
#include "ioreq/server.h"
#include "unit/unit.h"

#define FUNCTION_BAR_BYTES 0x4000u
#define FUNCTION_TABLE     0x2000u /* MSI-X, in the BAR */
#define FUNCTION_PBA       0x3000u
#define FUNCTION_VECTORS   4u
#define FUNCTION_DEVICE    6u /* 00:06.0 */

extern struct pci_function function;
extern struct ioreq_server *server;
extern struct loop *loop;
extern uint8_t bar_bytes[FUNCTION_TABLE];

/* The config window that the function has besides: what was read and written. */
extern unsigned window_first, window_reads, window_writes;

/* Fixture of each test. */
void function_setup(void);
void function_teardown(void);

static inline uint32_t config_read(unsigned offset, unsigned size)
{
	return pci_config_read(&function, offset, size);
}

static inline void config_write(unsigned offset, unsigned size, uint32_t value)
{
	pci_config_write(&function, offset, size, value);
}

/* Sets and clears bits of the command register. */
void command(uint16_t set, uint16_t clear);

#endif
