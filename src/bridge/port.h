/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port.h: a PCI Express root port with a slot, into which a device is put, and from which it
 * is taken, while the guest runs.
 *
 * The guest's own driver (Linux: pciehp) is told by the port's interrupt, and brings the device
 * into use and out of it by itself. All of it is on the server's thread. */
#pragma once
#include "base/options.h"
#include "ioreq/pci.h"

struct ioreq_server;

struct port_options {
	struct pci_bdf bdf;
};

extern const struct option_spec port_option_specs[];

/* What the guest shows by the slot's power indicator, which tells how far it is. */
enum port_power {
	PORT_POWER_ON = 1,
	PORT_POWER_BLINKS, /* it is on its way to one of the others */
	PORT_POWER_OFF,
};

struct port {
	char name[BDF_TEXT_MAX + 16]; /* "00:1c.0 port" */
	struct pci_function function;
	struct ioreq_server *server;
	struct pci_wire wire, slot_wire; /* its own, and that of what is in the slot */
	unsigned express;                /* config offset of the PCI Express capability */
	enum port_power shown;
	struct pci_function *occupant; /* of the slot; NULL: it is empty */
	/* The guest has changed it. */
	void (*power)(struct port *port, enum port_power power);
};

/* A port at @bdf on bus 0; power() is set before. What a dead process left of it is @left, or
 * NULL; a device that the guest knows to be in the slot is to be inserted again. The server is
 * enabled. 0, or -errno after a line in the log; port_destroy() either way. */
int port_attach(struct port *port, struct ioreq_server *server, struct pci_bdf bdf,
		struct pci_state *state, const struct pci_state *left);
void port_destroy(struct port *port);

/* Makes the function, which nobody sees yet, one that is in the slot: at the end of its link,
 * on the bus to which the guest gave a number, or did not. Before port_insert(). */
void port_seat(struct port *port, struct pci_function *function);

/* Puts the function, which has its seat, into the slot, and tells the guest, unless it knows. 0 or
 * -errno. */
int port_insert(struct port *port, struct pci_function *function);

/* Takes it out, and tells the guest. */
void port_empty(struct port *port);

/* A device that the guest knows of was not inserted again. And it is not told of that: it would
 * wait for an answer of the device. */
bool port_is_deserted(const struct port *port);
void port_clear(struct port *port);

/* Presses the attention button: the guest is to let go of the device, which it shows by
 * PORT_POWER_OFF; or not to, if it was pressed a moment ago. */
void port_press(struct port *port);

/* The same, to change one's mind, unless the guest has let go already. */
void port_press_again(struct port *port);

/* False while nobody in the guest listens to the slot. */
bool port_is_heard(const struct port *port);
enum port_power port_power(const struct port *port);
