/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl.c: see xl.h.
 *
 * The guest's interrupt controller has as many SPIs as xl asks Xen for. Before
 * 4.19 there is no option for that, but a vuart, which is INTID 32, brings the
 * number to 32: Xen's vGIC has them in groups of 32.
 */
#include "ctl/xl.h"

#include "base/log.h"
#include "ctl/bus.h"

#define SPI_FIRST 32
#define SPI_GROUP 32
#define SPIS_MAX  960 /* xl.cfg(5), nr_spis */

const char *const xl_release_names[] = { "4.17", "4.18", "4.19", "4.20", "4.21", NULL };

static bool has_nr_spis(enum xl_release release)
{
	return release >= XL_4_19;
}

/* An access that nobody answers need not kill the guest. */
static bool has_trap_unmapped(enum xl_release release)
{
	return release >= XL_4_21;
}

static unsigned highest_intid(const struct bus *bus)
{
	unsigned i, highest = 0;

	for (i = 0; i < bus->nfunctions; i++) {
		const struct bus_function *function = &bus->functions[i];

		if (bus_intid(bus, function) > highest)
			highest = bus_intid(bus, function);
		if (function->behind && bus_port_intid(bus, function) > highest)
			highest = bus_port_intid(bus, function);
	}
	return highest;
}

bool xl_interrupts_valid(enum xl_release release, const struct bus *bus)
{
	unsigned last = SPI_FIRST - 1 + (has_nr_spis(release) ? SPIS_MAX : SPI_GROUP);

	if (highest_intid(bus) <= last)
		return true;
	log_error("--bridge: spi-base=%u: interrupt %u is needed, guests of xl %s have 33 to %u",
		  bus->spi_base, highest_intid(bus), xl_release_names[release], last);
	return false;
}

static unsigned nr_spis(const struct bus *bus)
{
	return (highest_intid(bus) - SPI_FIRST) / SPI_GROUP * SPI_GROUP + SPI_GROUP;
}

static void print_config(FILE *out, const char *prefix, enum xl_release release,
			 const struct bus *bus, const char *dtb)
{
	fprintf(out, "%sdevice_tree = \"%s\"\n", prefix, dtb);
	if (has_nr_spis(release))
		fprintf(out, "%snr_spis = %u\n", prefix, nr_spis(bus));
	else
		fprintf(out, "%svuart = \"sbsa_uart\" # or the guest has no SPIs\n", prefix);
	if (has_trap_unmapped(release))
		fprintf(out, "%strap_unmapped_accesses = 0\n", prefix);
}

static void print_size(FILE *out, uint64_t size)
{
	bool whole = !(size % (1 << 20));

	fprintf(out, "%llu%c", (unsigned long long)size >> (whole ? 20 : 10), whole ? 'M' : 'K');
}

static void print_bridge(FILE *out, const char *prefix, const struct bus *bus)
{
	char text[BDF_TEXT_MAX];
	unsigned i;

	fprintf(out,
		"%s# first: xenvirtiod --domain GUEST --name GUEST-bridge --bridge ecam=%#llx,size=",
		prefix, (unsigned long long)bus->ecam.base);
	print_size(out, bus->ecam.size);
	fprintf(out, ",mem=%#llx:", (unsigned long long)bus->mem.base);
	print_size(out, bus->mem.size);
	for (i = 0; i < bus->nfunctions; i++)
		fprintf(out, ",expect=%s@%u", bdf_format(bus->functions[i].bdf, text),
			bus->functions[i].backend);
	fputc('\n', out);
}

static void print_function(FILE *out, const struct bus_function *function)
{
	char text[BDF_TEXT_MAX];

	bdf_format(function->bdf, text);
	if (function->behind)
		fprintf(out, " --port bdf=%s", text);
	else
		fprintf(out, " --blk bdf=%s,%s...", text,
			function->memory == BUS_FOREIGN ? "memory=foreign," : "");
}

/* The daemon in one backend domain, with what it must know of the bus. */
static void print_daemon(FILE *out, const char *prefix, const struct bus *bus, unsigned backend)
{
	unsigned i;

	fprintf(out, "%s# in domain %u: xenvirtiod --domain GUEST", prefix, backend);
	if (backend)
		fprintf(out, " --own-domid %u", backend);
	if (bus->ecam.base != LAYOUT_ECAM_BASE)
		fprintf(out, " --ecam %#llx", (unsigned long long)bus->ecam.base);
	if (bus->spi_base != LAYOUT_SPI_BASE)
		fprintf(out, " --spi-base %u", bus->spi_base);
	for (i = 0; i < bus->nfunctions; i++)
		if (bus->functions[i].backend == backend)
			print_function(out, &bus->functions[i]);
	fputc('\n', out);
}

static bool was_before(const struct bus *bus, unsigned i)
{
	unsigned j;

	for (j = 0; j < i; j++)
		if (bus->functions[j].backend == bus->functions[i].backend)
			return true;
	return false;
}

void xl_print(FILE *out, const char *prefix, enum xl_release release, const struct bus *bus,
	      const char *dtb)
{
	unsigned i;

	print_config(out, prefix, release, bus, dtb);
	print_bridge(out, prefix, bus);
	for (i = 0; i < bus->nfunctions; i++)
		if (!was_before(bus, i))
			print_daemon(out, prefix, bus, bus->functions[i].backend);
}
