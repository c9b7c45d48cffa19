/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port.c: the root port (PCI Express 3.0, 7.5.3, 7.8, 6.7; PCI-to-PCI Bridge 1.2, 3.2).
 *
 * Theory of operation. The guest gives numbers to buses: what is in the slot is device 0 on the
 * bus whose number it has written into the port, and is claimed there, for as long as it is
 * there. The memory window is kept and otherwise ignored: BARs are claimed where they are.
 *
 * A device comes: presence and link appear at once, and Linux, which listens to the link in any
 * case, takes it into use without delay. One that is to go: Linux would treat a link that
 * goes down as a device that was torn out, break its queues and wait for what will not be answered
 * any more. So the attention button is pressed, as by a person: for 5 s it can be pressed again
 * to change one's mind, then the driver is unbound in good order, and the power indicator
 * goes off. Only then the link goes down. There is no power controller, since a slot that
 * is off would have to be switched on by the button, with its 5 s; no latch and no lock. Commands
 * complete as they are written, and that is not told. */
#include "bridge/port.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

#include "base/layout.h"
#include "base/util.h"
#include "ioreq/server.h"

#define VENDOR_ID  0x1b36 /* Red Hat's for emulated devices: a generic root port */
#define DEVICE_ID  0x000c
#define CLASS_CODE 0x060400

#define BAR_BYTES 4096 /* the MSI-X table, and in its second half the pending bits */
#define PBA_AREA  (BAR_BYTES / 2)

#define INTB        2
#define CAUSE       1 /* of it: any */
#define MESSAGE     0
#define POWER_SHIFT 8 /* of PCI_EXP_SLTCTL_PIC */

#define SLOT_CHANGES (PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC)
#define SLOT_EVENTS  (PCI_EXP_SLTSTA_ABP | SLOT_CHANGES)
#define SLOT_ENABLES                                                                               \
	(PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_PDCE | PCI_EXP_SLTCTL_DLLSCE | PCI_EXP_SLTCTL_HPIE | \
	 PCI_EXP_SLTCTL_PIC)
#define POWER(value)   ((uint16_t)((value) << POWER_SHIFT))
#define LINK_WIDTH_1   (1 << 4)
#define LINK_UP        (PCI_EXP_LNKSTA_DLLLA | LINK_WIDTH_1 | PCI_EXP_LNKSTA_CLS_2_5GB)
#define NUMBER_SHIFT   19     /* of PCI_EXP_SLTCAP_PSN */
#define DEVICE_CONTROL 0x78ff /* what a port without options lets be written */
#define LINK_CONTROL   0x00c3 /* ASPM, clocks: nothing follows from it */
#define ROOT_CONTROL   0x000f

const struct option_spec port_option_specs[] = {
	{ .key = "bdf",
	  .kind = OPTION_BDF,
	  .required = true,
	  .offset = offsetof(struct port_options, bdf),
	  .placeholder = "00:1c.0",
	  .help = "where the guest finds the port" },
	{ 0 },
};

/* From its flags on (7.8). */
struct express {
	uint16_t flags;
	uint32_t device_capabilities;
	uint16_t device_control, device_status;
	uint32_t link_capabilities;
	uint16_t link_control, link_status;
	uint32_t slot_capabilities;
	uint16_t slot_control, slot_status;
	uint16_t root_control, root_capabilities;
	uint32_t root_status;
	uint32_t device_capabilities_2;
	uint16_t device_control_2, device_status_2;
	uint32_t link_capabilities_2;
	uint16_t link_control_2, link_status_2;
	uint32_t slot_capabilities_2;
	uint16_t slot_control_2, slot_status_2;
} __attribute__((packed));

/* --- registers --------------------------------------------------------------------- */

static struct port *port_of(struct pci_function *function)
{
	return container_of(function, struct port, function);
}

static uint16_t express16(const struct port *port, unsigned reg)
{
	return pci_config16(&port->function, port->express + reg);
}

static void put16(uint8_t *config, unsigned offset, uint16_t value)
{
	memcpy(config + offset, &value, sizeof(value));
}

static void change(struct port *port, unsigned reg, uint16_t clear, uint16_t set)
{
	put16(port->function.state->config, port->express + reg,
	      (uint16_t)((express16(port, reg) & ~clear) | set));
}

static uint8_t secondary_bus(const struct port *port)
{
	return port->function.state->config[PCI_SECONDARY_BUS];
}

enum port_power port_power(const struct port *port)
{
	return (enum port_power)((express16(port, PCI_EXP_SLTCTL) & PCI_EXP_SLTCTL_PIC) >>
				 POWER_SHIFT);
}

bool port_is_heard(const struct port *port)
{
	uint16_t wanted = PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_DLLSCE;

	return (express16(port, PCI_EXP_SLTCTL) & wanted) == wanted;
}

/* --- interrupts -------------------------------------------------------------------- */

