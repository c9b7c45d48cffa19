/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command.c: see command.h. */
#include "ctl/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

/* To be freed; the strings are not copied. */
static const char **environment_with(const char *more)
{
	const char **all, **next;
	size_t count = 2;
	unsigned i;

	for (i = 0; environ[i]; i++)
		count++;
	next = all = calloc(count, sizeof(*all));
	if (!all)
		return NULL;
	if (more)
		*next++ = more;
	for (i = 0; environ[i]; i++)
		*next++ = environ[i];
	return all;
}

static int spawn(pid_t *pid, const char *const *argv, const char **environment, int output)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (output >= 0)
		posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
	err = posix_spawnp(pid, argv[0], &files, &attributes, (char *const *)argv,
			   (char *const *)environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return -err;
}

pid_t command_spawn(const char *const *argv, const char *more, int output)
{
	const char **environment = environment_with(more);
	pid_t pid = -1;
	int err = environment ? spawn(&pid, argv, environment, output) : -ENOMEM;

	free(environment);
	if (!err)
		return pid;
	log_error("%s: %s", argv[0], strerror(-err));
	return err;
}

/* "xl create": enough to know which it was. */
static int await(pid_t pid, const char *const *argv)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (WIFEXITED(status))
		log_error("%s %s: ended with status %d", argv[0], argv[1], WEXITSTATUS(status));
	else
		log_error("%s %s: %s", argv[0], argv[1], strsignal(WTERMSIG(status)));
	return -EIO;
}

int command_run(const char *const *argv)
{
	pid_t pid = command_spawn(argv, NULL, -1);

	return pid < 0 ? -EIO : await(pid, argv);
}

static char *read_all(int fd)
{
	FILE *in = fdopen(fd, "r");
	char *text = NULL;
	size_t size = 0;

	if (!in) {
		close(fd);
		return NULL;
	}
	if (getdelim(&text, &size, '\0', in) < 0 && !text)
		text = strdup("");
	fclose(in);
	return text;
}

char *command_output(const char *const *argv)
{
	int ends[2];
	char *text;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC)) {
		log_error("%s: %m", argv[0]);
		return NULL;
	}
	pid = command_spawn(argv, NULL, ends[1]);
	close(ends[1]);
	text = read_all(ends[0]);
	if (pid >= 0 && !await(pid, argv))
		return text;
	free(text);
	return NULL;
}
