/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbd-server.c: see nbd-server.h. */
#include "unit/nbd-server.h"

#include <check.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit/unit.h"

#define CONNECTIONS_MAX 64

#define MAGIC          0x4e42444d41474943ull
#define OPTION_MAGIC   0x49484156454f5054ull
#define REPLY_MAGIC    0x3e889045565a9ull
#define REQUEST_MAGIC  0x25609513u
#define ANSWER_MAGIC   0x67446698u
#define OPTION_GO      7u
#define REPLY_ACK      1u
#define REPLY_INFO     3u
#define REPLY_UNKNOWN  0x80000001u
#define INFO_EXPORT    0
#define INFO_BLOCKS    3
#define FIXED_NEWSTYLE 1
#define HAS_FLAGS      1
#define ERROR_INVALID  22u

struct nbd_server nbd_server;
char server_uri[80];
static char dir[] = "/tmp/nbd-XXXXXX", path[64];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;
static pthread_t listener;
static int listening = -1;
static bool runs, dead;
static unsigned nopen;
static int sockets[CONNECTIONS_MAX];
static pthread_t threads[CONNECTIONS_MAX];
static unsigned nthreads;

/* ---- the wire ---------------------------------------------------------------------- */

static bool receive(int fd, void *to, size_t length)
{
	return !length || recv(fd, to, length, MSG_WAITALL) == (ssize_t)length;
}

static bool transmit(int fd, const void *from, size_t length)
{
	return !length || send(fd, from, length, MSG_NOSIGNAL) == (ssize_t)length;
}

struct reply {
	uint64_t magic;
	uint32_t option, type, length;
} __attribute__((packed));

static bool reply(int fd, uint32_t option, uint32_t type, const void *data, uint32_t length)
{
	const struct reply head = { htobe64(REPLY_MAGIC), htobe32(option), htobe32(type),
				    htobe32(length) };

	return transmit(fd, &head, sizeof(head)) && transmit(fd, data, length);
}

static bool tell_export(int fd)
{
	struct {
		uint16_t type;
		uint64_t size;
		uint16_t flags;
	} __attribute__((packed)) export = { htobe16(INFO_EXPORT), htobe64(nbd_server.size),
					     htobe16(HAS_FLAGS | nbd_server.can) };
	struct {
		uint16_t type;
		uint32_t least, liked, most;
	} __attribute__((packed)) blocks = { htobe16(INFO_BLOCKS), htobe32(nbd_server.least),
					     htobe32(nbd_server.liked), htobe32(nbd_server.most) };

	return reply(fd, OPTION_GO, REPLY_INFO, &export, sizeof(export)) &&
	       (!nbd_server.least || reply(fd, OPTION_GO, REPLY_INFO, &blocks, sizeof(blocks))) &&
	       reply(fd, OPTION_GO, REPLY_ACK, NULL, 0);
}

/* Options other than GO are unknown. */
static bool negotiate(int fd)
{
	struct {
		uint64_t magic, option;
		uint16_t flags;
	} __attribute__((packed))
	hello = { htobe64(MAGIC), htobe64(OPTION_MAGIC), htobe16(FIXED_NEWSTYLE) };
	struct {
		uint64_t magic;
		uint32_t option, length;
	} __attribute__((packed)) option;
	uint8_t data[4096];
	uint32_t flags;

	if (!transmit(fd, &hello, sizeof(hello)) || !receive(fd, &flags, sizeof(flags)))
		return false;
	while (receive(fd, &option, sizeof(option))) {
		uint32_t length = be32toh(option.length), name = be32toh(option.option);

		if (length > sizeof(data) || !receive(fd, data, length))
			return false;
		if (name == OPTION_GO)
			return tell_export(fd);
		if (!reply(fd, name, REPLY_UNKNOWN, NULL, 0))
			return false;
	}
	return false;
}

/* ---- its life ---------------------------------------------------------------------- */

/* With the lock. */
static void die(void)
{
	unsigned i;

	dead = true;
	shutdown(listening, SHUT_RDWR);
	for (i = 0; i < nthreads; i++)
		shutdown(sockets[i], SHUT_RDWR);
	pthread_cond_broadcast(&news);
}

/* ---- commands ---------------------------------------------------------------------- */

struct request {
	uint32_t magic;
	uint16_t flags, command;
	uint64_t cookie, offset;
	uint32_t length;
} __attribute__((packed));

static uint32_t perform(const struct server_record *request, const uint8_t *from)
{
	uint8_t *at = nbd_server.data + request->offset;

	if (nbd_server.error)
		return nbd_server.error;
	if (request->command != SERVER_FLUSH &&
	    (request->offset > nbd_server.size ||
	     request->length > nbd_server.size - request->offset ||
	     (nbd_server.most && request->length > nbd_server.most)))
		return ERROR_INVALID;
	switch (request->command) {
	case SERVER_WRITE:
		memcpy(at, from, request->length);
		break;
	case SERVER_ZERO:
		memset(at, 0, request->length);
		break;
	case SERVER_FLUSH:
		memcpy(nbd_server.stable, nbd_server.data, SERVER_BYTES);
		break;
	default:
		break;
	}
	if (request->flags & SERVER_FUA)
		memcpy(nbd_server.stable + request->offset, at, request->length);
	return 0;
}

static bool is_held(const struct server_record *request)
{
	return nbd_server.hold || (nbd_server.hold_flushes && request->command == SERVER_FLUSH);
}

