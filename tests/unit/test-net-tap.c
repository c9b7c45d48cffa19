/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-net-tap.c: the tap backend on real tap interfaces, in a network namespace of
 * the test's own: frames, queues, and an interface that goes and comes back.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "devices/net/backend.h"
#include "unit/unit.h"

#define TAP       "tap9"
#define ETHERTYPE 0x88b5 /* for experiments: nobody else sends it */

static struct loop *loop;
static pthread_t thread;
static sem_t answered;
static struct net_backend *backend;
static struct reason why;

static void *thread_main(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void setup(void)
{
	int flags = CLONE_NEWNET | (geteuid() ? CLONE_NEWUSER : 0);

	ck_assert_msg(!unshare(flags), "no network namespace: %s", strerror(errno));
	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
	sem_init(&answered, 0, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, thread_main, loop), 0);
}

static void teardown(void)
{
	loop_stop(loop);
	pthread_join(thread, NULL);
	if (backend)
		backend->ops->close(backend);
	loop_free(loop);
}

static void ip(const char *command)
{
	char text[120];

	snprintf(text, sizeof(text), "ip link %s", command);
	ck_assert_msg(!system(text), "%s failed", text); /* NOLINT(cert-env33-c) */
}

static void open_tap(unsigned pairs)
{
	unsigned i;

	ck_assert_int_eq(tap_open(TAP, pairs, &backend, &why), 0);
	for (i = 0; i < pairs; i++)
		backend->ports[i].loop = loop;
}

/* ---- frames -------------------------------------------------------------------------------- */

static uint8_t buffer[NET_FRAME_BYTES];
static int result;

static void done(struct net_frame *frame, int value)
{
	(void)frame;
	result = value;
	sem_post(&answered);
}

static struct net_frame frame = { .data = buffer, .done = done };

static void begin_receive(void *port)
{
	backend->ops->receive(port, &frame);
}

static void begin_send(void *port)
{
	backend->ops->send(port, &frame);
}

static int answer_to(void (*begin)(void *port), unsigned port, uint32_t length)
{
	frame.length = length;
	unit_call(loop, begin, &backend->ports[port]);
	sem_wait(&answered);
	return result;
}

static int receive(unsigned port)
{
	return answer_to(begin_receive, port, sizeof(buffer));
}

static int send_frame(unsigned port, uint32_t length)
{
	return answer_to(begin_send, port, length);
}

/* The kernel's side of the interface. */
static int packet_socket(void)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETHERTYPE),
				       .sll_ifindex = (int)if_nametoindex(TAP) };
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETHERTYPE));

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static void fill(uint8_t *ethernet)
{
	memset(ethernet, 0xff, 6);
	memset(ethernet + 6, 2, 6);
	ethernet[12] = ETHERTYPE >> 8;
	ethernet[13] = ETHERTYPE & 0xff;
	memset(ethernet + 14, 0x5a, 46);
}

/* What else the kernel says on an interface that comes up is not for us. */
static int receive_ours(unsigned port)
{
	int length;

	do {
		length = receive(port);
		if (length == -EAGAIN)
			usleep(1000);
	} while (length == -EAGAIN ||
		 (length > 0 && buffer[NET_HEADER_BYTES + 12] != ETHERTYPE >> 8));
	return length;
}

START_TEST(frames_pass_both_ways_with_their_header)
{
	uint8_t seen[200];
	int fd;

	open_tap(1);
	ip("set " TAP " up");
	fd = packet_socket();
	memset(buffer, 0, NET_HEADER_BYTES);
	fill(buffer + NET_HEADER_BYTES);
	ck_assert_int_eq(send_frame(0, NET_HEADER_BYTES + 60), 0);
	ck_assert_int_eq(recv(fd, seen, sizeof(seen), 0), 60);
	ck_assert_mem_eq(seen, buffer + NET_HEADER_BYTES, 60);
	fill(seen);
	ck_assert_int_eq(send(fd, seen, 60, 0), 60);
	ck_assert_int_eq(receive_ours(0), (int)NET_HEADER_BYTES + 60);
	ck_assert_mem_eq(seen, buffer + NET_HEADER_BYTES, 60);
	close(fd);
}
END_TEST

START_TEST(a_read_without_a_frame_does_not_wait)
{
	open_tap(1);
	ck_assert_int_eq(receive(0), -EAGAIN);
}
END_TEST

