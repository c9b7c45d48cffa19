/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus.c: see bus.h. */
#include "ctl/bus.h"

#include <errno.h>
#include <string.h>
#include <xen/xen.h>

#include "base/log.h"
#include "base/util.h"

#define PAGE      4096
#define MAX_BUSES 256

#define FUNCTION "--function"
#define PORT     "--port"

const struct option_spec bus_bridge_options[] = {
	{ .key = "ecam",
	  .kind = OPTION_ADDRESS,
	  .offset = offsetof(struct bus, ecam.base),
	  .placeholder = "BASE",
	  .fallback = STRINGIFY(LAYOUT_ECAM_BASE),
	  .help = "where config space begins" },
	{ .key = "size",
	  .kind = OPTION_SIZE,
	  .offset = offsetof(struct bus, ecam.size),
	  .min = ECAM_BUS_SIZE,
	  .max = (uint64_t)MAX_BUSES * ECAM_BUS_SIZE,
	  .placeholder = "SIZE",
	  .help = "of config space (default: 1M for each bus, of which a port has one)" },
	{ .key = "mem",
	  .kind = OPTION_WINDOW,
	  .offset = offsetof(struct bus, mem),
	  .placeholder = "BASE:SIZE",
	  .fallback = STRINGIFY(LAYOUT_MEM_BASE) ":" STRINGIFY(LAYOUT_MEM_SIZE),
	  .help = "where the guest may place BARs" },
	{ .key = "spi-base",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct bus, spi_base),
	  .min = LAYOUT_SPI_BASE,
	  .max = 1019, /* the last SPI */
	  .placeholder = "N",
	  .fallback = STRINGIFY(LAYOUT_SPI_BASE),
	  .help = "device d interrupts by INTID N + d" },
	{ 0 },
};

static const char *const memory_names[] = { "grants", "foreign", NULL };

const struct option_spec bus_function_options[] = {
	{ .key = "bdf",
	  .kind = OPTION_BDF,
	  .required = true,
	  .offset = offsetof(struct bus_function, bdf),
	  .placeholder = "00:01.0",
	  .help = "where the guest finds the device" },
	{ .key = "backend",
	  .kind = OPTION_UINT,
	  .required = true,
	  .offset = offsetof(struct bus_function, backend),
	  .max = DOMID_FIRST_RESERVED - 1,
	  .placeholder = "DOMID",
	  .help = "the domain whose xenvirtiod serves it" },
	{ .key = "memory",
	  .kind = OPTION_ENUM,
	  .offset = offsetof(struct bus_function, memory),
	  .names = memory_names,
	  .fallback = "grants",
	  .help = "how the driver names its buffers" },
	{ 0 },
};

static bool windows_valid(const struct bus *bus)
{
	const struct address_window *ecam = &bus->ecam, *mem = &bus->mem;

	if (ecam->base % ECAM_BUS_SIZE || ecam->size % ECAM_BUS_SIZE)
		log_error("--bridge: ecam and size must be multiples of 1M");
	else if (mem->base % PAGE || mem->size % PAGE)
		log_error("--bridge: mem must begin and end at multiples of 4K");
	else if (mem->base + mem->size > 1ull << 32)
		log_error("--bridge: mem must lie below 4G: 32-bit BARs are placed there");
	else if (windows_overlap(*ecam, *mem))
		log_error("--bridge: config space and mem overlap");
	else
		return true;
	return false;
}

/* Device 0 has no interrupt, but is there. */
static bool lines_valid(const struct bus *bus)
{
	char a[BDF_TEXT_MAX], b[BDF_TEXT_MAX];
	unsigned i, j;

	for (i = 0; i < bus->nfunctions; i++) {
		struct pci_bdf bdf = bus->functions[i].bdf, other = bdf;

		if (!bus->functions[i].behind)
			continue;
		other.device = (uint8_t)layout_port_line(bdf.device);
		for (j = 0;
		     j < bus->nfunctions && bdf_sbdf(bus->functions[j].bdf) != bdf_sbdf(other); j++)
			;
		if (j == bus->nfunctions && other.device)
			continue;
		log_error("--port: bdf=%s has the interrupt of %s, which is not free",
			  bdf_format(bdf, a), bdf_format(other, b));
		return false;
	}
	return true;
}

static bool function_valid(const struct bus *bus, const struct bus_function *function,
			   const char *flag)
{
	struct pci_bdf bdf = function->bdf;
	char text[BDF_TEXT_MAX];
	unsigned i;

	if (!bdf_is_device(bdf)) {
		log_error("%s: bdf=%s: must be from 00:01.0 to 00:1f.0, function 0", flag,
			  bdf_format(bdf, text));
		return false;
	}
	for (i = 0; i < bus->nfunctions; i++)
		if (bdf_sbdf(bdf) == bdf_sbdf(bus->functions[i].bdf)) {
			log_error("%s: bdf=%s is given twice", flag, bdf_format(bdf, text));
			return false;
		}
	return true;
}

/* There is room: each device is there once only. */
static int add_function(struct bus *bus, const char *flag, const char *text)
{
	struct bus_function function = { .behind = !strcmp(flag, PORT) };
	const struct option_set set = { bus_function_options, &function };
	int err = options_parse(&set, 1, flag, text);

	if (err)
		return err;
	if (!function_valid(bus, &function, flag))
		return -EINVAL;
	bus->functions[bus->nfunctions++] = function;
	return 0;
}

static int add_functions(struct bus *bus, const char *flag, const struct option_list *list)
{
	unsigned i;
	int err = 0;

	for (i = 0; i < list->count && !err; i++)
		err = add_function(bus, flag, list->items[i]);
	return err;
}

/* Linux gives numbers to buses as it comes to their bridges, device by device, and to one that
 * is behind a slot one number (drivers/pci/probe.c). */
static unsigned number_buses(struct bus *bus)
{
	unsigned device, i, n = 0;

	for (device = 1; device <= BUS_MAX_FUNCTIONS; device++)
		for (i = 0; i < bus->nfunctions; i++)
			if (bus->functions[i].behind && bus->functions[i].bdf.device == device)
				bus->functions[i].behind = (uint8_t)++n;
	return n + 1;
}

static int fit_buses(struct bus *bus)
{
	unsigned buses = number_buses(bus);

	if (!bus->ecam.size)
		bus->ecam.size = (uint64_t)buses * ECAM_BUS_SIZE;
	if (bus->ecam.size >= (uint64_t)buses * ECAM_BUS_SIZE)
		return 0;
	log_error("--bridge: size: there are %u buses, with the ports', 1M each", buses);
	return -EINVAL;
}

static int set_bridge(struct bus *bus, const char *text)
{
	const struct option_set set = { bus_bridge_options, bus };

	return options_parse(&set, 1, "--bridge", text);
}

int bus_parse(struct bus *bus, const char *bridge, const struct option_list *functions,
	      const struct option_list *ports)
{
	int err;

	*bus = (struct bus){ 0 };
	err = set_bridge(bus, bridge);
	if (!err)
		err = add_functions(bus, FUNCTION, functions);
	if (!err)
		err = add_functions(bus, PORT, ports);
	if (!err)
		err = fit_buses(bus);
	if (err)
		return err;
	return windows_valid(bus) && lines_valid(bus) ? 0 : -EINVAL;
}

unsigned bus_intid(const struct bus *bus, const struct bus_function *function)
{
	return bus->spi_base + function->bdf.device;
}

unsigned bus_port_intid(const struct bus *bus, const struct bus_function *port)
{
	return bus->spi_base + layout_port_line(port->bdf.device);
}
