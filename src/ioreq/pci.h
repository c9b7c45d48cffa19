/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pci.h: one PCI function: config space, memory BARs, expansion ROM, INTx, MSI-X.
 *
 * Config space and BARs are accessed by the server's thread only. Interrupts
 * are raised by any thread: the function's lock covers the interrupt causes,
 * the MSI-X table with its pending bits, and the hypercalls that follow. */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bdf.h"

#define PCI_CONFIG_BYTES 256
#define PCI_BARS         6
#define PCI_ROM          PCI_BARS /* the expansion ROM, where a BAR is meant */
#define PCI_BASES        (PCI_BARS + 1)
#define PCI_ROM_MIN      2048U
#define MSIX_MAX_VECTORS 64
#define MSIX_ENTRY_BYTES 16

struct ioreq_server;

/* Offsets are within the BAR; sizes 1, 2 or 4, and the offset a multiple. */
struct pci_bar_ops {
	uint32_t (*read)(void *arg, uint32_t offset, unsigned size);
	void (*write)(void *arg, uint32_t offset, unsigned size, uint32_t value);
};

struct pci_bar {
	uint64_t size; /* 0: not there */
	const struct pci_bar_ops *ops;
	void *arg;
};

/* Config registers with a meaning of their own. Offsets are from the window. */
struct pci_window {
	unsigned first, length; /* length 0: none */
	uint32_t (*read)(void *arg, unsigned offset, unsigned size);
	void (*write)(void *arg, unsigned offset, unsigned size, uint32_t value);
	void *arg;
};

/* A range that Xen has, or may have; size 0: none. */
struct pci_claim {
	uint64_t base, size;
};

/* What the guest has made of the function; plain, so that it can outlive us. */
struct pci_state {
	uint8_t config[PCI_CONFIG_BYTES];
	uint32_t msix_table[MSIX_MAX_VECTORS][4];
	uint64_t msix_pending;
	uint8_t intx_causes;
	uint8_t intx_level; /* the wire is, or may be, up */
	struct pci_claim claims[PCI_BASES];
};

/* An INTA wire that several functions share: it is up while one of them has it up. */
struct pci_wire {
	pthread_mutex_t lock;
	unsigned device; /* on bus 0, whose wire it is */
	unsigned up;     /* how many have */
};

struct pci_function {
	struct pci_bdf bdf;
	bool nowhere;     /* the guest has given its bus no number: nobody can find it */
	bool retry;       /* the ids, read as 32 bits, say "not ready, try again" */
	const char *name; /* for messages */
	struct ioreq_server *server;
	struct pci_state *state;
	uint8_t writable[PCI_CONFIG_BYTES];
	uint8_t clearable[PCI_CONFIG_BYTES]; /* bits that are cleared by writing ones */
	struct pci_bar bars[PCI_BASES];      /* the ROM's has no ops */
	const uint8_t *rom;
	size_t rom_length;
	struct pci_window window;
	/* After a write to anything else, or NULL. */
	void (*written)(struct pci_function *function, uint32_t offset, unsigned size);
	struct pci_wire *wire; /* NULL: its own device's */
	bool wired;            /* it has that up */
	unsigned msix_control; /* config offset of the message control word; 0: none */
	unsigned msix_vectors;
	unsigned last_capability, free_config;
	pthread_mutex_t lock;
};

struct pci_identity {
	uint16_t vendor, device, subsystem_vendor, subsystem;
	uint32_t class_code; /* 24 bits */
	uint8_t revision;
};

/* Sets up @function, as at power-on, around @state. */
void pci_function_init(struct pci_function *function, struct pci_bdf bdf, const char *name,
		       struct pci_state *state, const struct pci_identity *identity);
/* Puts the guest's settings back that a dead process left behind: what the
 * guest can write, and of the rest only, if it @goes_on, interrupts that are pending; else
 * its interrupt line is lowered. */
void pci_function_restore(struct pci_function *function, const struct pci_state *left,
			  bool goes_on);
