/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.c: the command line, from the tables of options. */
#include "daemon/config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/complete.h"
#include "base/log.h"
#include "base/options.h"
#include "daemon/config-internal.h"
#include "daemon/domain.h"
#include "virtio/device.h"

/* Values of getopt_long(), beyond any character. */
enum {
	FLAG_SETTING = 0x100, /* by its name */
	FLAG_CONFIG,
	FLAG_CHECK,
	FLAG_VERSION,
	FLAG_HELP,
};

#define MAX_FLAGS 32

static void build_flags(struct option flags[MAX_FLAGS])
{
	const struct option_spec *spec;
	unsigned n = 0, i;

	for (spec = config_global_options; spec->key; spec++)
		flags[n++] = (struct option){ spec->key, required_argument, NULL, FLAG_SETTING };
	for (i = 0; config_types[i]; i++)
		flags[n++] = (struct option){ config_types[i]->name, required_argument, NULL,
					      FLAG_SETTING };
	flags[n++] = (struct option){ CONFIG_BRIDGE, required_argument, NULL, FLAG_SETTING };
	flags[n++] = (struct option){ CONFIG_PORT, required_argument, NULL, FLAG_SETTING };
	flags[n++] = (struct option){ "config", required_argument, NULL, FLAG_CONFIG };
	flags[n++] = (struct option){ "check", no_argument, NULL, FLAG_CHECK };
	flags[n++] = (struct option){ "version", no_argument, NULL, FLAG_VERSION };
	flags[n++] = (struct option){ "help", no_argument, NULL, FLAG_HELP };
	flags[n] = (struct option){ 0 };
}

enum config_verdict config_parse(struct config *config, int argc, char **argv)
{
	const struct option_set globals = { config_global_options, config };
	struct option flags[MAX_FLAGS];
	int flag, which;

	*config = (struct config){ .workers = CONFIG_WORKERS_AUTO,
				   .platform.own_domid = domain_own() };
	if (argc > 1 && !strcmp(argv[1], COMPLETE_FLAG)) {
		config_complete_words(argv + 2, argc - 2);
		return CONFIG_DONE;
	}
	if (options_defaults(&globals))
		return CONFIG_USAGE;
	build_flags(flags);
	opterr = 0;
	optind = 0; /* start afresh; also forgets an earlier call */
	while ((flag = getopt_long(argc, argv, ":", flags, &which)) != -1) {
		switch (flag) {
		case FLAG_SETTING:
			if (config_set(config, flags[which].name, optarg))
				return CONFIG_USAGE;
			break;
		case FLAG_CONFIG:
			if (config_take_file(config, optarg))
				return CONFIG_USAGE;
			break;
		case FLAG_CHECK:
			config->check = true;
			break;
		case FLAG_VERSION:
			puts("xenvirtiod " XENVIRTIOD_VERSION);
			return CONFIG_DONE;
		case FLAG_HELP:
			config_print_help();
			return CONFIG_DONE;
		case '?':
			options_unknown_flag(argv);
			return CONFIG_USAGE;
		case ':':
			log_error("%s needs a value (see --help)", argv[optind - 1]);
			return CONFIG_USAGE;
		}
	}
	if (optind < argc) {
		log_error("\"%s\" is not a flag (see --help)", argv[optind]);
		return CONFIG_USAGE;
	}
	if (config_apply_file_name(config))
		return CONFIG_USAGE;
	return config_complete(config) ? CONFIG_RUN : CONFIG_USAGE;
}

const char *config_instance(const struct config *config)
{
	return config->instance ? config->instance : config->domain;
}

void config_free(struct config *config)
{
	struct option_set bridge = { bridge_option_specs, &config->bridge_options };
	unsigned i;

	options_free(&bridge, 1);
	for (i = 0; i < config->ndevices; i++)
		device_config_free(&config->devices[i]);
	free(config->domain);
	free(config->instance);
}
