/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bdf.c: PCI addresses as text. */
#include "base/bdf.h"

#include <stdio.h>
#include <stdlib.h>

/* One hexadecimal field of 1 to @digits digits that ends at @end. */
static bool field(const char **at, int digits, char end, unsigned *value)
{
	unsigned v = 0;
	int n;

	for (n = 0; **at && **at != end; n++, (*at)++) {
		char c = **at;

		if (n == digits)
			return false;
		if (c >= '0' && c <= '9')
			v = v * 16 + (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v * 16 + (unsigned)((c | 0x20) - 'a') + 10;
		else
			return false;
	}
	if (!n || **at != end)
		return false;
	if (end)
		(*at)++;
	*value = v;
	return true;
}

static unsigned count(const char *text, char c)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

bool bdf_parse(const char *text, struct pci_bdf *bdf)
{
	unsigned segment = 0, bus, device, function;

	if (count(text, ':') == 2 && !field(&text, 4, ':', &segment))
		return false;
	if (!field(&text, 2, ':', &bus) || !field(&text, 2, '.', &device) ||
	    !field(&text, 1, '\0', &function))
		return false;
	if (device > 31 || function > 7)
		return false;
	*bdf = (struct pci_bdf){ .segment = (uint16_t)segment,
				 .bus = (uint8_t)bus,
				 .device = (uint8_t)device,
				 .function = (uint8_t)function };
	return true;
}

const char *bdf_format(struct pci_bdf bdf, char text[BDF_TEXT_MAX])
{
	if (bdf.segment)
		snprintf(text, BDF_TEXT_MAX, "%04x:%02x:%02x.%x", bdf.segment, bdf.bus, bdf.device,
			 bdf.function);
	else
		snprintf(text, BDF_TEXT_MAX, "%02x:%02x.%x", bdf.bus, bdf.device, bdf.function);
	return text;
}
