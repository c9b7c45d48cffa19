/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config-help.c: --help, from the tables of options. */
#include <stdio.h>

#include "daemon/config-internal.h"
#include "virtio/device.h"

void config_print_help(void)
{
	unsigned i;

	printf("usage: xenvirtiod --domain NAME|ID --DEVICE key=value,... [--DEVICE ...]\n"
	       "Gives a Xen guest virtio-pci devices.\n\n");
	options_help(stdout, "  --", config_global_options);
	printf("%-36s %s\n", "  --config=FILE",
	       "take lines of FILE, which are flags without dashes");
	printf("%-36s %s\n", "  --check", "check the options, open what they name, and exit");
	printf("%-36s %s\n", "  --version", "print the version and exit");
	printf("%-36s %s\n", "  --help", "print this and exit");
	printf("\nEvery device (a comma in a value is written twice):\n");
	options_help(stdout, "  ", config_device_options);
	for (i = 0; config_types[i]; i++) {
		printf("\n--%s:\n", config_types[i]->name);
		options_help(stdout, "  ", config_types[i]->options);
	}
	printf("\n--bridge, the host bridge of a guest without QEMU:\n");
	options_help(stdout, "  ", bridge_option_specs);
	printf("\n--port, a root port into whose slot a device can be put later:\n");
	options_help(stdout, "  ", port_option_specs);
}
