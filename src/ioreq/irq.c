/* SPDX-License-Identifier: GPL-2.0-or-later */
/* irq.c: interrupts as device-model operations. */
#include "ioreq/irq.h"

#include "base/log.h"
#include "ioreq/internal.h"
#include "ioreq/pci.h"

void irq_intx(const struct pci_function *function, bool level)
{
	const struct ioreq_server *server = function->server;

	if (xendevicemodel_set_pci_intx_level(server->dm, (domid_t)server->domid, 0,
					      function->bdf.bus, function->bdf.device, 0, level))
		log_guest("%s: INTx %s: %m", function->name, level ? "up" : "down");
}

void irq_message(const struct pci_function *function, uint64_t address, uint32_t data)
{
	const struct ioreq_server *server = function->server;

	if (xendevicemodel_inject_msi(server->dm, (domid_t)server->domid, address, data))
		log_guest("%s: message to %#llx, data %#x: %m", function->name,
			  (unsigned long long)address, data);
}
