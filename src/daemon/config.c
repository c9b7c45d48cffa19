/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.c: the command line, from the tables of options. */
#include "daemon/config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/layout.h"
#include "base/log.h"
#include "base/options.h"
#include "base/util.h"
#include "daemon/domain.h"
#include "devices/types.h"
#include "memory/bounce.h"
#include "memory/foreign.h"

/* Arm is where the guest is, too. */
#ifdef __aarch64__
#define ECAM_FALLBACK STRINGIFY(LAYOUT_ECAM_BASE)
#else
#define ECAM_FALLBACK NULL
#endif

static const struct option_spec global_options[] = {
	{ .key = "domain",
	  .kind = OPTION_STRING,
	  .required = true,
	  .offset = offsetof(struct config, domain),
	  .placeholder = "NAME|ID",
	  .help = "the guest to serve" },
	{ .key = "name",
	  .kind = OPTION_STRING,
	  .offset = offsetof(struct config, instance),
	  .placeholder = "INSTANCE",
	  .help = "name of this instance (default: the domain as given)" },
	{ .key = "ecam",
	  .kind = OPTION_ADDRESS,
	  .offset = offsetof(struct config, platform.ecam),
	  .min = GUEST_PAGE_SIZE,
	  .max = UINT64_MAX >> 1,
	  .placeholder = "ADDRESS",
	  .fallback = ECAM_FALLBACK,
	  .help = "an Arm guest: where its PCI config space is" },
	{ .key = "spi-base",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct config, platform.spi_base),
	  .min = LAYOUT_SPI_BASE,
	  .max = IOREQ_SPI_BASE_MAX,
	  .placeholder = "N",
	  .fallback = STRINGIFY(LAYOUT_SPI_BASE),
	  .help = "an Arm guest: device n interrupts by INTID N + n" },
	{ .key = "own-domid",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct config, platform.own_domid),
	  .max = IOREQ_DOMID_MAX,
	  .placeholder = "ID",
	  .help = "number of the domain that this runs in, to tell the guest (default: 0 in dom0)" },
	{ .key = "workers",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct config, workers),
	  .max = CONFIG_MAX_WORKERS,
	  .placeholder = "N",
	  .help = "threads that move data; 0: none but the main one (default: one "
		  "per queue, up to the CPUs)" },
	{ .key = "bounce",
	  .kind = OPTION_SIZE,
	  .offset = offsetof(struct config, bounce),
	  .min = BOUNCE_MIN,
	  .max = BOUNCE_MAX,
	  .placeholder = "SIZE",
	  .fallback = "8M",
	  .help = "buffers between guest and store, for each worker" },
	{ .key = "window",
	  .kind = OPTION_SIZE,
	  .offset = offsetof(struct config, window),
	  .min = FOREIGN_WINDOW_MIN,
	  .max = FOREIGN_WINDOW_MAX,
	  .placeholder = "SIZE",
	  .fallback = "2M",
	  .help = "guest memory mapped at a time, a power of two" },
	{ .key = "report-writes",
	  .kind = OPTION_BOOL,
	  .offset = offsetof(struct config, report_writes),
	  .fallback = "off",
	  .help = "tell Xen's log of dirty pages of writes through foreign mappings (x86)" },
	{ .key = "log-level",
	  .kind = OPTION_ENUM,
	  .offset = offsetof(struct config, log_level),
	  .names = log_level_names,
	  .fallback = "info",
	  .help = "least urgent messages to show" },
	{ 0 },
};

/* Values of getopt_long(): global options, then device types, then these. */
enum {
	FLAG_INDEX = 0xff,
	FLAG_GLOBAL = 0x100,
	FLAG_TYPE = 0x200,
	FLAG_BRIDGE = 0x300,
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

	for (spec = global_options; spec->key; spec++)
		flags[n++] = (struct option){ spec->key, required_argument, NULL,
					      FLAG_GLOBAL + (int)(spec - global_options) };
	for (i = 0; config_types[i]; i++)
		flags[n++] = (struct option){ config_types[i]->name, required_argument, NULL,
					      FLAG_TYPE + (int)i };
	flags[n++] = (struct option){ "bridge", required_argument, NULL, FLAG_BRIDGE };
	flags[n++] = (struct option){ "config", required_argument, NULL, FLAG_CONFIG };
	flags[n++] = (struct option){ "check", no_argument, NULL, FLAG_CHECK };
	flags[n++] = (struct option){ "version", no_argument, NULL, FLAG_VERSION };
	flags[n++] = (struct option){ "help", no_argument, NULL, FLAG_HELP };
	flags[n] = (struct option){ 0 };
}

