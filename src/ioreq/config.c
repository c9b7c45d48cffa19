/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.c: how config accesses reach a function.
 *
 * On x86 Xen decodes ports 0xcf8 and 0xcfc itself and hands an access to a
 * claimed function on as IOREQ_TYPE_PCI_CONFIG: SBDF << 32 | register. Xen on
 * Arm knows nothing of PCI: there a function's config space is the page that
 * it has in the ECAM window (PCI Express 3.0, 7.2.2), claimed as memory. */
#include <errno.h>

#include "ioreq/internal.h"
#include "ioreq/pci.h"

#define ECAM_FUNCTION_SHIFT 12
#define ECAM_FUNCTION_BYTES (1U << ECAM_FUNCTION_SHIFT)
#define ECAM_BYTES_MAX      (256U << 20)

static uint64_t ecam_page(const struct ioreq_server *server, struct pci_bdf bdf)
{
	return server->platform.ecam + ((uint64_t)bdf_sbdf(bdf) << ECAM_FUNCTION_SHIFT);
}

int ioreq_config_claim(struct ioreq_server *server, struct pci_bdf bdf)
{
	if (server->platform.ecam)
		return ioreq_claim_memory(server, ecam_page(server, bdf), ECAM_FUNCTION_BYTES);
	if (!xendevicemodel_map_pcidev_to_ioreq_server(server->dm, (domid_t)server->domid,
						       server->id, bdf.segment, bdf.bus, bdf.device,
						       bdf.function))
		return 0;
	/* EEXIST: claimed by the process whose server we adopted. */
	return server->adopted && errno == EEXIST ? 0 : -errno;
}

void ioreq_config_unclaim(struct ioreq_server *server, struct pci_bdf bdf)
{
	if (server->platform.ecam)
		ioreq_unclaim_memory(server, ecam_page(server, bdf), ECAM_FUNCTION_BYTES);
	else
		xendevicemodel_unmap_pcidev_from_ioreq_server(server->dm, (domid_t)server->domid,
							      server->id, bdf.segment, bdf.bus,
							      bdf.device, bdf.function);
}

bool ioreq_config_place(const struct ioreq_server *server, uint8_t type, uint64_t address,
			struct ioreq_config_place *place)
{
	uint64_t ecam = server->platform.ecam;

	if (type == IOREQ_TYPE_PCI_CONFIG) {
		place->sbdf = (uint32_t)(address >> 32);
		place->offset = (uint32_t)address;
		return true;
	}
	if (type != IOREQ_TYPE_COPY || !ecam || address < ecam || address - ecam >= ECAM_BYTES_MAX)
		return false;
	place->sbdf = (uint32_t)((address - ecam) >> ECAM_FUNCTION_SHIFT);
	place->offset = (address - ecam) % ECAM_FUNCTION_BYTES;
	return true;
}

static struct pci_function *find(struct ioreq_server *server, uint32_t sbdf)
{
	unsigned i;

	for (i = 0; i < server->nfunctions; i++)
		if (!server->functions[i]->nowhere && bdf_sbdf(server->functions[i]->bdf) == sbdf)
			return server->functions[i];
	return NULL;
}

uint32_t ioreq_config_read(struct ioreq_server *server, struct ioreq_config_place place,
			   unsigned size)
{
	struct pci_function *function = find(server, place.sbdf);
	const struct ioreq_fallback *fallback = server->fallback;

	if (function)
		return pci_config_read(function, place.offset, size);
	return fallback ? fallback->config_read(fallback->arg, place.sbdf, place.offset, size)
			: ~0U;
}

void ioreq_config_write(struct ioreq_server *server, struct ioreq_config_place place, unsigned size,
			uint32_t value)
{
	struct pci_function *function = find(server, place.sbdf);

	if (function)
		pci_config_write(function, place.offset, size, value);
}