/* False if it is dead. */
static bool serve(const struct server_record *request, const uint8_t *from, uint32_t *error)
{
	bool alive;

	pthread_mutex_lock(&lock);
	if (!dead && nbd_server.nlog < SERVER_LOG)
		nbd_server.log[nbd_server.nlog++] = *request;
	if (nbd_server.nlog == nbd_server.dies_at)
		die();
	while (is_held(request) && !dead)
		pthread_cond_wait(&news, &lock);
	alive = !dead;
	if (alive)
		*error = perform(request, from);
	pthread_mutex_unlock(&lock);
	return alive;
}

static bool answer(int fd, const struct server_record *request, uint64_t cookie, uint32_t error)
{
	const struct {
		uint32_t magic, error;
		uint64_t cookie;
	} __attribute__((packed)) head = { htobe32(ANSWER_MAGIC), htobe32(error), cookie };

	if (!transmit(fd, &head, sizeof(head)))
		return false;
	return error || request->command != SERVER_READ ||
	       transmit(fd, nbd_server.data + request->offset, request->length);
}

static void serve_requests(int fd, unsigned connection, uint8_t *data)
{
	struct request wire;
	uint32_t error = 0;

	while (receive(fd, &wire, sizeof(wire)) && be32toh(wire.magic) == REQUEST_MAGIC) {
		const struct server_record request = { .command = be16toh(wire.command),
						       .flags = be16toh(wire.flags),
						       .connection = connection,
						       .offset = be64toh(wire.offset),
						       .length = be32toh(wire.length) };

		if (request.command == SERVER_BYE ||
		    (request.command == SERVER_WRITE &&
		     (request.length > SERVER_BYTES || !receive(fd, data, request.length))))
			return;
		if (!serve(&request, data, &error) || !answer(fd, &request, wire.cookie, error))
			return;
	}
}

static void *connection_main(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;
	uint8_t byte, *data = malloc(SERVER_BYTES);
	int fd = sockets[i];

	if (nbd_server.mute)
		receive(fd, &byte, 1);
	else if (negotiate(fd))
		serve_requests(fd, i + 1, data);
	shutdown(fd, SHUT_RDWR);
	free(data);
	pthread_mutex_lock(&lock);
	nopen--;
	pthread_cond_broadcast(&news);
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* ---- connections ------------------------------------------------------------------- */

static void *listen_main(void *arg)
{
	int fd;

	(void)arg;
	pthread_mutex_lock(&lock);
	while (!dead && nthreads < CONNECTIONS_MAX) {
		if (nbd_server.takes && nopen == nbd_server.takes) {
			pthread_cond_wait(&news, &lock);
			continue;
		}
		pthread_mutex_unlock(&lock);
		fd = accept(listening, NULL, NULL);
		pthread_mutex_lock(&lock);
		if (fd < 0)
			break;
		sockets[nthreads] = fd;
		nopen++;
		pthread_create(&threads[nthreads], NULL, connection_main,
			       (void *)(uintptr_t)nthreads);
		nthreads++;
		if (dead)
			shutdown(fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

void server_init(void)
{
	unsigned i;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	snprintf(server_uri, sizeof(server_uri), "unix:%s", path);
	nbd_server.can = SERVER_CAN_ALL;
	nbd_server.size = SERVER_BYTES;
	nbd_server.liked = 4096;
	nbd_server.most = 1 << 25;
	for (i = 0; i < SERVER_BYTES; i++)
		nbd_server.data[i] = (uint8_t)unit_random(256);
	memcpy(nbd_server.stable, nbd_server.data, SERVER_BYTES);
}

void server_start(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	unlink(path);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	dead = false;
	nthreads = nopen = nbd_server.nlog = nbd_server.dies_at = 0;
	ck_assert_int_eq(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listening, 16), 0);
	pthread_create(&listener, NULL, listen_main, NULL);
	runs = true;
}

void server_stop(bool crashes)
{
	unsigned i;

	if (!runs)
		return;
	pthread_mutex_lock(&lock);
	die();
	pthread_mutex_unlock(&lock);
	pthread_join(listener, NULL);
	for (i = 0; i < nthreads; i++) {
		pthread_join(threads[i], NULL);
		close(sockets[i]);
	}
	close(listening);
	unlink(path);
	runs = false;
	if (crashes)
		memcpy(nbd_server.data, nbd_server.stable, SERVER_BYTES);
}

void server_remove(void)
{
	server_stop(false);
	rmdir(dir);
}

/* ---- for tests --------------------------------------------------------------------- */

static unsigned requests_seen(void)
{
	unsigned seen;

	pthread_mutex_lock(&lock);
	seen = nbd_server.nlog;
	pthread_mutex_unlock(&lock);
	return seen;
}

bool server_saw(unsigned count)
{
	return wait_for(requests_seen() >= count);
}

static unsigned connections_open(void)
{
	unsigned now;

	pthread_mutex_lock(&lock);
	now = nopen;
	pthread_mutex_unlock(&lock);
	return now;
}

bool server_has(unsigned connections)
{
	return wait_for(connections_open() >= connections);
}

bool server_is_alone(void)
{
	return wait_for(!connections_open());
}

unsigned server_count(enum server_command command)
{
	unsigned i, count = 0;

	pthread_mutex_lock(&lock);
	for (i = 0; i < nbd_server.nlog; i++)
		count += nbd_server.log[i].command == command;
	pthread_mutex_unlock(&lock);
	return count;
}

void server_release(void)
{
	pthread_mutex_lock(&lock);
	nbd_server.hold = nbd_server.hold_flushes = false;
	pthread_cond_broadcast(&news);
	pthread_mutex_unlock(&lock);
}
