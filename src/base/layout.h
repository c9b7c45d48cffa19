/* SPDX-License-Identifier: GPL-2.0-or-later */
/* layout.h: where an Arm guest finds its PCI host bridge, unless told otherwise.
 *
 * The places are those that Xen leaves free for a bridge of its own, which only
 * a guest with PCI passthrough has: public/arch-arm.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Guest-physical addresses from base on; size is not 0. */
struct address_window {
	uint64_t base, size;
};

/* Config space, 1 MiB for each bus (PCI Express, 7.2.2), here bus 0 alone:
 * GUEST_VPCI_ECAM_BASE. */
#define LAYOUT_ECAM_BASE 0x10000000
#define LAYOUT_ECAM_SIZE 0x00100000
#define ECAM_BUS_SIZE    0x00100000

/* BARs, 16 MiB from GUEST_VPCI_MEM_ADDR on. */
#define LAYOUT_MEM_BASE 0x23000000
#define LAYOUT_MEM_SIZE 0x01000000

/* INTA of device d is INTID LAYOUT_SPI_BASE + d: the first 32 are no SPIs. */
#define LAYOUT_SPI_BASE 32

/* A root port interrupts by INTB, which is where INTA of another device would be, which there
 * must not be then: its own INTA is that of the device in its slot. Linux unbinds that device in a
 * handler of the port's interrupt, and waits for all handlers of the device's (synchronize_irq()
 * in vp_synchronize_vectors()): they cannot be the same. */
static inline unsigned layout_port_line(unsigned device)
{
	return device ^ 0x10;
}

static inline bool windows_overlap(struct address_window a, struct address_window b)
{
	return a.base < b.base + b.size && b.base < a.base + a.size;
}
