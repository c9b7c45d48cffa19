/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.c: how config accesses reach a function.
 *
 * On x86 Xen decodes ports 0xcf8 and 0xcfc itself and hands an access to a
 * claimed function on as IOREQ_TYPE_PCI_CONFIG: SBDF << 32 | register. */
#include <errno.h>

#include "ioreq/internal.h"
#include "ioreq/pci.h"

int ioreq_config_claim(struct ioreq_server *server, const struct pci_function *function)
{
	struct pci_bdf bdf = function->bdf;

	if (!xendevicemodel_map_pcidev_to_ioreq_server(server->dm, (domid_t)server->domid,
						       server->id, bdf.segment, bdf.bus, bdf.device,
						       bdf.function))
		return 0;
	/* EEXIST: claimed by the process whose server we adopted. */
	return server->adopted && errno == EEXIST ? 0 : -errno;
}

void ioreq_config_unclaim(struct ioreq_server *server, const struct pci_function *function)
{
	struct pci_bdf bdf = function->bdf;

	xendevicemodel_unmap_pcidev_from_ioreq_server(server->dm, (domid_t)server->domid,
						      server->id, bdf.segment, bdf.bus, bdf.device,
						      bdf.function);
}

static struct pci_function *find(struct ioreq_server *server, uint32_t sbdf)
{
	unsigned i;

	for (i = 0; i < server->nfunctions; i++)
		if (bdf_sbdf(server->functions[i]->bdf) == sbdf)
			return server->functions[i];
	return NULL;
}

uint32_t ioreq_config_read(struct ioreq_server *server, uint64_t address, unsigned size)
{
	struct pci_function *function = find(server, (uint32_t)(address >> 32));

	return function ? pci_config_read(function, (uint32_t)address, size) : ~0U;
}

void ioreq_config_write(struct ioreq_server *server, uint64_t address, unsigned size,
			uint32_t value)
{
	struct pci_function *function = find(server, (uint32_t)(address >> 32));

	if (function)
		pci_config_write(function, (uint32_t)address, size, value);
}
