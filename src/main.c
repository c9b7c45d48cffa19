/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c: options -> guest -> loop; nothing else. */
#include <stdio.h>

#include "base/log.h"
#include "daemon/config.h"
#include "daemon/guest.h"

enum { EXIT_SERVED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int serve(const struct config *config)
{
	struct guest *guest;
	int err;

	log_init(config_instance(config), config->log_level);
	if (guest_open(config, &guest))
		return EXIT_FAILED;
	if (config->check)
		err = puts("the configuration is good") < 0 || fflush(stdout);
	else
		err = guest_serve(guest);
	guest_close(guest);
	return err ? EXIT_FAILED : EXIT_SERVED;
}

int main(int argc, char **argv)
{
	struct config config;
	int status = EXIT_SERVED;

	switch (config_parse(&config, argc, argv)) {
	case CONFIG_RUN:
		status = serve(&config);
		break;
	case CONFIG_USAGE:
		status = EXIT_USAGE;
		break;
	case CONFIG_DONE:
		break;
	}
	config_free(&config);
	return status;
}
