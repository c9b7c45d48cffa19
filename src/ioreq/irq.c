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

static int set_level(const struct pci_function *function, bool level)
{
	const struct ioreq_server *server = function->server;
	domid_t domid = (domid_t)server->domid;

	if (server->platform.ecam)
		return xendevicemodel_set_irq_level(
			server->dm, domid, server->platform.spi_base + function->bdf.device, level);
	return xendevicemodel_set_pci_intx_level(server->dm, domid, 0, function->bdf.bus,
						 function->bdf.device, 0, level);
}

/* On Arm Xen keeps no level: each rise is one interrupt, a fall is nothing. */
void irq_intx(const struct pci_function *function, bool level)
{
	if (set_level(function, level))
		failed(function, level ? "INTx up" : "INTx down");
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
