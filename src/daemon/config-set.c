/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config-set.c: one setting, by a flag or by a file's line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/layout.h"
#include "base/log.h"
#include "base/util.h"
#include "daemon/config-internal.h"
#include "daemon/hotplug.h"
#include "memory/bounce.h"
#include "memory/foreign.h"
#include "virtio/device.h"

/* Arm is where the guest is, too. */
#ifdef __aarch64__
#define ECAM_FALLBACK STRINGIFY(LAYOUT_ECAM_BASE)
#else
#define ECAM_FALLBACK NULL
#endif

const struct option_spec config_global_options[] = {
	{ .key = "domain",
	  .kind = OPTION_STRING,
	  .required = true,
	  .offset = offsetof(struct config, domain),
	  .placeholder = "NAME|ID",
	  .help = "the guest to serve" },
	{ .key = "name",
	  .kind = OPTION_STRING,
	  .offset = offsetof(struct config, instance),
	  .placeholder = "INSTANCE",
	  .help = "name of this instance (default: the domain as given)" },
	{ .key = "ecam",
	  .kind = OPTION_ADDRESS,
	  .offset = offsetof(struct config, platform.ecam),
	  .min = GUEST_PAGE_SIZE,
	  .max = UINT64_MAX >> 1,
	  .placeholder = "ADDRESS",
	  .fallback = ECAM_FALLBACK,
	  .help = "an Arm guest: where its PCI config space is" },
	{ .key = "spi-base",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct config, platform.spi_base),
	  .min = LAYOUT_SPI_BASE,
	  .max = IOREQ_SPI_BASE_MAX,
	  .placeholder = "N",
	  .fallback = STRINGIFY(LAYOUT_SPI_BASE),
	  .help = "an Arm guest: device n interrupts by INTID N + n" },
	{ .key = "own-domid",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct config, platform.own_domid),
	  .max = IOREQ_DOMID_MAX,
	  .placeholder = "ID",
	  .help = "number of the domain that this runs in, to tell the guest (default: 0 in dom0)" },
	{ .key = "workers",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct config, workers),
	  .max = CONFIG_MAX_WORKERS,
	  .placeholder = "N",
	  .help = "threads that move data; 0: none but the main one (default: one "
		  "per queue, up to the CPUs)" },
	{ .key = "bounce",
	  .kind = OPTION_SIZE,
	  .offset = offsetof(struct config, bounce),
	  .min = BOUNCE_MIN,
	  .max = BOUNCE_MAX,
	  .placeholder = "SIZE",
	  .fallback = "8M",
	  .help = "buffers between guest and store, for each worker" },
	{ .key = "window",
	  .kind = OPTION_SIZE,
	  .offset = offsetof(struct config, window),
	  .min = FOREIGN_WINDOW_MIN,
	  .max = FOREIGN_WINDOW_MAX,
	  .placeholder = "SIZE",
	  .fallback = "2M",
	  .help = "guest memory mapped at a time, a power of two" },
	{ .key = "report-writes",
	  .kind = OPTION_BOOL,
	  .offset = offsetof(struct config, report_writes),
	  .fallback = "off",
	  .help = "tell Xen's log of dirty pages of writes through foreign mappings (x86)" },
	{ .key = "hotplug",
	  .kind = OPTION_ENUM,
	  .offset = offsetof(struct config, hotplug),
	  .names = hotplug_way_names,
	  .fallback = "auto",
	  .help = "how a running guest learns of devices that come and go (auto: an HVM guest by "
		  "acpi)" },
	{ .key = "log-level",
	  .kind = OPTION_ENUM,
	  .offset = offsetof(struct config, log_level),
	  .names = log_level_names,
	  .fallback = "info",
	  .help = "least urgent messages to show" },
	{ 0 },
};

/* Where the line of a setting that can be given once is remembered. */
static unsigned *line_of(struct config *config, const struct option_spec *global)
{
	if (!global)
		return &config->bridge_line;
	return &config->lines[global - config_global_options];
}

