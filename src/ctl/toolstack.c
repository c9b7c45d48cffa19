/* SPDX-License-Identifier: GPL-2.0-or-later */
/* toolstack.c: by xl's own command line, which is the same in all of Xen's releases; libxl is
 * not. */
#include "ctl/toolstack.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "ctl/command.h"

const char *const shutdown_names[] = { "poweroff", "reboot", "crash", "watchdog", "soft_reset" };

/* libxl_action_on_shutdown, as libxl prints it. */
static const char *const actions[] = {
	"destroy", "restart", "preserve", "coredump_destroy", "coredump_restart",
};

/* --- a guest's configuration ------------------------------------------------------ */

/* The string that a key has in JSON as xl prints it. Cut off at the end of @value. */
static bool find_string(const char *json, const char *key, char *value, size_t size)
{
	char quoted[32];
	const char *at;
	size_t length;

	snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	at = json ? strstr(json, quoted) : NULL;
	if (!at)
		return false;
	at += strlen(quoted);
	at += strspn(at, " :");
	if (*at++ != '"')
		return false;
	length = strcspn(at, "\"");
	if (length >= size)
		return false;
	memcpy(value, at, length);
	value[length] = '\0';
	return true;
}

/* What is libxl's default it leaves out. */
static enum shutdown_action find_action(const char *json, enum shutdown_reason reason)
{
	char key[32], value[32];
	unsigned i;

	snprintf(key, sizeof(key), "on_%s", shutdown_names[reason]);
	if (!find_string(json, key, value, sizeof(value)))
		return ACTION_DESTROY;
	for (i = 0; i < ARRAY_SIZE(actions); i++)
		if (!strcmp(value, actions[i]))
			return i;
	return ACTION_OTHER;
}

int toolstack_read_config(const char *path, struct guest_config *config)
{
	const char *const argv[] = { "xl", "create", "--quiet", "--dryrun", path, NULL };
	char *json = command_output(argv);
	unsigned i;
	bool named;

	if (!json)
		return -EIO;
	named = find_string(strstr(json, "\"c_info\""), "name", config->name, sizeof(config->name));
	for (i = 0; i < SHUTDOWN_REASONS; i++)
		config->on[i] = find_action(json, i);
	free(json);
	if (named)
		return 0;
	log_error("%s: xl does not say what the guest's name is", path);
	return -EINVAL;
}

/* --- what is done with it --------------------------------------------------------- */

int toolstack_create(const char *path)
{
	const char *const argv[] = { "xl", "create", "--quiet", "-p", "-e", path, NULL };

	return command_run(argv);
}

int toolstack_find(const char *name, unsigned *domid)
{
	const char *const argv[] = { "xl", "domid", name, NULL };
	char *text = command_output(argv), *end;

	if (!text)
		return -ENOENT;
	*domid = (unsigned)strtoul(text, &end, 10);
	if (end == text || (*end && !isspace(*end)))
		*domid = 0;
	free(text);
	if (*domid)
		return 0;
	log_error("%s: no guest", name);
	return -ENOENT;
}

static int ask(const char *verb, const char *flag, unsigned domid)
{
	char id[16];
	const char *argv[] = { "xl", verb, flag ? flag : id, flag ? id : NULL, NULL };

	snprintf(id, sizeof(id), "%u", domid);
	return command_run(argv);
}

int toolstack_unpause(unsigned domid)
{
	return ask("unpause", NULL, domid);
}

/* -F: by ACPI if the guest has no PV drivers. */
int toolstack_shutdown(unsigned domid)
{
	return ask("shutdown", "-F", domid);
}

int toolstack_destroy(unsigned domid)
{
	return ask("destroy", NULL, domid);
}

/* Where xl itself would put it. */
int toolstack_dump(unsigned domid, const char *name)
{
	char id[16], path[256];
	const char *const argv[] = { "xl", "dump-core", id, path, NULL };

	snprintf(id, sizeof(id), "%u", domid);
	snprintf(path, sizeof(path), "/var/lib/xen/dump/%s", name);
	return command_run(argv);
}

/* --- how it is -------------------------------------------------------------------- */

/* "---sr-": running, blocked, paused, shut down, why, dying. */
static enum guest_state parse_state(const char *state, enum shutdown_reason *reason)
{
	static const char letters[] = "-rcwS";
	const char *letter;

	if (strlen(state) != 6)
		return GUEST_RUNS;
	if (state[5] == 'd')
		return GUEST_DIES;
	if (state[3] != 's')
		return GUEST_RUNS;
	letter = strchr(letters, state[4]);
	if (!letter) /* suspended, and will go on */
		return GUEST_RUNS;
	*reason = (enum shutdown_reason)(letter - letters);
	return GUEST_SHUT_DOWN;
}

int toolstack_state(unsigned domid, enum shutdown_reason *reason)
{
	static const char *const argv[] = { "xl", "list", NULL };
	char *text = command_output(argv), *rest = text, *line, state[8];
	int result = GUEST_GONE;
	unsigned id;

	if (!text)
		return -EIO;
	while ((line = strsep(&rest, "\n")))
		if (sscanf(line, "%*s %u %*u %*u %7s", &id, state) == 2 && id == domid)
			result = (int)parse_state(state, reason);
	free(text);
	return result;
}
