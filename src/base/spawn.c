/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spawn.c: see spawn.h. */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_among(const char *const *variables, const char *variable)
{
	size_t length = strcspn(variable, "=");

	for (; *variables; variables++)
		if (!strncmp(*variables, variable, length) && (*variables)[length] == '=')
			return true;
	return false;
}

/* To be freed; the strings are not copied. */
static const char **whole_environment(const char *const *more)
{
	const char **all, **next;
	size_t count = 1;
	unsigned i;

	for (i = 0; more[i]; i++)
		count++;
	for (i = 0; environ[i]; i++)
		count++;
	next = all = calloc(count, sizeof(*all));
	if (!all)
		return NULL;
	for (i = 0; more[i]; i++)
		*next++ = more[i];
	for (i = 0; environ[i]; i++)
		if (!is_among(more, environ[i]))
			*next++ = environ[i];
	return all;
}

static void set_attributes(posix_spawnattr_t *attributes, bool session)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(attributes);
	posix_spawnattr_setflags(attributes,
				 (short)((session ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP) |
					 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
}

static void set_files(posix_spawn_file_actions_t *files, const struct spawn *spawn)
{
	posix_spawn_file_actions_init(files);
	posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (spawn->output >= 0)
		posix_spawn_file_actions_adddup2(files, spawn->output, STDOUT_FILENO);
	if (spawn->errors >= 0)
		posix_spawn_file_actions_adddup2(files, spawn->errors, STDERR_FILENO);
	posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
}

int spawn_program(const struct spawn *spawn, pid_t *pid)
{
	const char **environment = whole_environment(spawn->environment);
	char *const *argv = (char *const *)spawn->argv, *const *all = (char *const *)environment;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int err;

	if (!environment)
		return -ENOMEM;
	set_attributes(&attributes, spawn->session);
	set_files(&files, spawn);
	err = (spawn->search ? posix_spawnp : posix_spawn)(pid, argv[0], &files, &attributes, argv,
							   all);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	free(environment);
	return -err;
}
