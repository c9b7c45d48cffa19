/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c: picks the subcommand; nothing else. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "ctl/ctl.h"

struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

static const struct subcommand subcommands[] = {
	{ "dt", dt_main,
	  "the device tree of an Arm guest's PCI host bridge, and its xl.cfg lines" },
};

static int print_help(void)
{
	unsigned i;

	printf("usage: xenvirtioctl SUBCOMMAND ...\n"
	       "What goes with xenvirtiod. Each subcommand has a --help of its own.\n\n");
	for (i = 0; i < ARRAY_SIZE(subcommands); i++)
		printf("  %-12s %s\n", subcommands[i].name, subcommands[i].help);
	printf("  %-12s %s\n", "--version", "print the version and exit");
	printf("  %-12s %s\n", "--help", "print this and exit");
	return CTL_DONE;
}

static int run(int argc, char **argv)
{
	unsigned i;

	if (argc < 2) {
		log_error("no subcommand is given (see --help)");
		return CTL_USAGE;
	}
	if (!strcmp(argv[1], "--help"))
		return print_help();
	if (!strcmp(argv[1], "--version")) {
		puts("xenvirtioctl " XENVIRTIOD_VERSION);
		return CTL_DONE;
	}
	for (i = 0; i < ARRAY_SIZE(subcommands); i++)
		if (!strcmp(argv[1], subcommands[i].name))
			return subcommands[i].run(argc - 1, argv + 1);
	log_error("there is no subcommand \"%s\" (see --help)", argv[1]);
	return CTL_USAGE;
}

int main(int argc, char **argv)
{
	int status;

	log_program("xenvirtioctl");
	log_init(NULL, LOG_INFO);
	status = run(argc, argv);
	if (fflush(stdout) || ferror(stdout)) {
		log_error("cannot write to standard output");
		return CTL_FAILED;
	}
	return status;
}
