/* SPDX-License-Identifier: GPL-2.0-or-later */
/* irq.c: interrupts as device-model operations. */
#include "ioreq/irq.h"

#include <errno.h>

#include "base/log.h"
#include "ioreq/internal.h"
#include "ioreq/pci.h"

#define SCI 9 /* hvmloader's tables say so */

/* A domain that dies meanwhile is no news. */
static void failed(const struct pci_function *function, const char *what)
{
	if (errno == ESRCH)
		log_debug("%s: %s: %m", function->name, what);
	else
		log_guest("%s: %s: %m", function->name, what);
}

unsigned irq_wire(const struct pci_function *function)
{
	return function->wire ? function->wire->device : function->bdf.device;
}

static int set_level(const struct pci_function *function, bool level)
{
	const struct ioreq_server *server = function->server;
	unsigned device = irq_wire(function);
	domid_t domid = (domid_t)server->domid;

	if (server->platform.ecam)
		return xendevicemodel_set_irq_level(server->dm, domid,
						    server->platform.spi_base + device, level);
	return xendevicemodel_set_pci_intx_level(server->dm, domid, 0, 0, (uint8_t)device, 0,
						 level);
}

static void drive(const struct pci_function *function, bool level)
{
	if (set_level(function, level))
		failed(function, level ? "INTx up" : "INTx down");
}

/* Each rise counts, also of a wire that is up: see below. */
static void drive_shared(struct pci_function *function, bool level)
{
	struct pci_wire *wire = function->wire;

	pthread_mutex_lock(&wire->lock);
	if (level && !function->wired)
		wire->up++;
	else if (!level && function->wired)
		wire->up--;
	function->wired = level;
	if (level || !wire->up)
		drive(function, level);
	pthread_mutex_unlock(&wire->lock);
}

/* On Arm Xen keeps no level: each rise is one interrupt, a fall is nothing. */
void irq_intx(struct pci_function *function, bool level)
{
	if (function->wire)
		drive_shared(function, level);
	else
		drive(function, level);
}

int irq_intx_try(const struct pci_function *function)
{
	return set_level(function, false) ? -errno : 0;
}

int irq_sci(const struct ioreq_server *server, bool level)
{
	if (xendevicemodel_set_isa_irq_level(server->dm, (domid_t)server->domid, SCI, level))
		return -errno;
	return 0;
}

void irq_message(const struct pci_function *function, uint64_t address, uint32_t data)
{
	const struct ioreq_server *server = function->server;

	if (xendevicemodel_inject_msi(server->dm, (domid_t)server->domid, address, data))
		failed(function, "MSI-X message");
}
