/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ports.c: the I/O ports that an x86 guest without QEMU cannot do without.
 *
 * A PVH guest has no devices of a PC. Xen itself answers for ports that nobody claims, by
 * all-ones, and a guest takes that for what it is. With these it would not:
 *
 * 0xcf8, where in config space an access to 0xcfc goes. Linux uses it only if it reads
 * back what was written (arch/x86/pci/direct.c, pci_check_type1()). Xen takes note of it
 * as well, and finds the function's server by that.
 *
 * 0x42, what is left to count in the timer's counter 2. Linux calibrates the TSC by it
 * before it asks anything else (arch/x86/kernel/tsc.c, quick_pit_calibrate()): it loads
 * 0xffff and reads for as long as the high byte is 0xff, up to 100000 times. That it has
 * got to 0 says at once that nothing can be calibrated here; Xen's clock will do.
 *
 * 0xafe0, the ACPI events of the tables that xl makes for PVH guests, too. All-ones is that
 * all have happened: Linux complains of most, and looks for CPUs that were plugged in. */
#include "bridge/ports.h"

#include "base/util.h"
#include "ioreq/server.h"

#define CONFIG_ADDRESS 0xcf8

static uint32_t read_config(void *arg, uint16_t port, unsigned size)
{
	const uint32_t *address = arg;

	return port == CONFIG_ADDRESS && size == 4 ? *address : ~0U;
}

static void write_config(void *arg, uint16_t port, unsigned size, uint32_t value)
{
	uint32_t *address = arg;

	if (port == CONFIG_ADDRESS && size == 4)
		*address = value;
}

static uint32_t read_zero(void *arg, uint16_t port, unsigned size)
{
	(void)arg, (void)port, (void)size;
	return 0;
}

static void write_nothing(void *arg, uint16_t port, unsigned size, uint32_t value)
{
	(void)arg, (void)port, (void)size, (void)value;
}

int bridge_claim_ports(struct ioreq_server *server, uint32_t *config_address)
{
	const struct ioreq_ports ports[] = {
		{ .first = CONFIG_ADDRESS,
		  .last = 0xcff,
		  .read = read_config,
		  .write = write_config,
		  .arg = config_address,
		  .stale = ~0U },
		{ .first = 0x42, .last = 0x42, .read = read_zero, .write = write_nothing },
		{ .first = 0xafe0, .last = 0xafe3, .read = read_zero, .write = write_nothing },
	};
	unsigned i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(ports) && !err; i++)
		err = ioreq_claim_ports(server, &ports[i]);
	return err;
}
