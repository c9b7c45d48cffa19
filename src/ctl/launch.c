/* SPDX-License-Identifier: GPL-2.0-or-later */
/* launch.c: instances come and go, as units of systemd's where it runs, else as our children.
 *
 * A unit of Type=notify is ready when systemctl(1) returns. A child tells us by the same
 * protocol, at a socket beside its record. What an instance serves now is in its record, which
 * is locked as long as its process lives: nothing is to be done if that is the guest, and what
 * serves one that is gone is about to end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/runtime.h"
#include "ctl/command.h"
#include "ctl/instances.h"

#define READY_SECONDS 45 /* libxl gives a device model 60 s */
#define END_SECONDS   10
#define NOBODY        UINT32_MAX

/* --- what is there ---------------------------------------------------------------- */

/* The domain that this instance serves now, or NOBODY. The record begins with the server's
 * number and the domain's in every version of the daemon (daemon/state.h). */
static uint32_t serves(const char *name)
{
	uint32_t head[2] = { 0, NOBODY };
	char path[256];
	int fd;

	if (runtime_path(path, sizeof(path), name, "state"))
		return NOBODY;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NOBODY;
	if (!flock(fd, LOCK_SH | LOCK_NB) || read(fd, head, sizeof(head)) != sizeof(head))
		head[1] = NOBODY;
	close(fd);
	return head[1];
}

/* --- waiting ---------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Reaps a child that has ended. */
static bool ended(struct instance *instance, int *status)
{
	if (waitpid(instance->pid, status, WNOHANG) != instance->pid)
		return false;
	close(instance->pidfd);
	instance->pid = 0;
	instance->pidfd = -1;
	return true;
}

static bool is_ready(int notify)
{
	char text[256];
	ssize_t n;

	while ((n = recv(notify, text, sizeof(text) - 1, 0)) > 0) {
		text[n] = '\0';
		if (strstr(text, "READY=1"))
			return true;
	}
	return false;
}

/* 0, or -errno after a line in the log. */
static int await_ready(struct instance *instance, int notify, int interrupt)
{
	struct pollfd fds[] = { { .fd = notify, .events = POLLIN },
				{ .fd = instance->pidfd, .events = POLLIN },
				{ .fd = interrupt, .events = POLLIN } };
	uint64_t now, deadline = now_ms() + READY_SECONDS * 1000;
	int status;

	while ((now = now_ms()) < deadline) {
		if (poll(fds, 3, (int)(deadline - now)) < 0)
			continue;
		if (is_ready(notify))
			return 0;
		if (fds[1].revents && ended(instance, &status)) {
			log_error("instance %s: ended before it was ready", instance->name);
			return -EIO;
		}
		if (fds[2].revents)
			return -EINTR;
	}
	log_error("instance %s: not ready after %d s", instance->name, READY_SECONDS);
	return -ETIMEDOUT;
}

/* --- children --------------------------------------------------------------------- */

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	log_error("%s: %m", path);
	if (fd >= 0)
		close(fd);
	return -EIO;
}

static int spawn(struct instance *instance, const char *directory, const char *socket)
{
	char file[512], notify[sizeof(((struct sockaddr_un *)0)->sun_path) + 16];
	const char *const argv[] = { "xenvirtiod", "--config", file, NULL };

	snprintf(file, sizeof(file), "%s/%s.conf", directory, instance->name);
	snprintf(notify, sizeof(notify), "NOTIFY_SOCKET=%s", socket);
	instance->pid = command_spawn(argv, notify, -1);
	if (instance->pid < 0) {
		instance->pid = 0;
		return -EIO;
	}
	instance->pidfd = (int)syscall(SYS_pidfd_open, instance->pid, 0);
	return 0;
}

static int start_child(struct instance *instance, const char *directory, int interrupt)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int notify, err;

	mkdir(runtime_directory(), 0700);
	err = runtime_path(path, sizeof(path), instance->name, "notify");
	if (err)
		return err;
	notify = listen_at(path);
	if (notify < 0)
		return notify;
	err = spawn(instance, directory, path);
	if (!err)
		err = await_ready(instance, notify, interrupt);
	if (err && instance->pid)
		kill(instance->pid, SIGTERM);
	close(notify);
	unlink(path);
	return err;
}

/* Its process has still to see that its guest is gone. */
static int await_free(const char *name)
{
	uint64_t deadline = now_ms() + END_SECONDS * 1000;
	const struct timespec pause = { .tv_nsec = 100000000 };
	uint32_t other;

	while ((other = serves(name)) != NOBODY) {
		if (now_ms() >= deadline) {
			log_error("instance %s: serves domain %u and does not end", name, other);
			return -EBUSY;
		}
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* --- units ------------------------------------------------------------------------ */

static int tell_manager(const char *what, const char *name)
{
	char unit[INSTANCE_NAME_MAX + 32];
	const char *const argv[] = { "systemctl", what, unit, NULL };

	snprintf(unit, sizeof(unit), "xenvirtiod@%s.service", name);
	return command_run(argv);
}

/* One that runs serves another guest, which is gone or should not wait for it: hence no restart. */
static int start_unit(const char *name)
{
	int err = tell_manager("stop", name);

	return err ? err : tell_manager("start", name);
}

/* --- all of a guest's ------------------------------------------------------------- */

static int start(struct instances *instances, struct instance *instance, uint32_t domid,
		 int interrupt)
{
	int err;

	if (serves(instance->name) == domid) {
		log_info("instance %s serves already", instance->name);
		return 0;
	}
	instance->awaited = false;
	log_info("instance %s: starting", instance->name);
	if (instances->by_manager)
		return start_unit(instance->name);
	err = await_free(instance->name);
	return err ? err : start_child(instance, instances->directory, interrupt);
}

int instances_start(struct instances *instances, uint32_t domid, int interrupt)
{
	unsigned i;
	int err = 0;

	for (i = 0; !err && i < instances->count; i++)
		err = start(instances, &instances->list[i], domid, interrupt);
	return err;
}

/* Killed, or told to leave all to the next process. */
static bool is_awaited(int status)
{
	return WIFSIGNALED(status) || WEXITSTATUS(status) == RUNTIME_LEFT;
}

void instances_revive(struct instances *instances)
{
	unsigned i;
	int status;

	for (i = 0; i < instances->count; i++) {
		struct instance *instance = &instances->list[i];

		if (instance->pid && ended(instance, &status) && is_awaited(status)) {
			instance->awaited = true;
			log_warning("instance %s: %s; starting it again", instance->name,
				    WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "has left");
		}
		if (instance->awaited && !instance->pid)
			instance->awaited = start_child(instance, instances->directory, -1);
	}
}

static void await_end(struct instance *instance)
{
	struct pollfd fd = { .fd = instance->pidfd, .events = POLLIN };
	int status;

	if (poll(&fd, 1, END_SECONDS * 1000) == 0) {
		log_warning("instance %s: does not end by itself", instance->name);
		kill(instance->pid, SIGTERM);
		poll(&fd, 1, END_SECONDS * 1000);
	}
	if (!ended(instance, &status)) {
		kill(instance->pid, SIGKILL);
		poll(&fd, 1, -1);
		ended(instance, &status);
	}
}

void instances_end(struct instances *instances)
{
	unsigned i;

	for (i = 0; i < instances->count; i++)
		if (instances->list[i].pid)
			await_end(&instances->list[i]);
}