/* All but one of the events have what enables them in the same place. */
static bool wants_interrupt(const struct port *port)
{
	uint16_t control = express16(port, PCI_EXP_SLTCTL);
	uint16_t enabled = control & (PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_PDCE);

	if (control & PCI_EXP_SLTCTL_DLLSCE)
		enabled |= PCI_EXP_SLTSTA_DLLSC;
	return (control & PCI_EXP_SLTCTL_HPIE) && (express16(port, PCI_EXP_SLTSTA) & enabled);
}

/* The line falls first: where no level is kept, what is left needs another rise. */
static void interrupt(struct port *port)
{
	pci_intx_read_causes(&port->function);
	if (wants_interrupt(port))
		pci_interrupt(&port->function, MESSAGE, CAUSE);
}

static uint32_t table_read(void *arg, uint32_t offset, unsigned size)
{
	struct port *port = arg;

	return offset < PBA_AREA ? msix_table_read(&port->function, offset, size)
				 : msix_pba_read(&port->function, offset - PBA_AREA, size);
}

static void table_write(void *arg, uint32_t offset, unsigned size, uint32_t value)
{
	struct port *port = arg;

	if (offset < PBA_AREA)
		msix_table_write(&port->function, offset, size, value);
}

/* --- what the guest writes --------------------------------------------------------- */

static bool touches(uint32_t offset, unsigned size, unsigned first, unsigned length)
{
	return offset < first + length && first < offset + size;
}

static void slot_written(struct port *port)
{
	enum port_power power = port_power(port);

	interrupt(port);
	if (power == port->shown)
		return;
	port->shown = power;
	port->power(port, power);
}

static void written(struct pci_function *function, uint32_t offset, unsigned size)
{
	struct port *port = port_of(function);

	if (touches(offset, size, PCI_SECONDARY_BUS, 1) && port->occupant)
		ioreq_move_function(port->server, port->occupant, secondary_bus(port));
	if (touches(offset, size, port->express + PCI_EXP_SLTCTL, 4))
		slot_written(port);
}

/* --- the function ------------------------------------------------------------------ */

