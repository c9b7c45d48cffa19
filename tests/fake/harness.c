/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * harness.c: the daemon as a forked child of the test, and the end of a test:
 * leftovers and violations make it fail.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

#define MAX_ARGS 32
#define READY_MS 10000
#define EXIT_MS  10000
#define LOG_MAX  (1u << 20)

struct fake_child {
	pid_t pid;
	int proc;
	bool running, killed, keep_alive;
	int status; /* exit status or 128 + signal, once it has ended */
	int log_fd;
	char *log;
	int (*main_fn)(int, char **);
	const char *args[MAX_ARGS];
};

static struct fake_child children[MAX_PROCS];

/* ---- begin ----------------------------------------------------------------------- */

/* With FAKE_LOGS=DIR in the environment the logs are files there, for debugging. */
static int log_open(int proc)
{
	const char *dir = getenv("FAKE_LOGS");
	char path[256];

	if (!dir)
		return memfd_create("daemon-log", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "%s/%d-%d.log", dir, getpid(), proc);
	return open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

static void child_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
}

static void child_main(const struct fake_child *child, char **argv)
{
	int argc = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	child_signals();
	fcntl(child->log_fd, F_SETFL, O_APPEND);
	dup2(child->log_fd, STDOUT_FILENO);
	dup2(child->log_fd, STDERR_FILENO);
	fake_proc = child->proc;
	optind = 0;
	while (argv[argc])
		argc++;
	exit(child->main_fn(argc, argv));
}

/* getopt() moves the arguments about, so each run gets a copy of the list. */
static void child_start(struct fake_child *child)
{
	char *argv[MAX_ARGS];

	memcpy(argv, child->args, sizeof(argv));
	fflush(NULL);
	child->running = true;
	child->pid = fork();
	if (!child->pid)
		child_main(child, argv);
	ck_assert_msg(child->pid > 0, "fork failed");
}

static struct fake_child *child_new(void)
{
	int i;

	for (i = 1; i < MAX_PROCS - 1 && children[i].running; i++)
		;
	ck_assert_msg(!children[i].running, "too many children");
	free(children[i].log);
	if (children[i].log_fd > 0)
		close(children[i].log_fd);
	children[i] = (struct fake_child){ .proc = i, .log_fd = log_open(i) };
	return &children[i];
}

struct fake_child *fake_spawn_args(int (*main_fn)(int, char **), const char *const *args, bool wait)
{
	struct fake_child *child = child_new();
	unsigned int n;

	child->main_fn = main_fn;
	child->args[0] = "xenvirtiod";
	for (n = 0; n < MAX_ARGS - 2 && args[n]; n++)
		child->args[n + 1] = args[n];
	child_start(child);
	if (wait && !fake_wait_log(child, "ready", READY_MS))
		ck_abort_msg("the daemon did not become ready, its log:\n%s", fake_log(child));
	return child;
}

/* ---- its log ---------------------------------------------------------------------- */

const char *fake_log(struct fake_child *child)
{
	ssize_t n;

	if (!child->log)
		child->log = malloc(LOG_MAX + 1);
	if (!child->log)
		return "";
	n = pread(child->log_fd, child->log, LOG_MAX, 0);
	child->log[n > 0 ? n : 0] = 0;
	return child->log;
}

static void nap(void)
{
	struct timespec ms = { 0, 1000000 };

	nanosleep(&ms, NULL);
}

bool fake_wait_log(struct fake_child *child, const char *text, unsigned int ms)
{
	uint64_t end = fake_now_ns() + ms * 1000000ull;

	while (!strstr(fake_log(child), text)) {
		if (fake_now_ns() > end || !fake_alive(child))
			return strstr(fake_log(child), text);
		nap();
	}
	return true;
}

/* ---- its end ---------------------------------------------------------------------- */

/* Sanitizers speak on stderr; some of what they find does not end the process. */
static void check_log(struct fake_child *child)
{
	static const char *const bad[] = { "Sanitizer", "runtime error:", "Assertion" };
	const char *hit = NULL;
	unsigned int i;

	for (i = 0; i < 3 && !hit; i++)
		hit = strstr(fake_log(child), bad[i]);
	if (hit)
		world_violation("daemon: %.180s", hit);
}

