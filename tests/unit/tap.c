/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap.c: see tap.h. */
#include "unit/tap.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/unit.h"

#define ETHERTYPE 0x88b5 /* for experiments: nobody else sends it */

struct loop *tap_loop;
struct net_backend *tap_backend;
struct reason tap_why;
const char *tap_wire = TAP;
static pthread_t thread;
static sem_t answered;

static void *thread_main(void *arg)
{
	loop_run(arg);
	return NULL;
}

void tap_setup(void)
{
	int flags = CLONE_NEWNET | (geteuid() ? CLONE_NEWUSER : 0);

	ck_assert_msg(!unshare(flags), "no network namespace: %s", strerror(errno));
	tap_loop = loop_new();
	ck_assert_ptr_nonnull(tap_loop);
	sem_init(&answered, 0, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, thread_main, tap_loop), 0);
}

void tap_teardown(void)
{
	loop_stop(tap_loop);
	pthread_join(thread, NULL);
	if (tap_backend)
		tap_backend->ops->close(tap_backend);
	loop_free(tap_loop);
}

void tap_run(const char *command)
{
	ck_assert_msg(!system(command), "%s failed", command); /* NOLINT(cert-env33-c) */
}

void tap_ip(const char *command)
{
	char text[160];

	snprintf(text, sizeof(text), "ip link %s", command);
	tap_run(text);
}

void tap_take(unsigned pairs)
{
	unsigned i;

	for (i = 0; i < pairs; i++)
		tap_backend->ports[i].loop = tap_loop;
}

/* ---- frames -------------------------------------------------------------------------------- */

uint8_t tap_buffer[NET_FRAME_BYTES];
static int result;

static void done(struct net_frame *frame, int value)
{
	(void)frame;
	result = value;
	sem_post(&answered);
}

static struct net_frame frame = { .data = tap_buffer, .done = done };

static void begin_send(void *port)
{
	tap_backend->ops->send(port, &frame);
}

int tap_receive(unsigned port)
{
	const struct iovec all = { .iov_base = tap_buffer, .iov_len = sizeof(tap_buffer) };

	return tap_backend->ops->read(&tap_backend->ports[port], &all, 1);
}

int tap_send(unsigned port, uint32_t length)
{
	frame.length = length;
	unit_call(tap_loop, begin_send, &tap_backend->ports[port]);
	sem_wait(&answered);
	return result;
}

/* The kernel's side of the interface. */
int tap_packet_socket(void)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETHERTYPE),
				       .sll_ifindex = (int)if_nametoindex(tap_wire) };
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETHERTYPE));

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

void tap_fill(uint8_t *ethernet)
{
	memset(ethernet, 0xff, 6);
	memset(ethernet + 6, 2, 6);
	ethernet[12] = ETHERTYPE >> 8;
	ethernet[13] = ETHERTYPE & 0xff;
	memset(ethernet + 14, 0x5a, 46);
}

/* What else the kernel says on an interface that comes up is not for us. */
static int receive_ours_within(unsigned port, unsigned ms)
{
	int length;

	do {
		length = tap_receive(port);
		if (length == -EAGAIN)
			usleep(1000);
	} while ((length == -EAGAIN && ms--) ||
		 (length > 0 && tap_buffer[NET_HEADER_BYTES + 12] != ETHERTYPE >> 8));
	return length;
}

int tap_receive_ours(unsigned port)
{
	return receive_ours_within(port, 10000);
}

static void pass_out(int fd)
{
	uint8_t seen[200];

	memset(tap_buffer, 0, NET_HEADER_BYTES);
	tap_fill(tap_buffer + NET_HEADER_BYTES);
	ck_assert_int_eq(tap_send(0, NET_HEADER_BYTES + 60), 0);
	ck_assert_int_eq(recv(fd, seen, sizeof(seen), 0), 60);
	ck_assert_mem_eq(seen, tap_buffer + NET_HEADER_BYTES, 60);
}

/* An end that has just got its carrier may drop what it is to send. */
static void pass_in(int fd)
{
	unsigned tries = 0;
	uint8_t sent[60];
	int length;

	tap_fill(sent);
	do
		ck_assert_int_eq(send(fd, sent, sizeof(sent), 0), sizeof(sent));
	while ((length = receive_ours_within(0, 200)) == -EAGAIN && tries++ < 20);
	ck_assert_int_eq(length, (int)(NET_HEADER_BYTES + sizeof(sent)));
	ck_assert_mem_eq(sent, tap_buffer + NET_HEADER_BYTES, sizeof(sent));
}

void tap_pass_both_ways(void)
{
	int fd = tap_packet_socket();

	pass_out(fd);
	pass_in(fd);
	close(fd);
}

/* ---- the link ---------------------------------------------------------------------------------- */

atomic_bool tap_is_up;

static void changed(struct net_backend *b)
{
	tap_is_up = b->up;
}

bool tap_comes_to(bool up)
{
	return wait_for(tap_is_up == up);
}

static void begin_watch(void *arg)
{
	tap_backend->changed = changed;
	*(int *)arg = tap_backend->ops->watch_link(tap_backend, tap_loop);
}

void tap_watch(void)
{
	int err;

	unit_call(tap_loop, begin_watch, &err);
	ck_assert_int_eq(err, 0);
}
