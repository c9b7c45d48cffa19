/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run.c: see run.h.
 *
 * The program has ended when its process has: what it left behind may keep the pipe open
 * for ever. */
#include "base/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"

#define NS_PER_MS  1000000ULL
#define LINE_BYTES 256

struct running {
	const char *name;
	pid_t pid;
	int pidfd, output;
	uint64_t deadline; /* ns */
	char line[LINE_BYTES], last[LINE_BYTES];
	size_t length; /* of the line that is not at its end */
};

/* --- its start ------------------------------------------------------------------ */

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

static int spawn(const struct run *run, const char **environment, int output, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	err = posix_spawn(pid, run->argv[0], &files, &attributes, (char *const *)run->argv,
			  (char *const *)environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return -err;
}

static int start(struct running *running, const struct run *run)
{
	const char **environment = whole_environment(run->environment);
	int ends[2], err;

	if (!environment)
		return -ENOMEM;
	if (pipe2(ends, O_CLOEXEC)) {
		free(environment);
		return -errno;
	}
	running->output = ends[0];
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	err = spawn(run, environment, ends[1], &running->pid);
	close(ends[1]);
	free(environment);
	if (err)
		close(ends[0]);
	else
		running->pidfd = (int)syscall(SYS_pidfd_open, running->pid, 0);
	return err;
}

/* --- what it says --------------------------------------------------------------- */

static void end_line(struct running *running)
{
	if (!running->length)
		return;
	running->line[running->length] = '\0';
	running->length = 0;
	log_info("%s: %s", running->name, running->line);
	memcpy(running->last, running->line, sizeof(running->last));
}

static void add(struct running *running, char c)
{
	if (c == '\n' || running->length == LINE_BYTES - 1)
		end_line(running);
	if (c != '\n')
		running->line[running->length++] = c;
}

/* As read(2). */
static ssize_t read_output(struct running *running)
{
	char text[4096];
	ssize_t i, n = read(running->output, text, sizeof(text));

	for (i = 0; i < n; i++)
		add(running, text[i]);
	return n;
}

/* --- its end -------------------------------------------------------------------- */

/* Of its process. False if it is too late. */
static bool await_end(struct running *running)
{
	struct pollfd fds[] = { { .fd = running->pidfd, .events = POLLIN },
				{ .fd = running->output, .events = POLLIN } };
	uint64_t now;

	while ((now = loop_now()) < running->deadline) {
		if (poll(fds, 2, (int)((running->deadline - now) / NS_PER_MS + 1)) < 0)
			continue;
		if (fds[1].revents && !read_output(running))
			fds[1].fd = -1; /* closed */
		if (fds[0].revents)
			return true;
	}
	return false;
}

static int judge(const struct running *running, const struct run *run, int status,
		 struct reason *why)
{
	const char *colon = *running->last ? ": " : "";

	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (WIFEXITED(status))
		return reason_set(why, -EIO, "%s ended with status %d%s%s", run->argv[0],
				  WEXITSTATUS(status), colon, running->last);
	return reason_set(why, -EIO, "%s was ended by a signal (%s)%s%s", run->argv[0],
			  strsignal(WTERMSIG(status)), colon, running->last);
}

static int finish(struct running *running, const struct run *run, struct reason *why)
{
	bool in_time = await_end(running);
	int status;

	if (!in_time)
		kill(-running->pid, SIGKILL);
	waitpid(running->pid, &status, 0);
	while (read_output(running) > 0 && loop_now() < running->deadline)
		;
	end_line(running);
	close(running->output);
	close(running->pidfd);
	if (in_time)
		return judge(running, run, status, why);
	return reason_set(why, -ETIMEDOUT, "%s was killed: it took longer than %u s%s%s",
			  run->argv[0], run->seconds, *running->last ? ": " : "", running->last);
}

int run_program(const struct run *run, struct reason *why)
{
	const char *slash = strrchr(run->argv[0], '/');
	struct running running = { .name = slash ? slash + 1 : run->argv[0] };
	int err = start(&running, run);

	if (err)
		return reason_set(why, err, "%s: %s", run->argv[0], strerror(-err));
	running.deadline = loop_now() + run->seconds * 1000 * NS_PER_MS;
	return finish(&running, run, why);
}
