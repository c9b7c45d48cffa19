/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl.h"

#define TEXT_BYTES (256u << 10)

int xenvirtioctl_main(int argc, char **argv);

static char output[TEXT_BYTES], errors[TEXT_BYTES];
static int out, err;
static pid_t child;

static void read_back(int fd, char *text)
{
	ssize_t got = pread(fd, text, TEXT_BYTES - 1, 0);

	ck_assert_int_ge(got, 0);
	text[got] = '\0';
	close(fd);
}

void ctl_start(char **argv)
{
	int argc = 0;

	out = memfd_create("out", MFD_CLOEXEC);
	err = memfd_create("err", MFD_CLOEXEC);
	while (argv[argc])
		argc++;
	fflush(stdout);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child)
		return;
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	_exit(xenvirtioctl_main(argc, argv));
}

bool ctl_ended(void)
{
	siginfo_t info = { 0 };

	ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT), 0);
	return info.si_pid;
}

static int wait_for_it(void)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	read_back(out, output);
	read_back(err, errors);
	return status;
}

void ctl_kill(void)
{
	kill(child, SIGKILL);
	wait_for_it();
}

int ctl_end(void)
{
	int status = wait_for_it();

	ck_assert_msg(WIFEXITED(status), "xenvirtioctl ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

int ctl_run(char **argv)
{
	ctl_start(argv);
	return ctl_end();
}

const char *ctl_output(void)
{
	return output;
}

const char *ctl_errors(void)
{
	return errors;
}

unsigned long long ctl_figure(const char *subject, const char *key)
{
	char start[80];
	const char *line;

	ck_assert_int_eq(ctl("stats"), 0);
	snprintf(start, sizeof(start), "%s %s ", subject, key);
	for (line = output; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, start, strlen(start)))
			return strtoull(line + strlen(start), NULL, 10);
	}
	ck_abort_msg("no figure \"%s\" in:\n%s", start, output);
}
