/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ask.c: a subcommand's words, and those that are handed on to a daemon as they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/flags.h"

static int print_help(const struct subcommand *subcommand)
{
	const char *operands = subcommand->operands;

	printf("usage: xenvirtioctl %s [FLAGS]%s%s\n%s\n\n", subcommand->name, operands ? " " : "",
	       operands ? operands : "", subcommand->help);
	options_help(stdout, "  --", subcommand->options);
	printf("%-36s %s\n", "  --help", "print this and exit");
	return CTL_DONE;
}

static unsigned count_words(const char *text)
{
	unsigned words = text != NULL;

	for (; text && *text; text++)
		words += *text == ' ';
	return words;
}

static int check_and_run(const struct subcommand *subcommand, const struct ask_options *options,
			 char **operands)
{
	unsigned wanted = count_words(subcommand->operands), given = 0;

	while (operands[given])
		given++;
	if (given == wanted)
		return subcommand->run(subcommand, options, operands);
	if (given > wanted)
		log_error("%s: \"%s\" is too much (see --help)", subcommand->name,
			  operands[wanted]);
	else
		log_error("%s: %s is wanted (see --help)", subcommand->name, subcommand->operands);
	return CTL_USAGE;
}

int subcommand_main(const struct subcommand *subcommand, int argc, char **argv)
{
	struct ask_options options = { 0 };
	const struct option_set set = { subcommand->options, &options };
	int status = CTL_USAGE;
	char **operands;

	if (subcommand->main)
		return subcommand->main(argc, argv);
	switch (flags_parse(&set, argc, argv, &operands)) {
	case FLAGS_RUN:
		status = check_and_run(subcommand, &options, operands);
		break;
	case FLAGS_HELP:
		status = print_help(subcommand);
		break;
	case FLAGS_USAGE:
		break;
	}
	options_free(&set, 1);
	return status;
}

int ask_run(const struct subcommand *subcommand, const struct ask_options *options, char **operands)
{
	char instance[CLIENT_NAME_BYTES], request[512], *body;
	size_t n = (size_t)snprintf(request, sizeof(request), "%s", subcommand->name);

	for (; *operands && n < sizeof(request); operands++)
		n += (size_t)snprintf(request + n, sizeof(request) - n, " %s", *operands);
	if (n >= sizeof(request)) {
		log_error("%s: too long", subcommand->name);
		return CTL_USAGE;
	}
	if (client_choose(options->name, instance) || client_ask(instance, request, NULL, 0, &body))
		return CTL_FAILED;
	fputs(body, stdout);
	free(body);
	return CTL_DONE;
}
