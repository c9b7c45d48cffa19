/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cost.c: what a process costs while it runs undisturbed: its CPU time, and its system
 * calls as the kernel's tracepoints count them. What the fake Xen calls in the daemon
 * for itself is left out: futexes in its world, and getpid(), which src/ does not call.
 */
#include <check.h>
#include <dirent.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "bench/blk.h"
#include "fake/world.h"

#define MOST_THREADS 64
#define EVENTS       "/sys/kernel/tracing/events/"

struct counter {
	int fd[MOST_THREADS];
	unsigned n;
};

static struct counter all, futexes;
static pid_t counted;

/* The file's first number, or 0. */
static uint64_t first_number(const char *path)
{
	FILE *file = fopen(path, "re");
	char text[64] = "";

	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return strtoull(text, NULL, 10);
}

static uint64_t event_id(const char *event)
{
	char path[128];

	snprintf(path, sizeof(path), EVENTS "%s/id", event);
	return first_number(path);
}

/* In this thread and all that it starts. */
static int open_thread(uint64_t id, pid_t thread, const char *filter)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .config = id, .inherit = 1
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd >= 0 && ioctl(fd, PERF_EVENT_IOC_SET_FILTER, filter)) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool counter_open(struct counter *counter, const char *event, const char *filter)
{
	uint64_t id = event_id(event);
	struct dirent *entry;
	bool good = id;
	char path[32];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", counted);
	dir = opendir(path);
	while (dir && good && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		ck_assert_uint_lt(counter->n, MOST_THREADS);
		counter->fd[counter->n] =
			open_thread(id, (pid_t)strtol(entry->d_name, NULL, 10), filter);
		good = counter->fd[counter->n++] >= 0;
	}
	if (dir)
		closedir(dir);
	return good;
}

static long counter_read(const struct counter *counter)
{
	uint64_t value, sum = 0;
	unsigned i;

	for (i = 0; i < counter->n; i++)
		if (read(counter->fd[i], &value, sizeof(value)) == sizeof(value))
			sum += value;
	return (long)sum;
}

bool cost_open(pid_t server)
{
	char not_getpid[32], in_world[80];
	uintptr_t start = (uintptr_t)world;

	counted = server;
	snprintf(not_getpid, sizeof(not_getpid), "id != %d", SYS_getpid);
	snprintf(in_world, sizeof(in_world), "uaddr >= %#lx && uaddr < %#lx", start,
		 start + (world ? sizeof(*world) : 0));
	return counter_open(&all, "raw_syscalls/sys_enter", not_getpid) &&
	       counter_open(&futexes, "syscalls/sys_enter_futex", in_world);
}

static uint64_t main_ns(void)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", counted, counted);
	return first_number(path);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	ck_assert_int_eq(clock_gettime(clock, &time), 0);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

struct blk_cost cost_now(const struct blk_server *server)
{
	clockid_t cpu;

	ck_assert_int_eq(clock_getcpuclockid(counted, &cpu), 0);
	return (struct blk_cost){ .ns = clock_ns(CLOCK_MONOTONIC),
				  .cpu_ns = clock_ns(cpu),
				  .main_ns = main_ns(),
				  .calls = counter_read(&all) - counter_read(&futexes) +
					   (server->xen_calls ? server->xen_calls() : 0) };
}