/* No I/O window, and none for prefetchable memory: virtio devices have neither. */
static void make_bridge(struct pci_function *function)
{
	uint8_t *config = function->state->config, *writable = function->writable;

	config[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_BRIDGE;
	memset(writable + PCI_PRIMARY_BUS, 0xff, 3);
	put16(writable, PCI_MEMORY_BASE, (uint16_t)PCI_MEMORY_RANGE_MASK);
	put16(writable, PCI_MEMORY_LIMIT, (uint16_t)PCI_MEMORY_RANGE_MASK);
	put16(writable, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_PARITY | PCI_BRIDGE_CTL_SERR);
}

static void add_express(struct port *port)
{
	struct pci_function *function = &port->function;
	const struct express body = {
		.flags = 2 | PCI_EXP_TYPE_ROOT_PORT << 4 | PCI_EXP_FLAGS_SLOT,
		.device_capabilities = PCI_EXP_DEVCAP_RBER,
		.link_capabilities = PCI_EXP_LNKCAP_SLS_2_5GB | LINK_WIDTH_1 |
				     PCI_EXP_LNKCAP_DLLLARC,
		.slot_capabilities = PCI_EXP_SLTCAP_ABP | PCI_EXP_SLTCAP_PIP | PCI_EXP_SLTCAP_HPC |
				     PCI_EXP_SLTCAP_NCCS |
				     (uint32_t)function->bdf.device << NUMBER_SHIFT,
		.slot_control = POWER(PORT_POWER_OFF),
	};
	unsigned at = pci_add_capability(function, PCI_CAP_ID_EXP, &body, sizeof(body));

	port->express = at;
	put16(function->writable, at + PCI_EXP_DEVCTL, DEVICE_CONTROL);
	put16(function->writable, at + PCI_EXP_LNKCTL, LINK_CONTROL);
	put16(function->writable, at + PCI_EXP_SLTCTL, SLOT_ENABLES);
	put16(function->writable, at + PCI_EXP_RTCTL, ROOT_CONTROL);
	put16(function->clearable, at + PCI_EXP_SLTSTA, SLOT_EVENTS);
}

static void make_function(struct port *port, struct pci_bdf bdf, struct pci_state *state)
{
	static const struct pci_identity identity = { .vendor = VENDOR_ID,
						      .device = DEVICE_ID,
						      .class_code = CLASS_CODE };
	static const struct pci_bar_ops ops = { table_read, table_write };
	struct pci_function *function = &port->function;

	pci_function_init(function, bdf, port->name, state, &identity);
	function->server = port->server;
	function->wire = &port->wire;
	function->written = written;
	state->config[PCI_INTERRUPT_PIN] = INTB;
	make_bridge(function);
	if (ioreq_server_has_msi(port->server)) {
		pci_add_bar(function, 0, BAR_BYTES, &ops, port);
		pci_add_msix(function, 1, 0, 0, PBA_AREA);
	}
	add_express(port);
}

static bool is_occupied(const struct port *port)
{
	return express16(port, PCI_EXP_LNKSTA) & PCI_EXP_LNKSTA_DLLLA;
}

/* What the guest knows to be in the slot, and what it may not have heard of yet. A button that
 * it did not see was not pressed: who did so is told that it failed. */
static void restore_slot(struct port *port, const struct pci_state *left)
{
	uint16_t link, slot;

	memcpy(&link, left->config + port->express + PCI_EXP_LNKSTA, sizeof(link));
	memcpy(&slot, left->config + port->express + PCI_EXP_SLTSTA, sizeof(slot));
	if (link & PCI_EXP_LNKSTA_DLLLA) {
		change(port, PCI_EXP_LNKSTA, 0, LINK_UP);
		change(port, PCI_EXP_SLTSTA, 0, PCI_EXP_SLTSTA_PDS);
	}
	change(port, PCI_EXP_SLTSTA, 0, slot & SLOT_CHANGES);
}

int port_attach(struct port *port, struct ioreq_server *server, struct pci_bdf bdf,
		struct pci_state *state, const struct pci_state *left)
{
	char text[BDF_TEXT_MAX];
	struct pci_state now;
	int err;

	port->server = server;
	port->wire.device = layout_port_line(bdf.device);
	port->slot_wire.device = bdf.device;
	pthread_mutex_init(&port->wire.lock, NULL);
	pthread_mutex_init(&port->slot_wire.lock, NULL);
	snprintf(port->name, sizeof(port->name), "%s port", bdf_format(bdf, text));
	make_function(port, bdf, &now);
	if (left) {
		pci_function_restore(&port->function, left, false);
		restore_slot(port, left);
	}
	port->shown = port_power(port);
	*state = now; /* whoever dies here leaves one or the other, which is the same */
	port->function.state = state;
	err = ioreq_add_function(server, &port->function);
	if (!err)
		interrupt(port);
	return err;
}

void port_destroy(struct port *port)
{
	pci_function_destroy(&port->function);
	pthread_mutex_destroy(&port->wire.lock);
	pthread_mutex_destroy(&port->slot_wire.lock);
}

/* --- the slot ---------------------------------------------------------------------- */

static void add_endpoint(struct pci_function *function)
{
	const struct express body = {
		.flags = 2 | PCI_EXP_TYPE_ENDPOINT << 4,
		.device_capabilities = PCI_EXP_DEVCAP_RBER,
		.link_capabilities = PCI_EXP_LNKCAP_SLS_2_5GB | LINK_WIDTH_1,
		.link_status = PCI_EXP_LNKSTA_CLS_2_5GB | LINK_WIDTH_1,
	};
	unsigned at = pci_add_capability(function, PCI_CAP_ID_EXP, &body, sizeof(body));

	put16(function->writable, at + PCI_EXP_DEVCTL, DEVICE_CONTROL);
	put16(function->writable, at + PCI_EXP_LNKCTL, LINK_CONTROL);
}

void port_seat(struct port *port, struct pci_function *function)
{
	add_endpoint(function);
	function->bdf = (struct pci_bdf){ .bus = secondary_bus(port) };
	function->nowhere = !function->bdf.bus;
	function->wire = &port->slot_wire;
}

/* Where the guest does not, as firmware would. */
static void show_power(struct port *port, enum port_power power)
{
	if (port_is_heard(port))
		return;
	change(port, PCI_EXP_SLTCTL, PCI_EXP_SLTCTL_PIC, POWER(power));
	port->shown = power;
}

int port_insert(struct port *port, struct pci_function *function)
{
	int err = ioreq_add_function(port->server, function);

	if (err)
		return err;
	port->occupant = function;
	if (is_occupied(port))
		return 0;
	show_power(port, PORT_POWER_ON);
	/* First the news, or it would be lost by who dies in between. */
	change(port, PCI_EXP_SLTSTA, 0, PCI_EXP_SLTSTA_PDS | SLOT_CHANGES);
	change(port, PCI_EXP_LNKSTA, 0, LINK_UP);
	interrupt(port);
	return 0;
}

void port_empty(struct port *port)
{
	struct pci_function *function = port->occupant;

	ioreq_remove_function(port->server, function);
	pci_intx_read_causes(function);
	port->occupant = NULL;
	show_power(port, PORT_POWER_OFF);
	change(port, PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDS, SLOT_CHANGES);
	change(port, PCI_EXP_LNKSTA, LINK_UP, 0);
	interrupt(port);
}

bool port_is_deserted(const struct port *port)
{
	return is_occupied(port) && !port->occupant;
}

void port_clear(struct port *port)
{
	change(port, PCI_EXP_LNKSTA, LINK_UP, 0);
	change(port, PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDS | SLOT_CHANGES, 0);
}

void port_press(struct port *port)
{
	change(port, PCI_EXP_SLTSTA, 0, PCI_EXP_SLTSTA_ABP);
	interrupt(port);
}

/* What the guest has not seen yet did not happen. */
void port_press_again(struct port *port)
{
	if (express16(port, PCI_EXP_SLTSTA) & PCI_EXP_SLTSTA_ABP)
		change(port, PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_ABP, 0);
	else if (port_power(port) != PORT_POWER_OFF)
		port_press(port);
}
