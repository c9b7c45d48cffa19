/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus.c: see bus.h. */
#include "ctl/bus.h"

#include <errno.h>
#include <xen/xen.h>

#include "base/log.h"
#include "base/util.h"

#define PAGE      4096
#define MAX_BUSES 256

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
	  .fallback = STRINGIFY(LAYOUT_ECAM_SIZE),
	  .help = "of config space, 1M for each bus" },
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

static bool function_valid(const struct bus *bus, const struct bus_function *function)
{
	struct pci_bdf bdf = function->bdf;
	char text[BDF_TEXT_MAX];
	unsigned i;

	if (!bdf_is_device(bdf)) {
		log_error("--function: bdf=%s: must be from 00:01.0 to 00:1f.0, function 0",
			  bdf_format(bdf, text));
		return false;
	}
	for (i = 0; i < bus->nfunctions; i++)
		if (bdf_sbdf(bdf) == bdf_sbdf(bus->functions[i].bdf)) {
			log_error("--function: bdf=%s is given twice", bdf_format(bdf, text));
			return false;
		}
	return true;
}

/* There is room: each device is there once only. */
static int add_function(struct bus *bus, const char *text)
{
	struct bus_function function = { 0 };
	const struct option_set set = { bus_function_options, &function };
	int err = options_parse(&set, 1, "--function", text);

	if (err)
		return err;
	if (!function_valid(bus, &function))
		return -EINVAL;
	bus->functions[bus->nfunctions++] = function;
	return 0;
}

int bus_parse(struct bus *bus, const char *bridge, const struct option_list *functions)
{
	const struct option_set set = { bus_bridge_options, bus };
	unsigned i;
	int err;

	*bus = (struct bus){ 0 };
	err = options_parse(&set, 1, "--bridge", bridge);
	if (err)
		return err;
	if (!windows_valid(bus))
		return -EINVAL;
	for (i = 0; i < functions->count && !err; i++)
		err = add_function(bus, functions->items[i]);
	return err;
}

unsigned bus_intid(const struct bus *bus, const struct bus_function *function)
{
	return bus->spi_base + function->bdf.device;
}