static bool meant_to_die(void)
{
	unsigned int i;

	for (i = 0; i < FAKE_NR_CALLS; i++)
		if (world->fault[i].dies && world->fault[i].happened)
			return true;
	return false;
}

static void child_ended(struct fake_child *child, int wstatus)
{
	child->running = false;
	child->status = WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) : 128 + WTERMSIG(wstatus);
	world_lock();
	if (WIFSIGNALED(wstatus) && !child->killed && !meant_to_die())
		world_violation("the daemon died of signal %d", WTERMSIG(wstatus));
	check_log(child);
	world_reap(child->proc, child->status == 0);
	world_unlock();
	if (child->keep_alive && WIFSIGNALED(wstatus) && !child->killed)
		child_start(child);
}

bool fake_alive(struct fake_child *child)
{
	int wstatus;

	if (child->running && waitpid(child->pid, &wstatus, WNOHANG) == child->pid)
		child_ended(child, wstatus);
	return child->running;
}

void child_poll(void)
{
	int i;

	for (i = 1; i < MAX_PROCS && !fake_proc; i++)
		if (children[i].running)
			fake_alive(&children[i]);
}

void fake_keep_alive(struct fake_child *child)
{
	child->keep_alive = true;
}

pid_t fake_pid(const struct fake_child *child)
{
	return child->pid;
}

int fake_wait_exit(struct fake_child *child, unsigned int ms)
{
	uint64_t end = fake_now_ns() + ms * 1000000ull;

	while (fake_alive(child) && fake_now_ns() < end)
		nap();
	if (child->running) {
		fake_violation("the daemon did not end in %u ms", ms);
		fake_kill9(child);
	}
	return child->status;
}

int fake_terminate(struct fake_child *child)
{
	if (fake_alive(child))
		kill(child->pid, SIGTERM);
	return fake_wait_exit(child, EXIT_MS);
}

void fake_kill9(struct fake_child *child)
{
	int wstatus;

	if (!fake_alive(child))
		return;
	child->killed = true;
	kill(child->pid, SIGKILL);
	while (waitpid(child->pid, &wstatus, 0) < 0 && errno == EINTR)
		;
	child_ended(child, wstatus);
}

/* ---- the end of a test -------------------------------------------------------------- */

static void print_logs(void)
{
	int i;

	for (i = 1; i < MAX_PROCS; i++)
		if (children[i].pid)
			fprintf(stderr, "---- daemon %d, status %d:\n%s----\n", i,
				children[i].status, fake_log(&children[i]));
}

void fake_check(void)
{
	unsigned int i;

	if (!world->nr_violations)
		return;
	print_logs();
	for (i = 0; i < world->nr_violations; i++)
		fprintf(stderr, "violation: %s\n", world->violation[i]);
	ck_abort_msg("%u violations, first: %s", world->nr_violations, world->violation[0]);
}

static void children_end(void)
{
	int i;

	for (i = 1; i < MAX_PROCS; i++)
		if (children[i].running && fake_terminate(&children[i]))
			fake_violation("the daemon ended with status %d", children[i].status);
}

static void world_free(void)
{
	int i;

	for (i = 1; i < MAX_PROCS; i++) {
		free(children[i].log);
		if (children[i].log_fd > 0)
			close(children[i].log_fd);
		children[i] = (struct fake_child){ .pid = 0 };
	}
	for (i = 0; i < MAX_HANDLES; i++)
		close(world->handle[i].fd);
	munmap(world->ram, (size_t)fake_ram_size());
	munmap(world->frames, (size_t)MAX_FRAMES * FAKE_PAGE);
	close(world->memfd);
	close(world->holefd);
	munmap(world, sizeof(*world));
	world = NULL;
}

void fake_end(void)
{
	if (!world)
		return;
	children_end();
	world_lock();
	world_reap(0, true);
	world_unlock();
	fake_check();
	world_free();
}
