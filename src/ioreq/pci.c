/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pci.c: config space with write masks, and INTx (PCI Local Bus 3.0, 6). */
#include "ioreq/pci.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "ioreq/irq.h"
#include "ioreq/server.h"

static void put16(uint8_t *config, unsigned offset, uint16_t value)
{
	memcpy(config + offset, &value, sizeof(value));
}

static void put32(uint8_t *config, unsigned offset, uint32_t value)
{
	memcpy(config + offset, &value, sizeof(value));
}

static uint16_t command(const struct pci_function *function)
{
	return pci_config16(function, PCI_COMMAND);
}

void pci_function_init(struct pci_function *function, struct pci_bdf bdf, const char *name,
		       struct pci_state *state, const struct pci_identity *identity)
{
	uint8_t *config = state->config;

	*function = (struct pci_function){ .bdf = bdf, .name = name, .state = state };
	pthread_mutex_init(&function->lock, NULL);
	memset(state, 0, sizeof(*state));
	put16(config, PCI_VENDOR_ID, identity->vendor);
	put16(config, PCI_DEVICE_ID, identity->device);
	put32(config, PCI_CLASS_REVISION, identity->class_code << 8 | identity->revision);
	put16(config, PCI_SUBSYSTEM_VENDOR_ID, identity->subsystem_vendor);
	put16(config, PCI_SUBSYSTEM_ID, identity->subsystem);
	config[PCI_INTERRUPT_PIN] = 1;
	put16(function->writable, PCI_COMMAND,
	      PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	function->writable[PCI_INTERRUPT_LINE] = 0xff;
	function->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	function->free_config = PCI_STD_HEADER_SIZEOF;
}

void pci_function_destroy(struct pci_function *function)
{
	pthread_mutex_destroy(&function->lock);
}

unsigned pci_add_capability(struct pci_function *function, uint8_t id, const void *body,
			    unsigned length)
{
	uint8_t *config = function->state->config;
	unsigned at = function->free_config;
	unsigned link = function->last_capability ? function->last_capability + PCI_CAP_LIST_NEXT
						  : PCI_CAPABILITY_LIST;

	config[link] = (uint8_t)at;
	config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	config[at + PCI_CAP_LIST_ID] = id;
	memcpy(config + at + PCI_CAP_FLAGS, body, length);
	function->last_capability = at;
	function->free_config = (at + PCI_CAP_FLAGS + length + 3) & ~3U;
	return at;
}

/* As the specification of virtio has it for data of a vendor's (1.2, 4.1.4.8). */
struct xen_capability {
	uint8_t length, type;
	uint16_t vendor, version;
};

#define XEN_CAPABILITY_TYPE    9
#define XEN_CAPABILITY_VERSION 1
#define XEN_BODY_MAX           8

unsigned pci_add_xen_capability(struct pci_function *function, const void *body, unsigned length)
{
	const struct xen_capability header = {
		.length = (uint8_t)(PCI_CAP_FLAGS + sizeof(header) + length),
		.type = XEN_CAPABILITY_TYPE,
		.vendor = PCI_VENDOR_XEN,
		.version = XEN_CAPABILITY_VERSION,
	};
	uint8_t bytes[sizeof(header) + XEN_BODY_MAX];

	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), body, length);
	return pci_add_capability(function, PCI_CAP_ID_VNDR, bytes,
				  (unsigned)sizeof(header) + length) +
	       PCI_CAP_FLAGS + (unsigned)sizeof(header);
}

