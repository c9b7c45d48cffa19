/* SPDX-License-Identifier: GPL-2.0-or-later */
/* claim.c: what a server has claimed: functions, their BARs, a bridge's windows, ports.
 *
 * Xen refuses to claim twice within one server, so what lies in a window of
 * ours is ours already. Where servers overlap, Xen asks the one with the highest
 * number: a bridge's windows are what is left where no later server claims. */
#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "base/log.h"
#include "ioreq/internal.h"
#include "ioreq/irq.h"
#include "ioreq/pci.h"

enum { PORTS, MEMORY }; /* of xendevicemodel_map_io_range_to_ioreq_server() */

static int claim(struct ioreq_server *server, int what, uint64_t first, uint64_t last)
{
	if (!xendevicemodel_map_io_range_to_ioreq_server(server->dm, (domid_t)server->domid,
							 server->id, what, first, last))
		return 0;
	/* EEXIST: claimed by the process whose server we adopted. */
	return server->adopted && errno == EEXIST ? 0 : -errno;
}

static bool in_window(const struct ioreq_server *server, uint64_t base, uint64_t size)
{
	unsigned i;

	for (i = 0; i < server->nwindows; i++) {
		const struct address_window *window = &server->windows[i];

		if (base >= window->base && size <= window->size &&
		    base - window->base <= window->size - size)
			return true;
	}
	return false;
}

int ioreq_claim_memory(struct ioreq_server *server, uint64_t base, uint64_t size)
{
	return in_window(server, base, size) ? 0 : claim(server, MEMORY, base, base + size - 1);
}

void ioreq_unclaim_memory(struct ioreq_server *server, uint64_t base, uint64_t size)
{
	if (!in_window(server, base, size))
		xendevicemodel_unmap_io_range_from_ioreq_server(server->dm, (domid_t)server->domid,
								server->id, MEMORY, base,
								base + size - 1);
}

int ioreq_add_window(struct ioreq_server *server, struct address_window window)
{
	int err;

	if (server->nwindows == IOREQ_MAX_WINDOWS)
		return -ENOSPC;
	err = claim(server, MEMORY, window.base, window.base + window.size - 1);
	if (!err)
		server->windows[server->nwindows++] = window;
	return err;
}

static struct ioreq_port_range *find_ports(struct ioreq_server *server, uint16_t first)
{
	unsigned i;

	for (i = 0; i < server->nports; i++)
		if (server->ports[i].ports.first == first)
			return &server->ports[i];
	return NULL;
}

/* NULL: there is no room. */
static struct ioreq_port_range *add_ports(struct ioreq_server *server,
					  const struct ioreq_ports *ports)
{
	struct ioreq_port_range *range = find_ports(server, ports->first);

	if (!range && server->nports < IOREQ_MAX_PORTS)
		range = &server->ports[server->nports++];
	if (range)
		range->ports = *ports;
	return range;
}

int ioreq_claim_ports(struct ioreq_server *server, const struct ioreq_ports *ports)
{
	struct ioreq_port_range *range = add_ports(server, ports);
	int err;

	if (!range)
		return -ENOSPC;
	err = claim(server, PORTS, ports->first, ports->last);
	range->claimed = !err;
	return err;
}

int ioreq_unclaim_ports(struct ioreq_server *server, const struct ioreq_ports *ports)
{
	struct ioreq_port_range *range = add_ports(server, ports);

	if (!range)
		return -ENOSPC;
	range->claimed = false;
	if (xendevicemodel_unmap_io_range_from_ioreq_server(server->dm, (domid_t)server->domid,
							    server->id, PORTS, ports->first,
							    ports->last))
		return -errno;
	return 0;
}

void ioreq_set_fallback(struct ioreq_server *server, const struct ioreq_fallback *fallback)
{
	server->fallback = fallback;
}

/* Says what is wrong: a wire that is missing shows only when the guest waits. Behind a port
 * it is the port's. */