static void print_help(void)
{
	unsigned i;

	printf("usage: xenvirtiod --domain NAME|ID --DEVICE key=value,... [--DEVICE ...]\n"
	       "Gives a Xen guest virtio-pci devices.\n\n");
	options_help(stdout, "  --", global_options);
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
}

#define WHERE_MAX 320

/* "--net" or "/etc/xenvirtiod/guest.conf:7: net": what a message begins with. */
static void name_place(const struct config *config, const char *key, char where[static WHERE_MAX])
{
	if (config->file_line)
		snprintf(where, WHERE_MAX, "%.256s:%u: %.32s", config->file, config->file_line,
			 key);
	else
		snprintf(where, WHERE_MAX, "--%.32s", key);
}

/* The last one's address is its own. */
static int check_address(const struct config *config, const char *where)
{
	const struct device_config *last = &config->devices[config->ndevices - 1];
	const struct device_config *device;
	char text[BDF_TEXT_MAX];

	for (device = config->devices; device < last; device++)
		if (bdf_sbdf(device->common.bdf) == bdf_sbdf(last->common.bdf)) {
			log_error("%s: bdf=%s is given to two devices", where,
				  bdf_format(last->common.bdf, text));
			return -EINVAL;
		}
	return 0;
}

static int add_device(struct config *config, const struct virtio_device_type *type,
		      const char *text)
{
	char where[WHERE_MAX];
	int err;

	name_place(config, type->name, where);
	if (config->ndevices == CONFIG_MAX_DEVICES) {
		log_error("%s: more than %u devices", where, CONFIG_MAX_DEVICES);
		return -EINVAL;
	}
	err = device_config_parse(&config->devices[config->ndevices++], type, where, text);
	return err ? err : check_address(config, where);
}

static int set_bridge(struct config *config, const char *text)
{
	struct option_set set = { bridge_option_specs, &config->bridge_options };
	char where[WHERE_MAX];

	name_place(config, "bridge", where);
	if (config->has_bridge) {
		log_error("%s is given twice", where);
		return -EINVAL;
	}
	config->has_bridge = true;
	return options_parse(&set, 1, where, text);
}

static int set_global(struct config *config, unsigned i, const char *text)
{
	char where[WHERE_MAX];

	name_place(config, global_options[i].key, where);
	if (config->given & BIT_ULL(i)) {
		log_error("%s is given twice", where);
		return -EINVAL;
	}
	config->given |= BIT_ULL(i);
	return option_set(&global_options[i], config, where, text);
}

static int take_flag(struct config *config, int flag, const char *text)
{
	unsigned i = (unsigned)flag & FLAG_INDEX;

	if ((flag & ~FLAG_INDEX) == FLAG_TYPE)
		return add_device(config, config_types[i], text);
	return set_global(config, i, text);
}

/* --- the file --------------------------------------------------------------------- */

static int take_setting(struct config *config, const char *key, const char *value)
{
	char where[WHERE_MAX];
	const struct virtio_device_type *type = device_type_find(key);
	unsigned i;

	if (type)
		return add_device(config, type, value);
	if (!strcmp(key, "bridge"))
		return set_bridge(config, value);
	for (i = 0; global_options[i].key; i++)
		if (!strcmp(key, global_options[i].key))
			return set_global(config, i, value);
	name_place(config, key, where);
	log_error("%s: there is no such key (see --help, without the dashes)", where);
	return -EINVAL;
}

/* "key=value" or "key value"; blanks around both are no part of them. */
static int take_line(struct config *config, char *line)
{
	char *key = line + strspn(line, " \t\n"), *value, *end = line + strlen(line);

	while (end > key && strchr(" \t\n", end[-1]))
		*--end = '\0';
	if (!*key || *key == '#')
		return 0;
	value = key + strcspn(key, "= \t");
	if (*value)
		*value++ = '\0';
	return take_setting(config, key, value + strspn(value, "= \t"));
}

static int take_lines(struct config *config, FILE *file)
{
	char *line = NULL;
	size_t room = 0;
	int err = 0;

	while (!err && getline(&line, &room, file) >= 0) {
		config->file_line++;
		err = take_line(config, line);
	}
	free(line);
	config->file_line = 0;
	return err;
}