void pci_function_destroy(struct pci_function *function);

/* Adds a 64-bit memory BAR; @bar is even, @size a power of two >= 16. */
void pci_add_bar(struct pci_function *function, unsigned bar, uint64_t size,
		 const struct pci_bar_ops *ops, void *arg);

/* Adds an expansion ROM (6.2.5.2), up to 2 GiB, which firmware copies and runs. The
 * bytes stay valid; behind them, up to a power of two, ones are read. */
void pci_add_rom(struct pci_function *function, const uint8_t *bytes, size_t length);

/* Appends a capability: @body follows id and next pointer. Returns its offset. */
unsigned pci_add_capability(struct pci_function *function, uint8_t id, const void *body,
			    unsigned length);

/* Appends a capability by which the guest learns of backends: a header with
 * Xen's vendor id, then @body (man/xenvirtiod-pci.7). Returns @body's offset. */
#define PCI_VENDOR_XEN 0x5853
unsigned pci_add_xen_capability(struct pci_function *function, const void *body, unsigned length);

/* The table and the pending bits are in a BAR whose ops call msix_*(). */
void pci_add_msix(struct pci_function *function, unsigned vectors, unsigned bar,
		  uint32_t table_offset, uint32_t pba_offset);

static inline uint16_t pci_config16(const struct pci_function *function, unsigned offset)
{
	return (uint16_t)(function->state->config[offset] | function->state->config[offset + 1]
								    << 8);
}

/* What the ids read as while a function is not ready: Request Retry Status, as a
 * root complex shows it to software (PCI Express 3.0, 2.3.2). Linux then asks again,
 * for up to 65 s, on any bus. It reads all 32 bits at once; 16-bit reads are
 * hvmloader's, which has to find the function to place its BARs. */
#define PCI_RETRY_STATUS 0xffff0001U

/* Any offset, size 1, 2 or 4; what is out of reach reads all-ones. */
uint32_t pci_config_read(struct pci_function *function, uint32_t offset, unsigned size);
void pci_config_write(struct pci_function *function, uint32_t offset, unsigned size,
		      uint32_t value);

/* Any offset, size 1, 2, 4 or 8; what is not within the BAR, or unaligned, reads
 * all-ones. PCI_ROM may be read unaligned. More bits than asked for mean nothing. */
uint64_t pci_bar_read(struct pci_function *function, unsigned bar, uint64_t offset, unsigned size);
void pci_bar_write(struct pci_function *function, unsigned bar, uint64_t offset, unsigned size,
		   uint64_t value);

/* Interrupts the guest: by MSI-X vector @vector (kept as pending while masked;
 * none if it does not exist), or while MSI-X is off by INTx. INTx causes add up
 * until the guest reads, and so clears, them. From any thread. */
void pci_interrupt(struct pci_function *function, unsigned vector, uint8_t causes);
uint8_t pci_intx_read_causes(struct pci_function *function);

/* The table and the pending bits as registers; offsets from their beginnings. */
uint32_t msix_table_read(struct pci_function *function, uint32_t offset, unsigned size);
void msix_table_write(struct pci_function *function, uint32_t offset, unsigned size,
		      uint32_t value);
uint32_t msix_pba_read(struct pci_function *function, uint32_t offset, unsigned size);

/* Under the lock: true while the guest has MSI-X enabled. */
bool msix_enabled(const struct pci_function *function);

/* The table as a dead process left it. */
void msix_restore(struct pci_function *function, const struct pci_state *left);

/* Under the lock: sends a vector, or notes it as pending while it is masked. */
void msix_send(struct pci_function *function, unsigned vector);

/* Under the lock, after a mask was written: sends what was pending. */
void msix_unmasked(struct pci_function *function);

/* Tells Xen of BARs and ROM as they decode now. */
void pci_update_bars(struct pci_function *function);

/* Takes over what a dead process had claimed: a range that Xen had is claimed again
 * first, so that it can be given up. */
void pci_restore_claims(struct pci_function *function, const struct pci_state *left);
