/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl.h: the subcommands of xenvirtioctl. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/options.h"

enum ctl_exit { CTL_DONE = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

/* The flags of all that ask a running xenvirtiod, or start it; each has some of them. */
struct ask_options {
	char *name;      /* of the instance; NULL: the only one */
	char *directory; /* of instances' configurations; NULL: the usual one */
	bool json, force;
	unsigned interval, iterations;
};

struct subcommand {
	const char *name;
	const char *operands; /* for the help, and how many words there are; NULL: none */
	const char *help;     /* a sentence */
	const struct option_spec *options;
	/* Returns enum ctl_exit; what is wrong is said in one line. */
	int (*run)(const struct subcommand *subcommand, const struct ask_options *options,
		   char **operands);

	/* In place of all that: a main() of its own, whose argv[0] is its name. */
	int (*main)(int argc, char **argv);

	/* With that: prints what the last of the words behind its name may become. */
	void (*complete)(char **words, int count);
};

/* Ends with a NULL name. */
extern const struct subcommand subcommands[];

/* The parts of that table, each a run() or main(). */
typedef int subcommand_run(const struct subcommand *subcommand, const struct ask_options *options,
			   char **operands);
subcommand_run list_run, show_run, stats_run, metrics_run, top_run, start_run, run_run, attach_run,
	detach_run;
int dt_main(int argc, char **argv);
void dt_complete(char **words, int count);

/* Hands the request on as it is, and prints what comes. */
subcommand_run ask_run;

/* From the flags on. */
int subcommand_main(const struct subcommand *subcommand, int argc, char **argv);

/* complete.c: the same for all words behind the program's name; see base/complete.h. */
void ctl_complete(char **words, int count);
