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
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/spawn.h"

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

static int start(struct running *running, const struct run *run)
{
	struct spawn spawn = { .argv = run->argv, .environment = run->environment };
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	running->output = ends[0];
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	spawn.output = spawn.errors = ends[1];
	err = spawn_program(&spawn, &running->pid);
	close(ends[1]);
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
