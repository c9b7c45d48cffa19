/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ports.c: a guest's root ports, as a way to tell it that a device comes or goes.
 *
 * Theory of operation. What the guest has come to is read from the slot's power indicator: on,
 * it has the device; off, it has let go of it. That takes as long as its drivers do, so only
 * the first sign of life has a limit, and only where a device comes. A guest without a driver for
 * the port is not told; it sees the slot when it looks for itself. */
#include <errno.h>

#include "base/log.h"
#include "base/util.h"
#include "daemon/internal.h"
#include "ioreq/hvm.h"
#include "ioreq/server.h"

#define NS_PER_S    1000000000ULL
#define PATIENCE_NS (15 * NS_PER_S)
#define SOON_NS     1 /* but not from inside what is being done */

static struct guest_port *port_of(struct port *port)
{
	return container_of(port, struct guest_port, port);
}

static struct port_state *state_of(const struct guest_port *port)
{
	return &port->guest->state.region->ports[port - port->guest->ports];
}

static void say(struct guest_port *port, int result, uint64_t ns)
{
	port->result = result;
	loop_timer(port->guest->loop, &port->timer, ns);
}

static void timer_fired(struct loop_timer *timer)
{
	struct guest_port *port = container_of(timer, struct guest_port, timer);
	struct hotplug_event *event = port->event;

	port->event = NULL;
	if (event && !port->guest->ending)
		event->done(event, port->result);
}

static void press(struct guest_port *port)
{
	port->pressed = true;
	port_press(&port->port);
}

/* By which the guest shows that it is through. */
static enum port_power power_after(const struct hotplug_event *event)
{
	return event->eject ? PORT_POWER_OFF : PORT_POWER_ON;
}

static void power_changed(struct port *p, enum port_power power)
{
	struct guest_port *port = port_of(p);
	const struct hotplug_event *event = port->event;

	if (!event)
		return;
	if (power == PORT_POWER_BLINKS)
		loop_timer_cancel(port->guest->loop, &port->timer);
	else if (power == power_after(event))
		say(port, 0, SOON_NS);
	else if (!event->eject)
		say(port, -EIO, SOON_NS);
	else if (port->pressed)
		say(port, -ECANCELED, SOON_NS);
	else
		press(port);
}

/* While it blinks the guest does what the button of a dead process has told it to: another press
 * would be to change one's mind. */
static void ask_to_let_go(struct guest_port *port)
{
	port->pressed = false;
	if (port_power(&port->port) != PORT_POWER_BLINKS)
		press(port);
}

void port_tell(struct guest_port *port, struct hotplug_event *event)
{
	port->event = event;
	if (!port_is_heard(&port->port))
		say(port, -EOPNOTSUPP, SOON_NS);
	else if (port_power(&port->port) == power_after(event))
		say(port, 0, SOON_NS);
	else if (event->eject)
		ask_to_let_go(port);
	else
		say(port, -ETIMEDOUT, PATIENCE_NS);
}

void port_cancel(struct guest_port *port)
{
	struct hotplug_event *event = port->event;

	port->event = NULL;
	loop_timer_cancel(port->guest->loop, &port->timer);
	if (event && event->eject)
		port_press_again(&port->port);
}

struct guest_port *ports_find(struct guest *guest, struct pci_bdf bdf)
{
	unsigned i;

	for (i = 0; i < CONFIG_MAX_PORTS; i++)
		if (guest->ports[i].guest &&
		    bdf_sbdf(guest->ports[i].port.function.bdf) == bdf_sbdf(bdf))
			return &guest->ports[i];
	return NULL;
}

const char *port_why_not(struct guest *guest, const struct device_options *common)
{
	const struct guest_port *port = ports_find(guest, common->bdf);

	if (bdf_is_none(common->port))
		return port ? "there is a port: give port= instead of bdf=" : NULL;
	if (!port)
		return "there is no such port";
	if (!state_of(port)->lost)
		return NULL;
	return "what a process that has died served in this slot is there for the guest until it "
	       "boots again";
}

static bool is_configured(const struct config *config, uint32_t sbdf)
{
	unsigned i;

	for (i = 0; i < config->nports; i++)
		if (bdf_sbdf(config->ports[i].bdf) == sbdf)
			return true;
	return false;
}

/* What a dead process left stays where it is, but for what is not wanted any more. */
static void forget_others(struct guest *guest)
{
	struct port_state *state = guest->state.region->ports;
	unsigned i;

	for (i = 0; i < CONFIG_MAX_PORTS; i++, state++)
		if (!guest->adopts || !is_configured(guest->config, state->sbdf))
			*state = (struct port_state){ 0 };
}

/* The place of the state with this number; there is one. */
static unsigned find_state(const struct guest *guest, uint32_t sbdf)
{
	unsigned i = 0;

	while (i < CONFIG_MAX_PORTS - 1 && guest->state.region->ports[i].sbdf != sbdf)
		i++;
	return i;
}

static bool is_left(const struct guest *guest, uint32_t sbdf)
{
	return guest->state.region->ports[find_state(guest, sbdf)].sbdf == sbdf;
}

static int attach(struct guest *guest, struct pci_bdf bdf)
{
	bool left = is_left(guest, bdf_sbdf(bdf));
	unsigned place = find_state(guest, left ? bdf_sbdf(bdf) : 0);
	struct guest_port *port = &guest->ports[place];
	struct port_state *state = &guest->state.region->ports[place];
	const struct pci_state pci = state->pci;

	port->guest = guest;
	port->timer.fire = timer_fired;
	port->port.power = power_changed;
	state->sbdf = bdf_sbdf(bdf);
	return port_attach(&port->port, guest->server, bdf, &state->pci, left ? &pci : NULL);
}

int ports_attach(struct guest *guest)
{
	unsigned i;
	int err = 0;

	/* Its firmware takes the port's bus numbers for base addresses. */
	if (guest->config->nports && hvm_is_surely(guest->domid)) {
		log_error("port: an HVM guest cannot have one: it is told of devices by ACPI");
		return -EINVAL;
	}
	forget_others(guest);
	for (i = 0; !err && i < guest->config->nports; i++)
		err = attach(guest, guest->config->ports[i].bdf);
	return err;
}

void ports_settle(struct guest *guest)
{
	unsigned i;

	for (i = 0; i < CONFIG_MAX_PORTS; i++) {
		struct guest_port *port = &guest->ports[i];

		if (!port->guest || !port_is_deserted(&port->port))
			continue;
		state_of(port)->lost = 1; /* and only then, whoever may die in between */
		port_clear(&port->port);
	}
}

void ports_destroy(struct guest *guest)
{
	unsigned i;

	for (i = 0; i < CONFIG_MAX_PORTS; i++)
		if (guest->ports[i].guest)
			port_destroy(&guest->ports[i].port);
}
