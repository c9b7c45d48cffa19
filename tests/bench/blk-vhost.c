/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blk-vhost.c: QEMU's storage daemon, by vhost-user: what a front end says to it, from
 * QEMU's docs/interop/vhost-user.rst. No reply is asked for but those the protocol has;
 * messages are worked on one by one, so what comes after the last of them comes after all.
 */
#include <check.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench/blk.h"

#define VERSION           1u
#define PROTOCOL_FEATURES 30 /* of the transport, in the place of a device's feature */

enum message_type {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	SET_PROTOCOL_FEATURES = 16,
	SET_VRING_ENABLE = 18,
};

struct region {
	uint64_t guest, size, user, offset;
};

struct message {
	uint32_t type, flags, size;
	union {
		uint64_t value;
		struct vhost_vring_state state;
		struct vhost_vring_addr addr;
		struct {
			uint32_t count, padding;
			struct region region;
		} memory;
	};
} __attribute__((packed));

#define HEADER offsetof(struct message, value)

static pid_t server;
static int memory_fd, socket_fd, kick_fd, call_fd;
static uint8_t *guest;

/* ---- messages ------------------------------------------------------------------------ */

/* @fd goes along, unless it is -1. */
static void say(struct message *m, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = { 0 };
	struct iovec iov = { m, HEADER + m->size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (fd >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	m->flags = VERSION;
	ck_assert_int_eq(sendmsg(socket_fd, &msg, 0), (ssize_t)iov.iov_len);
}

static void say_value(enum message_type type, uint64_t value, int fd)
{
	struct message m = { .type = type, .size = sizeof(m.value), .value = value };

	say(&m, fd);
}

static void say_state(enum message_type type, unsigned value)
{
	struct message m = { .type = type, .size = sizeof(m.state), .state = { 0, value } };

	say(&m, -1);
}

static uint64_t ask(enum message_type type)
{
	struct message m = { .type = type };

	say(&m, -1);
	ck_assert_int_eq(recv(socket_fd, &m, HEADER + sizeof(m.value), MSG_WAITALL),
			 (ssize_t)(HEADER + sizeof(m.value)));
	ck_assert_uint_eq(m.type, type);
	return m.value;
}

static void say_memory(void)
{
	struct message m = { .type = SET_MEM_TABLE,
			     .size = sizeof(m.memory),
			     .memory = { .count = 1,
					 .region = { .size = PEER_MEMORY,
						     .user = (uintptr_t)guest } } };

	say(&m, memory_fd);
}

/* Rings are told by the front end's own addresses. */
static void say_rings(const struct blk_ring *ring)
{
	struct message m = { .type = SET_VRING_ADDR,
			     .size = sizeof(m.addr),
			     .addr = { .desc_user_addr = (uintptr_t)guest + ring->desc,
				       .avail_user_addr = (uintptr_t)guest + ring->avail,
				       .used_user_addr = (uintptr_t)guest + ring->used } };

	say(&m, -1);
}

/* ---- the server ---------------------------------------------------------------------- */

static struct blk_memory start(const char *directory, const char *image)
{
	char path[96], export[224], store[160];
	const char *const argv[] = { "qemu-storage-daemon", "--blockdev", store,  "--object",
				     "iothread,id=io0",     "--export",   export, NULL };

	memory_fd = peer_memory(&guest);
	snprintf(path, sizeof(path), "%s/vhost", directory);
	snprintf(export, sizeof(export),
		 "vhost-user-blk,id=e0,addr.type=unix,addr.path=%s,node-name=d0,writable=on,"
		 "num-queues=1,iothread=io0",
		 path);
	peer_store(store, sizeof(store), image);
	server = peer_start(argv);
	socket_fd = peer_connect(path);
	unlink(path);
	return (struct blk_memory){ guest + PEER_MEMORY / 2, PEER_MEMORY / 2 };
}

static pid_t pid(void)
{
	return server;
}

static void enable(const struct blk_ring *ring)
{
	uint64_t features = BLK_FEATURES | 1ull << PROTOCOL_FEATURES;

	ck_assert_uint_eq(ask(GET_FEATURES) & features, features);
	say_value(SET_PROTOCOL_FEATURES, 0, -1);
	say(&(struct message){ .type = SET_OWNER }, -1);
	say_value(SET_FEATURES, features, -1);
	say_memory();
	kick_fd = eventfd(0, EFD_CLOEXEC);
	call_fd = eventfd(0, EFD_CLOEXEC);
	say_state(SET_VRING_NUM, BLK_RING);
	say_state(SET_VRING_BASE, 0);
	say_rings(ring);
	say_value(SET_VRING_CALL, 0, call_fd);
	say_value(SET_VRING_KICK, 0, kick_fd);
	say_state(SET_VRING_ENABLE, 1);
}

static void kick(void)
{
	ck_assert_int_eq(eventfd_write(kick_fd, 1), 0);
}

static bool wait_interrupt(void)
{
	struct pollfd pfd = { .fd = call_fd, .events = POLLIN };
	eventfd_t count;

	return poll(&pfd, 1, BLK_WAIT_MS) == 1 && !eventfd_read(call_fd, &count);
}

static void stop(void)
{
	close(socket_fd);
	peer_stop(server);
}

const struct blk_server blk_storage_daemon = { .name = "storage-daemon",
					       .start = start,
					       .pid = pid,
					       .enable = enable,
					       .kick = kick,
					       .wait = wait_interrupt,
					       .stop = stop };