void pci_add_msix(struct pci_function *function, unsigned vectors, unsigned bar,
		  uint32_t table_offset, uint32_t pba_offset)
{
	struct __attribute__((packed)) {
		uint16_t control;
		uint32_t table, pba;
	} body = { .control = (uint16_t)(vectors - 1),
		   .table = table_offset | bar,
		   .pba = pba_offset | bar };
	unsigned i, at = pci_add_capability(function, PCI_CAP_ID_MSIX, &body, sizeof(body));

	function->msix_vectors = vectors;
	function->msix_control = at + PCI_MSIX_FLAGS;
	put16(function->writable, function->msix_control,
	      PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	for (i = 0; i < vectors; i++)
		function->state->msix_table[i][3] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

/* Under the lock. MSI-X and the disable bit silence the wire, not the cause. */
static bool wants_intx(const struct pci_function *function)
{
	return function->state->intx_causes && !(command(function) & PCI_COMMAND_INTX_DISABLE) &&
	       !msix_enabled(function);
}

static void drive_intx(struct pci_function *function, bool level)
{
	function->state->intx_level = 1; /* whatever happens to us in between */
	irq_intx(function, level);
	function->state->intx_level = level;
}

static void update_intx(struct pci_function *function)
{
	bool level = wants_intx(function);

	if (level != function->state->intx_level)
		drive_intx(function, level);
}

void pci_interrupt(struct pci_function *function, unsigned vector, uint8_t causes)
{
	pthread_mutex_lock(&function->lock);
	function->state->intx_causes |= causes; /* with MSI-X, too (virtio 1.2, 4.1.4.5.1) */
	if (msix_enabled(function))
		msix_send(function, vector);
	else
		update_intx(function);
	pthread_mutex_unlock(&function->lock);
}

uint8_t pci_intx_read_causes(struct pci_function *function)
{
	uint8_t causes;

	pthread_mutex_lock(&function->lock);
	causes = function->state->intx_causes;
	function->state->intx_causes = 0;
	update_intx(function);
	pthread_mutex_unlock(&function->lock);
	return causes;
}

static bool in_config(uint32_t offset, unsigned size)
{
	return (size == 1 || size == 2 || size == 4) && offset <= PCI_CONFIG_BYTES - size;
}

static bool in_window(const struct pci_window *window, uint32_t offset, unsigned size)
{
	return offset >= window->first && offset + size <= window->first + window->length;
}

static void update_status(struct pci_function *function)
{
	uint8_t *status = &function->state->config[PCI_STATUS];

	pthread_mutex_lock(&function->lock);
	*status &= (uint8_t)~PCI_STATUS_INTERRUPT;
	if (function->state->intx_causes && !msix_enabled(function))
		*status |= PCI_STATUS_INTERRUPT;
	pthread_mutex_unlock(&function->lock);
}

uint32_t pci_config_read(struct pci_function *function, uint32_t offset, unsigned size)
{
	const struct pci_window *window = &function->window;
	uint32_t value = 0;

	if (!in_config(offset, size))
		return ~0U;
	if (function->retry && offset == PCI_VENDOR_ID && size == 4)
		return PCI_RETRY_STATUS;
	if (in_window(window, offset, size))
		return window->read(window->arg, offset - window->first, size);
	update_status(function);
	memcpy(&value, function->state->config + offset, size);
	return value;
}

static void store(struct pci_function *function, uint32_t offset, unsigned size, uint32_t value)
{
	uint8_t *config = function->state->config;
	unsigned i;

	for (i = 0; i < size; i++) {
		uint8_t mask = function->writable[offset + i];
		uint8_t byte = (uint8_t)(value >> (8 * i));

		config[offset + i] = (uint8_t)((config[offset + i] & ~mask) | (byte & mask));
		config[offset + i] &= (uint8_t) ~(byte & function->clearable[offset + i]);
	}
}

void pci_config_write(struct pci_function *function, uint32_t offset, unsigned size, uint32_t value)
{
	const struct pci_window *window = &function->window;

	if (!in_config(offset, size))
		return;
	if (in_window(window, offset, size)) {
		window->write(window->arg, offset - window->first, size, value);
		return;
	}
	pthread_mutex_lock(&function->lock);
	store(function, offset, size, value);
	msix_unmasked(function);
	update_intx(function);
	pthread_mutex_unlock(&function->lock);
	pci_update_bars(function);
	if (function->written)
		function->written(function, offset, size);
}

/* A line that is said to be up may be so, or its process died before that. */
static void restore_interrupts(struct pci_function *function, const struct pci_state *left)
{
	pthread_mutex_lock(&function->lock);
	function->state->intx_causes = left->intx_causes;
	function->state->msix_pending = left->msix_pending;
	msix_unmasked(function);
	if (left->intx_level || wants_intx(function))
		drive_intx(function, wants_intx(function));
	pthread_mutex_unlock(&function->lock);
}

void pci_function_restore(struct pci_function *function, const struct pci_state *left, bool goes_on)
{
	uint8_t *config = function->state->config;
	unsigned i;

	for (i = 0; i < PCI_CONFIG_BYTES; i++)
		config[i] = (uint8_t)((config[i] & ~function->writable[i]) |
				      (left->config[i] & function->writable[i]));
	msix_restore(function, left);
	function->state->intx_level = left->intx_level;
	if (goes_on)
		restore_interrupts(function, left);
	else
		pci_intx_read_causes(function);
	pci_restore_claims(function, left);
	pci_update_bars(function);
}
