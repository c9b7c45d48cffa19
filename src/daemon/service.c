/* SPDX-License-Identifier: GPL-2.0-or-later */
/* service.c: one datagram to the service manager's socket. */
#include "daemon/service.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"

#define NS_PER_US 1000ULL

/* Who is no service manager may listen only until we are ready. */
static void send_message(const char *message, int flags)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	socklen_t length;
	int fd;

	if (!path)
		return;
	if ((path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(address.sun_path)) {
		log_warning("NOTIFY_SOCKET \"%s\" is not an address of a socket", path);
		return;
	}
	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@') /* abstract */
		address.sun_path[0] = '\0';
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || (sendto(fd, message, strlen(message), flags | MSG_NOSIGNAL,
			      (struct sockaddr *)&address, length) < 0 &&
		       errno != EAGAIN))
		log_line(strcmp(message, "READY=1") ? LOG_DEBUG : LOG_WARNING,
			 "cannot notify the service manager: %m");
	if (fd >= 0)
		close(fd);
}

void service_notify(const char *message)
{
	send_message(message, 0);
}

void service_status(const char *fmt, ...)
{
	char text[256] = "STATUS=";
	size_t length = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + length, sizeof(text) - length, fmt, ap);
	va_end(ap);
	send_message(text, MSG_DONTWAIT);
}

static void alive(struct loop_timer *timer)
{
	struct service_watchdog *watchdog = container_of(timer, struct service_watchdog, timer);

	send_message("WATCHDOG=1", MSG_DONTWAIT);
	loop_timer(watchdog->loop, timer, watchdog->interval);
}

/* $WATCHDOG_PID: a child of the process that is meant has the same environment. */
void service_watch(struct service_watchdog *watchdog, struct loop *loop)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!usec || (pid && strtol(pid, NULL, 10) != getpid()))
		return;
	watchdog->loop = loop;
	watchdog->timer.fire = alive;
	watchdog->interval = strtoull(usec, NULL, 10) * NS_PER_US / 2;
	if (watchdog->interval)
		alive(&watchdog->timer);
}
