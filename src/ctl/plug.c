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
#include "base/util.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/record.h"

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

/* "key=value" */
static char *value_in(char *item)
{
	char *at = strchr(item, '=');

	return at ? at + 1 : item;
}

/* The daemon says what is to be opened, but it is our user who decides: nothing else than
 * what he has named. */
static bool is_named(const char *options, const char *name)
{
	char *text = strdup(options), *rest = text;
	bool named = false;

	while (rest && !named)
		named = *name && !strcmp(value_in(options_next_item(&rest)), name);
	free(text);
	return named;
}

static void print_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == ',')
			fputc(',', out);
		fputc(*text, out);
	}
}

/* A name that is relative to the directory. */
static bool is_relative(const char *item)
{
	static const char *const keys[] = { "path=", "tapdev=", "passt=" };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strncmp(item, keys[i], strlen(keys[i])))
			return item[strlen(keys[i])] && item[strlen(keys[i])] != '/';
	return false;
}

static void print_item(FILE *out, char *item, const char *directory)
{
	char *value = value_in(item);

	fprintf(out, "%.*s", (int)(value - item), item);
	if (is_relative(item)) {
		print_escaped(out, directory);
		fputc('/', out);
	}
	print_escaped(out, value);
}

/* "path=more.img" becomes "path=/srv/more.img": who opens it later does so elsewhere. NULL: out
 * of memory, or the directory is no more. */
static char *from_anywhere(const char *options)
{
	char *copy = strdup(options), *rest = copy, *text = NULL;
	char *directory = getcwd(NULL, 0);
	size_t length;
	FILE *out = directory && copy ? open_memstream(&text, &length) : NULL;

	while (out && rest) {
		print_item(out, options_next_item(&rest), directory);
		if (rest)
			fputc(',', out);
	}
	if (out)
		fclose(out);
	free(directory);
	free(copy);
	return text;
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

static int ask(const char *instance, const char *command, const char *device,
	       const struct opened *opened, char **body)
{
	char *request;
	int err;

	if (asprintf(&request, "%s %s", command, device) < 0)
		return -ENOMEM;
	err = client_ask(instance, request, opened->fds, opened->count, body);
	free(request);
	return err;
}

/* Before the daemon has it, and after: who does not answer may have it. */
static int attach_on_record(const char *instance, const char *device, const struct opened *opened,
			    char **body)
{
	int err = record_add(instance, device);

	if (!err)
		err = ask(instance, "attach", device, opened, body);
	if (err == -EPROTO)
		record_take_back(instance, device);
	return err;
}

static int attach(const char *instance, const char *device, const char *options, char **body)
{
	struct opened opened = { .count = 0 };
	char *plan;
	int err = ask(instance, "plan", device, &opened, &plan);

	if (err)
		return err;
	err = open_lines(plan, options, &opened);
	free(plan);
	if (!err)
		err = attach_on_record(instance, device, &opened, body);
	close_all(&opened);
	return err;
}

int attach_run(const struct subcommand *subcommand, const struct ask_options *options,
	       char **operands)
{
	char instance[CLIENT_NAME_BYTES], *whole, *device, *body;
	int err;

	(void)subcommand;
	if (client_choose(options->name, instance))
		return CTL_FAILED;
	whole = from_anywhere(operands[1]);
	if (!whole || asprintf(&device, "%s %s", operands[0], whole) < 0) {
		log_error("attach: %m");
		return CTL_FAILED;
	}
	err = attach(instance, device, whole, &body);
	free(device);
	free(whole);
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
	struct ask_options named = *options;
	char instance[CLIENT_NAME_BYTES];
	int status;

	if (client_choose(options->name, instance))
		return CTL_FAILED;
	named.name = instance;
	signal(SIGALRM, still_waiting);
	alarm(PATIENCE_S);
	status = ask_run(subcommand, &named, words);
	if (status == CTL_DONE)
		record_forget(instance, operands[0]);
	return status;
}
