/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bdf.h: the address of a PCI function, as lspci writes it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct pci_bdf {
	uint16_t segment;
	uint8_t bus, device, function;
};

#define BDF_TEXT_MAX 16

/* Of an address that is not given. */
#define BDF_NONE ((struct pci_bdf){ .segment = UINT16_MAX })

/* "00:06.0" or "0000:00:06.0". False if @text is anything else. */
bool bdf_parse(const char *text, struct pci_bdf *bdf);

/* "00:06.0", with the segment in front if it is not 0. Returns @text. */
const char *bdf_format(struct pci_bdf bdf, char text[BDF_TEXT_MAX]);

/* Function 0 of a device on bus 0, where the first one is the host bridge's. */
static inline bool bdf_is_device(struct pci_bdf bdf)
{
	return !bdf.segment && !bdf.bus && bdf.device && !bdf.function;
}

static inline struct pci_bdf bdf_of(uint32_t sbdf)
{
	return (struct pci_bdf){ .segment = (uint16_t)(sbdf >> 16),
				 .bus = (uint8_t)(sbdf >> 8),
				 .device = sbdf >> 3 & 0x1f,
				 .function = sbdf & 7 };
}

static inline bool bdf_is_none(struct pci_bdf bdf)
{
	return bdf.segment == UINT16_MAX;
}

/* segment << 16 | bus << 8 | device << 3 | function: Xen's SBDF. */
static inline uint32_t bdf_sbdf(struct pci_bdf bdf)
{
	return (uint32_t)bdf.segment << 16 | (uint32_t)bdf.bus << 8 | (uint32_t)bdf.device << 3 |
	       bdf.function;
}
