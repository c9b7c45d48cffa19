/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c: the table of subcommands, and which one is meant. */
#include <stdio.h>
#include <string.h>

#include "base/complete.h"
#include "base/log.h"
#include "ctl/ctl.h"
#include "ctl/instances.h"

#define NAME                                                                             \
	{                                                                                \
		.key = "name", .kind = OPTION_STRING,                                    \
		.offset = offsetof(struct ask_options, name), .placeholder = "INSTANCE", \
		.help = "which xenvirtiod (default: the only one)"                       \
	}

static const struct option_spec no_flags[] = { { 0 } };
static const struct option_spec name_only[] = { NAME, { 0 } };
static const struct option_spec name_and_force[] = {
	NAME,
	{ .key = "force",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct ask_options, force),
	  .help = "do not wait for the guest: its requests fail from now on" },
	{ 0 },
};
static const struct option_spec name_and_json[] = {
	NAME,
	{ .key = "json",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct ask_options, json),
	  .help = "as one JSON object" },
	{ 0 },
};
static const struct option_spec top_flags[] = {
	NAME,
	{ .key = "interval",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct ask_options, interval),
	  .min = 1,
	  .max = 3600,
	  .placeholder = "SECONDS",
	  .fallback = "1",
	  .help = "from one table to the next" },
	{ .key = "iterations",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct ask_options, iterations),
	  .min = 1,
	  .max = UINT32_MAX,
	  .placeholder = "N",
	  .help = "end after so many tables (default: go on)" },
	{ 0 },
};
static const struct option_spec start_flags[] = {
	{ .key = "directory",
	  .kind = OPTION_STRING,
	  .offset = offsetof(struct ask_options, directory),
	  .placeholder = "DIR",
	  .help = "where the configurations are (default: " INSTANCES_DIRECTORY
		  "); without systemd then" },
	{ 0 },
};

const struct subcommand subcommands[] = {
	{ .name = "attach",
	  .operands = "blk|net KEY=VALUE,...",
	  .options = name_only,
	  .run = attach_run,
	  .help = "give the running guest another device" },
	{ .name = "detach",
	  .operands = "BDF",
	  .options = name_and_force,
	  .run = detach_run,
	  .help = "take a device away from the running guest, when that lets go of it" },
	{ .name = "dt",
	  .main = dt_main,
	  .complete = dt_complete,
	  .help = "the device tree of an Arm guest's PCI host bridge, and its xl.cfg lines" },
	{ .name = "link",
	  .operands = "BDF up|down",
	  .options = name_only,
	  .run = ask_run,
	  .help = "set the link of a network interface" },
	{ .name = "list", .options = no_flags, .run = list_run, .help = "running instances" },
	{ .name = "log-level",
	  .operands = "error|warning|info|debug",
	  .options = name_only,
	  .run = ask_run,
	  .help = "set the least urgent messages to be logged" },
	{ .name = "metrics",
	  .options = name_only,
	  .run = metrics_run,
	  .help = "counters of one instance or all, in the format that Prometheus reads" },
	{ .name = "pause",
	  .operands = "BDF",
	  .options = name_only,
	  .run = ask_run,
	  .help = "let a device's requests wait, until resume" },
	{ .name = "quit",
	  .options = name_only,
	  .run = ask_run,
	  .help = "withdraw all devices from the guest, and end the instance" },
	{ .name = "resize",
	  .operands = "BDF",
	  .options = name_only,
	  .run = ask_run,
	  .help = "find the size of a disk anew, for the guest to see" },
	{ .name = "resume",
	  .operands = "BDF",
	  .options = name_only,
	  .run = ask_run,
	  .help = "let a device go on that was paused, or stopped at an error" },
	{ .name = "run",
	  .operands = "GUEST.cfg",
	  .options = start_flags,
	  .run = run_run,
	  .help = "a guest and what serves it, from its creation to its end" },
	{ .name = "show",
	  .operands = "BDF",
	  .options = name_only,
	  .run = show_run,
	  .help = "one device: what it is, and what it has done" },
	{ .name = "start",
	  .operands = "GUEST",
	  .options = start_flags,
	  .run = start_run,
	  .help = "what serves a guest that was created paused; waits until it is ready" },
	{ .name = "stats",
	  .options = name_and_json,
	  .run = stats_run,
	  .help = "all that an instance counts" },
	{ .name = "top",
	  .options = top_flags,
	  .run = top_run,
	  .help = "what the devices do, each second" },
	{ 0 },
};

static int print_help(void)
{
	const struct subcommand *subcommand;

	printf("usage: xenvirtioctl SUBCOMMAND ...\n"
	       "What goes with xenvirtiod. Each subcommand has a --help of its own.\n\n");
	for (subcommand = subcommands; subcommand->name; subcommand++)
		printf("  %-12s %s\n", subcommand->name, subcommand->help);
	printf("  %-12s %s\n", "--version", "print the version and exit");
	printf("  %-12s %s\n", "--help", "print this and exit");
	return CTL_DONE;
}

static int run(int argc, char **argv)
{
	const struct subcommand *subcommand;

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
	if (!strcmp(argv[1], COMPLETE_FLAG)) {
		ctl_complete(argv + 2, argc - 2);
		return CTL_DONE;
	}
	for (subcommand = subcommands; subcommand->name; subcommand++)
		if (!strcmp(argv[1], subcommand->name))
			return subcommand_main(subcommand, argc - 1, argv + 1);
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
