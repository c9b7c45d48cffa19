/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command.c: see command.h. */
#include "ctl/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/spawn.h"

pid_t command_spawn(const char *const *argv, const char *more, int output)
{
	const struct spawn spawn = { .argv = argv,
				     .search = true,
				     .session = true,
				     .environment = (const char *const[]){ more, NULL },
				     .output = output,
				     .errors = -1 };
	pid_t pid = -1;
	int err = spawn_program(&spawn, &pid);

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