static int check_wire(const struct ioreq_server *server, const struct pci_function *function)
{
	const struct ioreq_platform *platform = &server->platform;
	bool own_wire = !function->nowhere && !function->bdf.bus;
	bool has_wire = platform->ecam && own_wire && function->state->config[PCI_INTERRUPT_PIN];
	int err = has_wire ? irq_intx_try(function) : 0;

	if (err)
		log_error("%s: the domain has no interrupt %u: %s (xl.cfg: nr_spis, or before Xen "
			  "4.19 vuart=\"sbsa_uart\")",
			  function->name, platform->spi_base + irq_wire(function), strerror(-err));
	return err;
}

int ioreq_add_function(struct ioreq_server *server, struct pci_function *function)
{
	int err;

	if (server->nfunctions == IOREQ_MAX_FUNCTIONS)
		return -ENOSPC;
	err = check_wire(server, function);
	if (err)
		return err;
	server->functions[server->nfunctions++] = function;
	err = function->nowhere ? 0 : ioreq_config_claim(server, function->bdf);
	if (!err)
		return 0;
	server->nfunctions--;
	log_error("%s: cannot claim the function: %s", function->name, strerror(-err));
	return err;
}

static bool overlaps(const struct ioreq_server *server, uint64_t base, uint64_t size)
{
	unsigned i;

	for (i = 0; i < server->nranges; i++) {
		const struct ioreq_range *range = &server->ranges[i];

		if (base < range->base + range->size && range->base < base + size)
			return true;
	}
	return false;
}

int ioreq_claim_bar(struct ioreq_server *server, struct pci_function *function, unsigned bar,
		    uint64_t base, uint64_t size)
{
	int err;

	if (server->nranges == IOREQ_MAX_RANGES)
		return -ENOSPC;
	if (overlaps(server, base, size))
		return -EEXIST;
	err = ioreq_claim_memory(server, base, size);
	if (err)
		return err;
	server->ranges[server->nranges++] = (struct ioreq_range){
		.function = function, .bar = bar, .base = base, .size = size
	};
	return 0;
}

void ioreq_unclaim_bar(struct ioreq_server *server, struct pci_function *function, unsigned bar)
{
	unsigned i;

	for (i = 0; i < server->nranges; i++) {
		struct ioreq_range *range = &server->ranges[i];

		if (range->function != function || range->bar != bar)
			continue;
		ioreq_unclaim_memory(server, range->base, range->size);
		*range = server->ranges[--server->nranges];
		return;
	}
}

static void unclaim_config(struct ioreq_server *server, const struct pci_function *function)
{
	if (!function->nowhere)
		ioreq_config_unclaim(server, function->bdf);
}

static void forget_function(struct ioreq_server *server, const struct pci_function *function)
{
	unsigned i;

	for (i = 0; i < server->nfunctions; i++)
		if (server->functions[i] == function) {
			server->functions[i] = server->functions[--server->nfunctions];
			return;
		}
}

void ioreq_remove_function(struct ioreq_server *server, struct pci_function *function)
{
	unsigned bar;

	for (bar = 0; bar < PCI_BASES; bar++)
		ioreq_unclaim_bar(server, function, bar);
	forget_function(server, function);
	unclaim_config(server, function);
}

void ioreq_move_function(struct ioreq_server *server, struct pci_function *function, uint8_t bus)
{
	int err;

	if (!function->nowhere && function->bdf.bus == bus)
		return;
	unclaim_config(server, function);
	function->bdf.bus = bus;
	function->nowhere = true;
	err = bus ? ioreq_config_claim(server, function->bdf) : 0;
	if (err)
		log_guest("%s: cannot be on bus %u: %s", function->name, bus, strerror(-err));
	function->nowhere = !bus || err;
}

void ioreq_unclaim_all(struct ioreq_server *server)
{
	unsigned i;

	while (server->nranges) {
		const struct ioreq_range *range = &server->ranges[server->nranges - 1];

		ioreq_unclaim_bar(server, range->function, range->bar);
	}
	while (server->nfunctions)
		unclaim_config(server, server->functions[--server->nfunctions]);
	for (i = 0; i < server->nports; i++)
		if (server->ports[i].claimed)
			ioreq_unclaim_ports(server, &server->ports[i].ports);
	server->fallback = NULL;
}