static const char *name_place(const struct config *config, unsigned line, const char *key,
			      char where[static CONFIG_WHERE_MAX])
{
	if (line)
		snprintf(where, CONFIG_WHERE_MAX, "%.256s:%u: %.32s", config->file, line, key);
	else
		snprintf(where, CONFIG_WHERE_MAX, "--%.32s", key);
	return where;
}

const char *config_place(struct config *config, const char *key,
			 char where[static CONFIG_WHERE_MAX])
{
	return name_place(config, *line_of(config, option_find(config_global_options, key)), key,
			  where);
}

static int given_twice(struct config *config, const struct option_spec *global, const char *where)
{
	unsigned line = *line_of(config, global);

	if (line)
		log_error("%s is given twice, in line %u of %.256s for the first time", where, line,
			  config->file);
	else
		log_error("%s is given twice", where);
	return -EINVAL;
}

/* The last one's address is its own. */
static int check_address(const struct config *config, const char *where)
{
	const struct device_config *last = &config->devices[config->ndevices - 1];
	const struct device_config *device;
	char text[BDF_TEXT_MAX];

	for (device = config->devices; device < last; device++)
		if (bdf_sbdf(device->common.bdf) == bdf_sbdf(last->common.bdf)) {
			log_error("%s: bdf=%s is given to two devices", where,
				  bdf_format(last->common.bdf, text));
			return -EINVAL;
		}
	return 0;
}

static int add_device(struct config *config, const struct virtio_device_type *type,
		      const char *where, const char *text)
{
	int err;

	if (config->ndevices == CONFIG_MAX_DEVICES) {
		log_error("%s: more than %u devices", where, CONFIG_MAX_DEVICES);
		return -EINVAL;
	}
	err = device_config_parse(&config->devices[config->ndevices++], type, false, where, text);
	return err ? err : check_address(config, where);
}

static int set_bridge(struct config *config, const char *where, const char *text)
{
	struct option_set set = { bridge_option_specs, &config->bridge_options };

	if (config->has_bridge)
		return given_twice(config, NULL, where);
	config->has_bridge = true;
	config->bridge_line = config->file_line;
	return options_parse(&set, 1, where, text);
}

static int add_port(struct config *config, const char *where, const char *text)
{
	struct port_options *port = &config->ports[config->nports];
	const struct option_set set = { port_option_specs, port };
	int err;

	if (config->nports == CONFIG_MAX_PORTS) {
		log_error("%s: more than %u ports", where, CONFIG_MAX_PORTS);
		return -EINVAL;
	}
	err = options_parse(&set, 1, where, text);
	if (err)
		return err;
	config->nports++;
	return config_check_bdf(port->bdf, where);
}

static int set_global(struct config *config, const struct option_spec *global, const char *where,
		      const char *text)
{
	uint64_t bit = BIT_ULL(global - config_global_options);

	if (config->given & bit)
		return given_twice(config, global, where);
	config->given |= bit;
	*line_of(config, global) = config->file_line;
	return option_set(global, config, where, text);
}

int config_set(struct config *config, const char *key, const char *text)
{
	const struct virtio_device_type *type = device_type_find(key);
	const struct option_spec *global = option_find(config_global_options, key);
	char where[CONFIG_WHERE_MAX];

	name_place(config, config->file_line, key, where);
	if (!type && !global && strcmp(key, CONFIG_BRIDGE) && strcmp(key, CONFIG_PORT)) {
		log_error("%s: there is no such key (see --help, without the dashes)", where);
		return -EINVAL;
	}
	if (!*text && config->file_line) {
		log_error("%s: needs a value (see --help)", where);
		return -EINVAL;
	}
	if (type)
		return add_device(config, type, where, text);
	if (global)
		return set_global(config, global, where, text);
	if (!strcmp(key, CONFIG_PORT))
		return add_port(config, where, text);
	return set_bridge(config, where, text);
}