START_TEST(offloads_are_what_the_guest_takes)
{
	open_tap(1);
	ck_assert_int_eq(backend->ops->set_offloads(backend, backend->features), 0);
	ck_assert_int_eq(backend->ops->set_offloads(backend, 0), 0);
	ck_assert_int_eq(backend->ops->set_offloads(backend, 1ull << VIRTIO_NET_F_GUEST_TSO4), 0);
}
END_TEST

START_TEST(the_mtu_is_the_interface_s)
{
	open_tap(1);
	ck_assert_uint_eq(backend->mtu, 1500);
}
END_TEST

/* Frames come by those queues only that are attached. */
START_TEST(queues_are_attached_and_detached)
{
	unsigned i;

	open_tap(4);
	for (i = 1; i <= 4; i++)
		ck_assert_int_eq(backend->ops->set_pairs(backend, i), 0);
	for (i = 4; i >= 1; i--)
		ck_assert_int_eq(backend->ops->set_pairs(backend, i), 0);
	ip("set " TAP " up");
	for (i = 0; i < 100; i++) {
		uint8_t out[60];
		int fd = packet_socket();

		fill(out);
		out[5] = (uint8_t)i;
		ck_assert_int_eq(send(fd, out, sizeof(out), 0), sizeof(out));
		close(fd);
		ck_assert_int_gt(receive_ours(0), 0);
	}
}
END_TEST

START_TEST(an_interface_of_another_kind_is_refused_with_a_reason)
{
	ip("add " TAP " type veth peer name other");
	ck_assert_int_lt(tap_open(TAP, 1, &backend, &why), 0);
	backend = NULL;
	ck_assert_ptr_nonnull(strstr(why.text, "tap " TAP));
}
END_TEST

/* ---- the link ---------------------------------------------------------------------------------- */

static atomic_bool is_up;

static void changed(struct net_backend *b)
{
	is_up = b->up;
}

static bool comes_to(bool up)
{
	return wait_for(is_up == up);
}

static void begin_watch(void *arg)
{
	backend->changed = changed;
	*(int *)arg = backend->ops->watch_link(backend, loop);
}

static void watch(void)
{
	int err;

	unit_call(loop, begin_watch, &err);
	ck_assert_int_eq(err, 0);
}

START_TEST(the_link_follows_the_interface)
{
	open_tap(1);
	is_up = true;
	watch();
	ck_assert(comes_to(false)); /* as it is at first */
	ip("set " TAP " up");
	ck_assert(comes_to(true));
	ip("set " TAP " down");
	ck_assert(comes_to(false));
	ip("set " TAP " up");
	ck_assert(comes_to(true));
	ip("set " TAP " carrier off");
	ck_assert(comes_to(false));
}
END_TEST

START_TEST(an_interface_that_comes_back_is_picked_up)
{
	uint8_t out[60];
	int fd;

	open_tap(_i ? 2 : 1);
	ck_assert_int_eq(backend->ops->set_pairs(backend, 1), 0);
	watch();
	ip("set " TAP " up");
	ck_assert(comes_to(true));
	ip("del " TAP);
	ck_assert(comes_to(false));
	ck_assert_int_ne(receive(0), -EAGAIN); /* an error, which stops the reader */
	ip(_i ? "show > /dev/null; ip tuntap add " TAP " mode tap multi_queue vnet_hdr"
	      : "show > /dev/null; ip tuntap add " TAP " mode tap vnet_hdr");
	ip("set " TAP " up");
	ck_assert(comes_to(true));
	fd = packet_socket();
	fill(out);
	ck_assert_int_eq(send(fd, out, sizeof(out), 0), sizeof(out));
	ck_assert_int_gt(receive_ours(0), 0);
	close(fd);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(frames_pass_both_ways_with_their_header),
		ONCE(a_read_without_a_frame_does_not_wait),
		ONCE(offloads_are_what_the_guest_takes),
		ONCE(the_mtu_is_the_interface_s),
		ONCE(queues_are_attached_and_detached),
		ONCE(an_interface_of_another_kind_is_refused_with_a_reason),
		ONCE(the_link_follows_the_interface),
		TIMES(an_interface_that_comes_back_is_picked_up, 2),
	};

	return unit_main("net-tap", setup, teardown, tests, ARRAY_SIZE(tests));
}
