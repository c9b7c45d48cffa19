/* SPDX-License-Identifier: GPL-2.0-or-later */
/* service.c: one datagram to the service manager's socket. */
#include "daemon/service.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

void service_notify(const char *message)
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
	if (fd < 0 || sendto(fd, message, strlen(message), MSG_NOSIGNAL,
			     (struct sockaddr *)&address, length) < 0)
		log_warning("cannot notify the service manager: %m");
	if (fd >= 0)
		close(fd);
}