/* NAME.conf is the configuration of the instance NAME. */
static char *name_of_file(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t length = strlen(name);

	if (length > 5 && !strcmp(name + length - 5, ".conf"))
		length -= 5;
	return strndup(name, length);
}

static int take_file(struct config *config, const char *path)
{
	FILE *file;
	int err;

	if (config->file) {
		log_error("--config is given twice");
		return -EINVAL;
	}
	config->file = path;
	file = fopen(path, "re");
	if (!file) {
		log_error("--config: %s: %m", path);
		return -errno;
	}
	err = take_lines(config, file);
	fclose(file);
	return err;
}

static int apply_name_of_file(struct config *config)
{
	if (!config->file)
		return 0;
	if (!config->instance)
		config->instance = name_of_file(config->file);
	if (config->instance && !config->domain)
		config->domain = strdup(config->instance);
	return config->instance && config->domain ? 0 : -ENOMEM;
}

/* --- what goes together ----------------------------------------------------------- */

/* Where the bridge has it the guest has it. */
static bool ecam_valid(struct config *config)
{
	uint64_t *ecam = &config->platform.ecam, bridge = config->bridge_options.ecam;

	if (bridge && *ecam && bridge != *ecam) {
		log_error("--bridge: ecam is another one than --ecam");
		return false;
	}
	if (bridge)
		*ecam = bridge;
	if (*ecam % ECAM_BUS_SIZE) {
		log_error("--ecam: not a multiple of 1 MiB");
		return false;
	}
	return true;
}

static bool bridge_valid(struct config *config)
{
	unsigned i;

	if (!config->has_bridge)
		return true;
	if (bridge_init(&config->bridge, &config->bridge_options, &config->platform))
		return false;
	for (i = 0; i < config->ndevices; i++)
		if (bridge_expects(&config->bridge, config->devices[i].common.bdf)) {
			log_error("--bridge: expect: device %u is served by this process itself",
				  config->devices[i].common.bdf.device);
			return false;
		}
	return true;
}

static bool complete(struct config *config)
{
	if (!ecam_valid(config))
		return false;
	if (!config->domain)
		log_error("--domain is missing (see --help)");
	else if (!config->ndevices && !config->has_bridge)
		log_error("no device is given (see --help)");
	else if (strchr(config_instance(config), '/'))
		log_error("\"%s\" has a slash in it: give a --name without",
			  config_instance(config));
	else if (config->platform.ecam && config->report_writes)
		log_error("--report-writes: Xen on Arm has no log of dirty pages");
	else if (config->window & (config->window - 1))
		log_error("--window: not a power of two");
	else if (!domain_valid(config->domain))
		log_error("--domain: %s is not a domain's number", config->domain);
	else
		return bridge_valid(config);
	return false;
}

enum config_verdict config_parse(struct config *config, int argc, char **argv)
{
	const struct option_set globals = { global_options, config };
	struct option flags[MAX_FLAGS];
	int flag;

	*config = (struct config){ .workers = CONFIG_WORKERS_AUTO,
				   .platform.own_domid = domain_own() };
	if (options_defaults(&globals))
		return CONFIG_USAGE;
	build_flags(flags);
	opterr = 0;
	optind = 0; /* start afresh; also forgets an earlier call */
	while ((flag = getopt_long(argc, argv, ":", flags, NULL)) != -1) {
		switch (flag) {
		case FLAG_BRIDGE:
			if (set_bridge(config, optarg))
				return CONFIG_USAGE;
			break;
		case FLAG_CONFIG:
			if (take_file(config, optarg))
				return CONFIG_USAGE;
			break;
		case FLAG_CHECK:
			config->check = true;
			break;
		case FLAG_VERSION:
			puts("xenvirtiod " XENVIRTIOD_VERSION);
			return CONFIG_DONE;
		case FLAG_HELP:
			print_help();
			return CONFIG_DONE;
		case '?':
			options_unknown_flag(argv);
			return CONFIG_USAGE;
		case ':':
			log_error("%s needs a value (see --help)", argv[optind - 1]);
			return CONFIG_USAGE;
		default:
			if (take_flag(config, flag, optarg))
				return CONFIG_USAGE;
		}
	}
	if (optind < argc) {
		log_error("\"%s\" is not a flag (see --help)", argv[optind]);
		return CONFIG_USAGE;
	}
	if (apply_name_of_file(config))
		return CONFIG_USAGE;
	return complete(config) ? CONFIG_RUN : CONFIG_USAGE;
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
