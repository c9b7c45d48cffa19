/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plug.c: devices that come and go. What a new one serves is opened here, with the rights and
 * in the place of who asks, and handed over. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/opener.h"
#include "base/pass-fds.h"
#include "ctl/client.h"
#include "ctl/ctl.h"

#define PATIENCE_S 8 /* Linux takes 5 s to answer a slot's button */

struct opened {
	int fds[PASS_FDS_MAX];
	unsigned count;
};

static void close_all(struct opened *opened)
{
	while (opened->count)
		close(opened->fds[--opened->count]);
}

static bool find_kind(const char *name, enum opener_kind *kind)
{
	unsigned i;

	for (i = 0; opener_kind_names[i]; i++)
		if (!strcmp(opener_kind_names[i], name)) {
			*kind = (enum opener_kind)i;
			return true;
		}
	return false;
}

/* ",," is a comma in a value. */
static char *without_escapes(const char *options)
{
	char *text = strdup(options), *from = text, *to = text;

	for (; text && *from; from++) {
		if (from[0] == ',' && from[1] == ',')
			from++;
		*to++ = *from;
	}
	if (text)
		*to = '\0';
	return text;
}

/* The daemon says what is to be opened, but it is our user who decides: nothing else than
 * what he has named. */
static bool is_named(const char *options, const char *name)
{
	char *text = without_escapes(options);
	bool named = text && *name && strstr(text, name);

	free(text);
	return named;
}

static const char *why_not(const struct opener_thing *thing, int err)
{
	if (thing->kind == OPENER_FILE && (err == -EROFS || err == -EACCES))
		return " (readonly=on would do without)";
	return thing->kind == OPENER_TAP && err == -EBUSY ? " (another process has it)" : "";
}

/* "file 2 0 /srv/disk.img" */
static int open_line(char *line, const char *options, struct opened *opened)
{
	struct opener_thing thing = { 0 };
	char kind[16];
	int at = 0, fd;

	if (sscanf(line, "%15s %d %u %n", kind, &thing.flags, &thing.number, &at) != 3 || !at ||
	    !find_kind(kind, &thing.kind) || !is_named(options, line + at) ||
	    opened->count == PASS_FDS_MAX) {
		log_error("it wants what was not named to be opened: %s", line);
		return -EPROTO;
	}
	thing.name = line + at;
	fd = opener_open_here(&thing);
	if (fd < 0) {
		log_error("%s: %s%s", thing.name, strerror(-fd), why_not(&thing, fd));
		return fd;
	}
	opened->fds[opened->count++] = fd;
	return 0;
}

static int open_lines(char *plan, const char *options, struct opened *opened)
{
	char *line;
	int err = 0;

	while (!err && (line = strsep(&plan, "\n")))
		if (*line)
			err = open_line(line, options, opened);
	return err;
}

static char *compose(const char *command, char **operands)
{
	char *request;

	return asprintf(&request, "%s %s %s", command, operands[0], operands[1]) < 0 ? NULL
										     : request;
}

static int ask(const char *instance, char *request, const struct opened *opened, char **body)
{
	int err = request ? client_ask(instance, request, opened->fds, opened->count, body)
			  : -ENOMEM;

	free(request);
	return err;
}

int attach_run(const struct subcommand *subcommand, const struct ask_options *options,
	       char **operands)
{
	char instance[CLIENT_NAME_BYTES], *plan, *body;
	struct opened opened = { .count = 0 };
	int err;

	(void)subcommand;
	if (client_choose(options->name, instance) ||
	    ask(instance, compose("plan", operands), &opened, &plan))
		return CTL_FAILED;
	err = open_lines(plan, operands[1], &opened);
	free(plan);
	if (!err)
		err = ask(instance, compose("attach", operands), &opened, &body);
	close_all(&opened);
	if (err)
		return CTL_FAILED;
	fputs(body, stdout);
	free(body);
	return CTL_DONE;
}

static void still_waiting(int number)
{
	static const char text[] =
		"waiting for the guest to let go of it (a Linux guest: echo 1 > "
		"/sys/bus/pci/devices/.../remove); interrupt to leave it where it is\n";

	(void)number;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		return;
}

int detach_run(const struct subcommand *subcommand, const struct ask_options *options,
	       char **operands)
{
	char *words[] = { operands[0], options->force ? (char *)"force" : NULL, NULL };

	signal(SIGALRM, still_waiting);
	alarm(PATIENCE_S);
	return ask_run(subcommand, options, words);
}
