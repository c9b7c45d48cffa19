/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.c: the daemon's own system calls, counted by a process that traces it.
 *
 * What Xen's libraries would have called, the fake counts (fake_syscalls()).
 * What it calls itself in the daemon's place must be left out. That is little
 * and can be told: it waits for its world's lock and wakes vCPUs, which are
 * futexes in the world; it asks for its process id, which src/ does not; it polls
 * and reads the eventfd that stands for an event channel device, once each for an
 * event, so that more than that is the daemon's, and queues a port there again.
 * Whatever else is called counts as the daemon's own, of whatever kind, so
 * nothing is lost; mmap() by the fake's mappings would be counted too, for too
 * much rather than for too little.
 */
#include "bench/bench.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake/world.h"
#include "unit/unit.h"

#define SYSCALL_STOP (SIGTRAP | 0x80)
#define OPTIONS      (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE)

struct shared {
	struct trace_counts counts;
	atomic_bool ready, failed;
};

static struct shared *shared;
static pid_t tracer;

/* ---- whose call is it? ------------------------------------------------------------- */

static bool in_world(uint64_t address)
{
	return address - (uintptr_t)world < sizeof(*world);
}

static bool is_event_fd(uint64_t fd)
{
	unsigned i;

	for (i = 0; i < MAX_HANDLES; i++)
		if (world->handle[i].fd == (int)fd)
			return true;
	return false;
}

/* Does it ask an event channel device for events? */
static bool asks(pid_t thread, uint64_t nr, const uint64_t *args)
{
	switch (nr) {
	case SYS_read:
		return is_event_fd(args[0]);
#ifdef SYS_poll
	case SYS_poll:
#endif
	case SYS_ppoll:
		return args[1] == 1 &&
		       is_event_fd((uint32_t)ptrace(PTRACE_PEEKDATA, thread,
						    args[0] + offsetof(struct pollfd, fd), 0));
	default:
		return false;
	}
}

static bool is_fakes(uint64_t nr, const uint64_t *args)
{
	return (nr == SYS_futex && in_world(args[0])) ||
	       (nr == SYS_write && is_event_fd(args[0])) || nr == SYS_getpid;
}

static void count(pid_t thread, uint64_t nr, const uint64_t *args)
{
	if (is_fakes(nr, args))
		return;
	if (asks(thread, nr, args))
		shared->counts.asked++;
	else
		shared->counts.own[min_u64(nr, TRACE_KINDS - 1)]++;
}

/* ---- the tracer --------------------------------------------------------------------- */

static void syscall_stop(pid_t thread)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(info), &info) > 0 &&
	    info.op == PTRACE_SYSCALL_INFO_ENTRY)
		count(thread, info.entry.nr, info.entry.args);
}

/* A signal on its way is passed on; all other stops are ours. */
static void go_on(pid_t thread, int status)
{
	int signal = WSTOPSIG(status);

	if (signal == SYSCALL_STOP)
		syscall_stop(thread);
	if (signal == SYSCALL_STOP || status >> 16)
		signal = 0;
	ptrace(PTRACE_SYSCALL, thread, 0, signal);
}

/* Each thread stops once, and from then on at its system calls. */
static unsigned seize(pid_t daemon)
{
	struct dirent *entry;
	unsigned n = 0;
	char path[32];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", daemon);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);

		if (!thread)
			continue;
		if (ptrace(PTRACE_SEIZE, thread, 0, OPTIONS) ||
		    ptrace(PTRACE_INTERRUPT, thread, 0, 0))
			shared->failed = true;
		n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

static void trace(pid_t daemon)
{
	unsigned starting = seize(daemon);
	pid_t thread;
	int status;

	while ((thread = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (thread < 0 || !WIFSTOPPED(status))
			continue;
		go_on(thread, status);
		if (starting && status >> 16 == PTRACE_EVENT_STOP)
			shared->ready = !--starting;
	}
}

/* It is no thread of ours, since those would take waitpid()'s news of the
 * daemon from each other. */
const struct trace_counts *trace_start(pid_t daemon)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	fflush(NULL);
	tracer = fork();
	ck_assert_int_ge(tracer, 0);
	if (!tracer) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		trace(daemon);
		_exit(0);
	}
	ck_assert_msg(wait_for(shared->ready || shared->failed), "the daemon cannot be traced");
	ck_assert_msg(!shared->failed, "ptrace() is not allowed");
	return &shared->counts;
}

void trace_end(void)
{
	waitpid(tracer, NULL, 0);
	munmap(shared, sizeof(*shared));
}
