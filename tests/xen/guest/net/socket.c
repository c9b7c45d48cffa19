/* SPDX-License-Identifier: GPL-2.0-or-later */
/* socket.c: sockets to and from the peer. */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "net.h"

void set_timeout(int fd, unsigned int ms)
{
	struct timeval time = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

void set_option(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)))
		err(1, "socket option %d", option);
}

void prepare_stream(int fd)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_timeout(fd, PATIENCE * 1000);
}

/* All addresses are IPv6 ones, IPv4's are mapped. */
static struct sockaddr_in6 address_of(const char *text, uint16_t port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	char mapped[64];

	snprintf(mapped, sizeof(mapped), "%s%s", strchr(text, ':') ? "" : "::ffff:", text);
	if (inet_pton(AF_INET6, mapped, &address.sin6_addr) != 1)
		errx(2, "%s is no address", text);
	return address;
}

static int socket_of(int type)
{
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	return fd;
}

int listening(int type, uint16_t port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket_of(type);

	if (type == SOCK_STREAM)
		set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) ||
	    (type == SOCK_STREAM && listen(fd, 8)))
		err(1, "port %u", port);
	return fd;
}

int connected(int type, const char *text, uint16_t port)
{
	struct sockaddr_in6 address = address_of(text, port);
	int fd = socket_of(type);

	if (type == SOCK_STREAM)
		prepare_stream(fd);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err(1, "connect to %s", text);
	return fd;
}

void send_all(int fd, const void *data, size_t bytes)
{
	const uint8_t *next = data;

	while (bytes) {
		ssize_t n = send(fd, next, bytes, MSG_NOSIGNAL);

		if (n <= 0)
			err(1, "send");
		next += n;
		bytes -= n;
	}
}

void receive_all(int fd, void *data, size_t bytes)
{
	uint8_t *next = data;

	while (bytes) {
		ssize_t n = recv(fd, next, bytes, MSG_WAITALL);

		if (n < 0)
			err(1, "receive");
		if (!n)
			errx(1, "the peer has closed");
		next += n;
		bytes -= n;
	}
}

int hire(const char *address, const struct job *job)
{
	int peer = connected(SOCK_STREAM, address, port);

	send_all(peer, job, sizeof(*job));
	return peer;
}

struct job job_of(uint32_t mode, uint32_t size, uint64_t count)
{
	return (struct job){ mode, size, count, unchecked, segmented };
}
