/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * idle.c: is the daemon at rest? Each of its threads must sleep in its loop's
 * io_uring_enter(), and none may have run between two looks at all of them: a
 * thread that was asleep at the first look may have been woken by the next one.
 */
#include "bench/bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unit/unit.h"

#define SWITCHES "\nvoluntary_ctxt_switches:"

static bool read_text(pid_t daemon, const char *thread, const char *name, char *text, size_t size)
{
	char path[320];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", daemon, thread, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* How often it went to sleep so far; 0 if it does not sleep in its loop now. */
static unsigned long sleeps(pid_t daemon, const char *thread)
{
	char text[4096];
	const char *at;

	if (!read_text(daemon, thread, "syscall", text, sizeof(text)) ||
	    strtol(text, NULL, 10) != SYS_io_uring_enter ||
	    !read_text(daemon, thread, "status", text, sizeof(text)) ||
	    !strstr(text, "\nState:\tS"))
		return 0;
	at = strstr(text, SWITCHES);
	return at ? strtoul(at + strlen(SWITCHES), NULL, 10) : 0;
}

/* The sum over all threads, or 0. */
static unsigned long look(pid_t daemon)
{
	unsigned long sum = 0, n = 1;
	struct dirent *entry;
	char path[32];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", daemon);
	dir = opendir(path);
	while (dir && n && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		n = sleeps(daemon, entry->d_name);
		sum += n;
	}
	if (dir)
		closedir(dir);
	return n ? sum : 0;
}

bool idle_wait(pid_t daemon)
{
	unsigned long first;

	return wait_for((first = look(daemon)) && look(daemon) == first);
}
