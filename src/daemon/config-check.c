/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config-check.c: what settings together must be. */
#include <string.h>

#include "base/layout.h"
#include "base/log.h"
#include "daemon/config-internal.h"
#include "daemon/domain.h"
#include "daemon/hotplug.h"

static bool wrong(struct config *config, const char *key, const char *why)
{
	char where[CONFIG_WHERE_MAX];

	log_error("%s: %s", config_place(config, key, where), why);
	return false;
}

/* Where the bridge has it the guest has it. */
static bool ecam_valid(struct config *config)
{
	uint64_t *ecam = &config->platform.ecam, bridge = config->bridge_options.ecam;

	if (bridge && *ecam && bridge != *ecam)
		return wrong(config, CONFIG_BRIDGE, "ecam is another one than --ecam");
	if (bridge)
		*ecam = bridge;
	if (*ecam % ECAM_BUS_SIZE)
		return wrong(config, bridge ? CONFIG_BRIDGE : "ecam",
			     "ecam is not a multiple of 1 MiB");
	return true;
}

static bool bridge_valid(struct config *config)
{
	char where[CONFIG_WHERE_MAX];
	unsigned i;
	int err;

	if (!config->has_bridge)
		return true;
	config_place(config, CONFIG_BRIDGE, where);
	err = bridge_init(&config->bridge, &config->bridge_options, &config->platform, where);
	config->bridge.where = NULL;
	if (err)
		return false;
	for (i = 0; i < config->ndevices; i++)
		if (bridge_find_expected(&config->bridge,
					 bdf_sbdf(config->devices[i].common.bdf))) {
			log_error("%s: expect: device %u is served by this process itself", where,
				  config->devices[i].common.bdf.device);
			return false;
		}
	return true;
}

static bool is_device(struct config *config, struct pci_bdf bdf)
{
	unsigned i;

	for (i = 0; i < config->ndevices; i++)
		if (bdf_sbdf(config->devices[i].common.bdf) == bdf_sbdf(bdf))
			return true;
	return config->has_bridge && bridge_find_expected(&config->bridge, bdf_sbdf(bdf));
}

/* Of each place there is one. */
static bool ports_valid(struct config *config)
{
	char text[BDF_TEXT_MAX];
	unsigned i, j;

	for (i = 0; i < config->nports; i++) {
		struct pci_bdf bdf = config->ports[i].bdf;

		for (j = 0; j < i && bdf_sbdf(config->ports[j].bdf) != bdf_sbdf(bdf); j++)
			;
		if (j == i && !is_device(config, bdf))
			continue;
		log_error("--port: bdf=%s is given to %s", bdf_format(bdf, text),
			  j == i ? "a device, too" : "two ports");
		return false;
	}
	return true;
}

static bool names_valid(struct config *config)
{
	const char *key = config->instance ? "name" : "domain";
	char where[CONFIG_WHERE_MAX];

	if (!domain_valid(config->domain)) {
		log_error("%s: %s is not a domain's number", config_place(config, "domain", where),
			  config->domain);
		return false;
	}
	if (!strchr(config_instance(config), '/'))
		return true;
	log_error("%s: \"%s\" has a slash in it: give a name without",
		  config_place(config, key, where), config_instance(config));
	return false;
}

static bool is_empty(const struct config *config)
{
	return !config->ndevices && !config->has_bridge && !config->nports;
}

bool config_complete(struct config *config)
{
	if (!config->domain)
		log_error("--domain is missing (see --help)");
	else if (is_empty(config) && config->file)
		log_error("%.256s: no device is given: there is no line with blk, net, bridge or "
			  "port",
			  config->file);
	else if (is_empty(config))
		log_error("no device is given (see --help)");
	else if (config->platform.ecam && config->report_writes)
		wrong(config, "report-writes", "Xen on Arm has no log of dirty pages");
	else if (config->platform.ecam && config->hotplug == HOTPLUG_ACPI)
		wrong(config, "hotplug", "a guest on Arm has no ACPI to be told by: take rescan");
	else if (config->window & (config->window - 1))
		wrong(config, "window", "not a power of two");
	else
		return ecam_valid(config) && names_valid(config) && bridge_valid(config) &&
		       ports_valid(config);
	return false;
}
