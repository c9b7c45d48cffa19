/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus.h: the PCI bus of one Arm guest: its host bridge, and which domain is
 * behind which function or port. */
#pragma once
#include <stdint.h>

#include "base/bdf.h"
#include "base/layout.h"
#include "base/options.h"

/* Devices 1 to 31; 0 is the bridge. */
#define BUS_MAX_FUNCTIONS 31

/* How a driver names its buffers. */
enum bus_memory { BUS_GRANTS, BUS_FOREIGN };

struct bus_function {
	struct pci_bdf bdf;
	uint8_t behind;   /* of a port: the number of the bus behind it; 0: it is none */
	unsigned backend; /* domid */
	unsigned memory;  /* enum bus_memory */
};

struct bus {
	struct address_window ecam, mem;
	unsigned spi_base;
	struct bus_function functions[BUS_MAX_FUNCTIONS];
	unsigned nfunctions;
};

/* For the help. */
extern const struct option_spec bus_bridge_options[];
extern const struct option_spec bus_function_options[];

/* Fills @bus from the value of --bridge and the values of --function and --port, none of
 * which contradict each other then. Returns 0 or -EINVAL, -ENOMEM. */
int bus_parse(struct bus *bus, const char *bridge, const struct option_list *functions,
	      const struct option_list *ports);

/* The INTID of a function's INTA, and of a port's INTB. */
unsigned bus_intid(const struct bus *bus, const struct bus_function *function);
unsigned bus_port_intid(const struct bus *bus, const struct bus_function *port);
