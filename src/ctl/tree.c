/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree.c: the bus as a flattened device tree.
 *
 * libxl copies what is under /passthrough into the tree that it makes for the
 * guest. The root's cells and the phandle of the interrupt controller are those
 * of that tree. What each property means: "PCI Bus Binding to Open Firmware",
 * and in Linux's Documentation/devicetree/bindings pci/host-generic-pci.yaml,
 * pci/pci-iommu.txt, iommu/xen,grant-dma.yaml.
 */
#include "ctl/tree.h"

#include <assert.h>
#include <libfdt.h>
#include <stdbool.h>
#include <string.h>

#define __XEN_TOOLS__ /* or the header is empty */
#include <xen/device_tree_defs.h>

#include "base/util.h"
#include "ctl/bus.h"

#define GRANT_DMA_PHANDLE 1 /* as dtc would choose */

#define PCI_MEM32       0x02000000 /* phys.hi of a BAR in 32-bit space */
#define PCI_DEVICE_MASK 0xf800     /* phys.hi: which device */
#define PCI_PIN_MASK    7
#define PCI_INTA        1
#define PCI_INTB        2

#define GIC_SPI       0 /* the kind of interrupt */
#define GIC_SPI_FIRST 32

#define INTERRUPT_CELLS 8
#define IOMMU_CELLS     4

#define HI(address) (uint32_t)((address) >> 32)
#define LO(address) (uint32_t)(address)

static int put_cells(void *fdt, const char *name, const uint32_t *cells, unsigned n)
{
	fdt32_t *to;
	unsigned i;
	int err = fdt_property_placeholder(fdt, name, (int)(n * sizeof(*to)), (void **)&to);

	for (i = 0; i < n && !err; i++)
		to[i] = cpu_to_fdt32(cells[i]);
	return err;
}

#define CELLS(fdt, name, ...)                                   \
	put_cells(fdt, name, (const uint32_t[]){ __VA_ARGS__ }, \
		  sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

static uint32_t requester(const struct bus_function *function)
{
	return bdf_sbdf(function->bdf) & 0xffff;
}

/* Who does DMA: of a port what is behind it, device 0. */
static uint32_t master(const struct bus_function *function)
{
	return function->behind ? (uint32_t)function->behind << 8 : requester(function);
}

/* Device and pin, then the controller, then the interrupt as it counts them. */
static void set_interrupt(uint32_t entry[INTERRUPT_CELLS], const struct bus_function *function,
			  uint32_t pin, unsigned intid)
{
	const uint32_t cells[INTERRUPT_CELLS] = {
		requester(function) << 8,
		0,
		0,
		pin,
		GUEST_PHANDLE_GIC,
		GIC_SPI,
		intid - GIC_SPI_FIRST,
		DT_IRQ_TYPE_LEVEL_HIGH,
	};

	memcpy(entry, cells, sizeof(cells));
}

/* A port's own is INTB; by INTA interrupts what is behind it. */
static int put_interrupts(void *fdt, const struct bus *bus)
{
	uint32_t map[BUS_MAX_FUNCTIONS][INTERRUPT_CELLS];
	unsigned i, n = 0;

	for (i = 0; i < bus->nfunctions; i++) {
		const struct bus_function *function = &bus->functions[i];

		set_interrupt(map[n++], function, PCI_INTA, bus_intid(bus, function));
		if (function->behind)
			set_interrupt(map[n++], function, PCI_INTB, bus_port_intid(bus, function));
	}
	return CELLS(fdt, "#interrupt-cells", 1) ||
	       CELLS(fdt, "interrupt-map-mask", PCI_DEVICE_MASK, 0, 0, PCI_PIN_MASK) ||
	       put_cells(fdt, "interrupt-map", map[0], n * INTERRUPT_CELLS);
}

/* Linux takes the backend's domid from the map's output. An entry is for one
 * function: in a longer one each function would have the next domid. */
static int put_iommu_map(void *fdt, const struct bus *bus)
{
	uint32_t map[BUS_MAX_FUNCTIONS][IOMMU_CELLS];
	unsigned i, n = 0;

	for (i = 0; i < bus->nfunctions; i++) {
		const struct bus_function *function = &bus->functions[i];
		const uint32_t entry[IOMMU_CELLS] = { master(function), GRANT_DMA_PHANDLE,
						      function->backend, 1 };

		if (function->memory == BUS_GRANTS)
			memcpy(map[n++], entry, sizeof(entry));
	}
	return n ? put_cells(fdt, "iommu-map", map[0], n * IOMMU_CELLS) : 0;
}

static bool any_grants(const struct bus *bus)
{
	unsigned i;

	for (i = 0; i < bus->nfunctions; i++)
		if (bus->functions[i].memory == BUS_GRANTS)
			return true;
	return false;
}

static int put_grant_dma(void *fdt)
{
	return fdt_begin_node(fdt, "iommu") ||
	       fdt_property_string(fdt, "compatible", "xen,grant-dma") ||
	       CELLS(fdt, "#iommu-cells", 1) || CELLS(fdt, "phandle", GRANT_DMA_PHANDLE) ||
	       fdt_end_node(fdt);
}

static int put_windows(void *fdt, const struct address_window *ecam,
		       const struct address_window *mem)
{
	uint32_t buses = (uint32_t)(ecam->size / ECAM_BUS_SIZE);

	return CELLS(fdt, "reg", HI(ecam->base), LO(ecam->base), HI(ecam->size), LO(ecam->size)) ||
	       CELLS(fdt, "bus-range", 0, buses - 1) || CELLS(fdt, "#address-cells", 3) ||
	       CELLS(fdt, "#size-cells", 2) ||
	       CELLS(fdt, "ranges", PCI_MEM32, HI(mem->base), LO(mem->base), HI(mem->base),
		     LO(mem->base), HI(mem->size), LO(mem->size));
}

/* Backends look at memory through caches, as the guest does: dma-coherent. */
static int put_bridge(void *fdt, const struct bus *bus)
{
	char name[32];

	snprintf(name, sizeof(name), "pcie@%llx", (unsigned long long)bus->ecam.base);
	return fdt_begin_node(fdt, name) ||
	       fdt_property_string(fdt, "compatible", "pci-host-ecam-generic") ||
	       fdt_property_string(fdt, "device_type", "pci") ||
	       put_windows(fdt, &bus->ecam, &bus->mem) || put_interrupts(fdt, bus) ||
	       put_iommu_map(fdt, bus) || fdt_property(fdt, "dma-coherent", NULL, 0) ||
	       fdt_end_node(fdt);
}

static int put_root_cells(void *fdt)
{
	return CELLS(fdt, "#address-cells", GUEST_ROOT_ADDRESS_CELLS) ||
	       CELLS(fdt, "#size-cells", GUEST_ROOT_SIZE_CELLS);
}

static int put_passthrough(void *fdt, const struct bus *bus)
{
	return fdt_begin_node(fdt, "passthrough") ||
	       fdt_property_string(fdt, "compatible", "simple-bus") ||
	       fdt_property(fdt, "ranges", NULL, 0) || put_root_cells(fdt) ||
	       (any_grants(bus) && put_grant_dma(fdt)) || put_bridge(fdt, bus) || fdt_end_node(fdt);
}

void tree_make(void *tree, const struct bus *bus)
{
	int err = fdt_create(tree, TREE_MAX) || fdt_finish_reservemap(tree) ||
		  fdt_begin_node(tree, "") || put_root_cells(tree) || put_passthrough(tree, bus) ||
		  fdt_end_node(tree) || fdt_finish(tree);

	assert(!err); /* nothing but too little room could fail */
	(void)err;
}
