/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-net-passt.c: the backend on a unix stream socket, with the test as its peer: one
 * that reads and writes in pieces of any size, sends nonsense, dies and comes back.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/loop.h"
#include "devices/net/backend.h"
#include "unit/unit.h"

#define LENGTH_MAX  (NET_FRAME_MAX - NET_HEADER_BYTES)
#define FRAMES_MAX  64
#define PATIENCE_MS 5000

/* Main's and the port's. */
static struct loop *loops[2];
static pthread_t threads[2];
static struct net_backend *backend;
static struct net_port *port;
static struct reason why;
static char folder[32], path[48];
static int listener = -1, peer = -1;
static sem_t can_read;
static atomic_bool is_up;

static void *thread_main(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void readable(struct net_port *p)
{
	(void)p;
	sem_post(&can_read);
}

static void changed(struct net_backend *b)
{
	is_up = b->up;
}

static void setup(void)
{
	unsigned i;

	snprintf(folder, sizeof(folder), "/tmp/passt-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	sem_init(&can_read, 0, 0);
	for (i = 0; i < 2; i++) {
		loops[i] = loop_new();
		ck_assert_ptr_nonnull(loops[i]);
		ck_assert_int_eq(pthread_create(&threads[i], NULL, thread_main, loops[i]), 0);
	}
	ck_assert_int_eq(passt_open(path, &backend, &why), 0);
	port = &backend->ports[0];
	port->loop = loops[1];
	port->readable = readable;
	backend->changed = changed;
}

static void end_peer(void)
{
	close(peer);
	peer = -1;
}

static void end_listening(void)
{
	close(listener);
	listener = -1;
	unlink(path);
}

static void teardown(void)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		loop_stop(loops[i]);
		pthread_join(threads[i], NULL);
		loop_free(loops[i]);
	}
	backend->ops->close(backend);
	end_peer();
	end_listening();
	rmdir(folder);
}

/* ---- the peer ------------------------------------------------------------------------------ */

static void listen_there(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
}

static void accept_peer(void)
{
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };

	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	peer = accept(listener, NULL, NULL);
	ck_assert_int_ge(peer, 0);
	setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ck_assert(wait_for(is_up == true));
}

static void begin_link(void *arg)
{
	(void)arg;
	ck_assert_int_eq(backend->ops->watch_link(backend, loops[0]), 0);
}

static void watch_link(void)
{
	unit_call(loops[0], begin_link, NULL);
}

static void start(void)
{
	listen_there();
	watch_link();
	accept_peer();
}

/* Ethernet that is told by its number. */
static void fill(uint8_t *data, uint32_t length, unsigned number)
{
	uint32_t i;

	for (i = 0; i < length; i++)
		data[i] = (uint8_t)(number * 37 + i * 5 + i / 253);
}

static bool is_filled(const uint8_t *data, uint32_t length, unsigned number)
{
	static uint8_t expected[LENGTH_MAX];

	fill(expected, length, number);
	return !memcmp(data, expected, length);
}

static void read_all(void *data, size_t length, size_t piece)
{
	uint8_t *next = data;

	while (length) {
		ssize_t n = recv(peer, next, length < piece ? length : piece, 0);

		ck_assert_int_gt(n, 0);
		next += n;
		length -= (size_t)n;
	}
}

/* By pieces of so many bytes. */
static void expect_frame(uint32_t length, unsigned number, size_t piece)
{
	static uint8_t data[LENGTH_MAX];
	uint32_t prefix;

	read_all(&prefix, sizeof(prefix), piece);
	ck_assert_uint_eq(ntohl(prefix), length);
	read_all(data, length, piece);
	ck_assert(is_filled(data, length, number));
}

static void write_all(const void *data, size_t length, size_t piece)
{
	const uint8_t *next = data;

	for (; length; next += piece, length -= piece) {
		piece = length < piece ? length : piece;
		ck_assert_int_eq(send(peer, next, piece, MSG_NOSIGNAL), (ssize_t)piece);
	}
}

static void write_frame(uint32_t length, unsigned number, size_t piece)
{
	static uint8_t data[4 + LENGTH_MAX];
	uint32_t prefix = htonl(length);

	memcpy(data, &prefix, sizeof(prefix));
	fill(data + sizeof(prefix), length, number);
	write_all(data, sizeof(prefix) + length, piece);
}

/* ---- our side ------------------------------------------------------------------------------ */

static struct net_frame frames[FRAMES_MAX];
static uint8_t room[FRAMES_MAX][NET_FRAME_BYTES];
static unsigned nframes;
static atomic_int results[FRAMES_MAX];
static atomic_uint nsent;
static sem_t answered;

static void was_sent(struct net_frame *frame, int result)
{
	results[frame - frames] = result;
	nsent++;
}

/* One more, for the next turn. */
static void prepare(uint32_t length)
{
	struct net_frame *frame = &frames[nframes];

	*frame = (struct net_frame){ .data = room[nframes],
				     .length = NET_HEADER_BYTES + length,
				     .done = was_sent };
	memset(frame->data, 0, NET_HEADER_BYTES);
	fill(frame->data + NET_HEADER_BYTES, length, nframes++);
}

static void begin_send(void *arg)
{
	unsigned i;

	for (i = *(unsigned *)arg; i < nframes; i++)
		backend->ops->send(port, &frames[i]);
}

/* The frames from the @first-th on, in one turn. */
static void send_from(unsigned first)
{
	unit_call(loops[1], begin_send, &first);
}

static void was_received(struct net_frame *frame, int result)
{
	results[frame - frames] = result;
	sem_post(&answered);
}

static void begin_receive(void *arg)
{
	backend->ops->receive(port, arg);
}

static int receive_now(void)
{
	frames[0] = (struct net_frame){ .data = room[0],
					.length = NET_FRAME_BYTES,
					.done = was_received };
	unit_call(loops[1], begin_receive, &frames[0]);
	sem_wait(&answered);
	return results[0];
}

static void begin_watch(void *arg)
{
	(void)arg;
	backend->ops->watch(port);
}

static bool comes(void)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE_MS / 1000;
	return !sem_timedwait(&can_read, &end);
}

/* As the device does: look, and if there is nothing, wait until there is. */
static void receive_frame(uint32_t length, unsigned number)
{
	static const uint8_t zeroes[NET_HEADER_BYTES];
	int result;

	while ((result = receive_now()) == -EAGAIN) {
		unit_call(loops[1], begin_watch, NULL);
		ck_assert_msg(comes(), "no frame of %u bytes", length);
	}
	ck_assert_int_eq(result, (int)(NET_HEADER_BYTES + length));
	ck_assert_mem_eq(room[0], zeroes, sizeof(zeroes));
	ck_assert(is_filled(room[0] + NET_HEADER_BYTES, length, number));
}

static const uint32_t lengths[] = { 14, 15, 60, 1514, 4096, 9014, 32768, 65534, LENGTH_MAX };

/* ---- frames -------------------------------------------------------------------------------- */

START_TEST(frames_follow_their_length_on_the_wire)
{
	unsigned i;

	start();
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		prepare(lengths[i]);
	send_from(0);
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		expect_frame(lengths[i], i, LENGTH_MAX);
	ck_assert(wait_for(nsent == ARRAY_SIZE(lengths)));
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		ck_assert_int_eq(results[i], 0);
}
END_TEST

/* More than the socket holds, so that calls are cut short within frames. */
START_TEST(a_peer_that_is_slow_gets_all_in_order)
{
	static const size_t pieces[] = { 7, 1000, 4099, LENGTH_MAX };
	unsigned i;

	start();
	for (i = 0; i < FRAMES_MAX; i++) {
		prepare(i % 3 ? LENGTH_MAX - i : 100 + i);
		if (i % 4 == 3)
			send_from(i - 3);
	}
	ck_assert_uint_lt(nsent, FRAMES_MAX);
	for (i = 0; i < FRAMES_MAX; i++)
		expect_frame(i % 3 ? LENGTH_MAX - i : 100 + i, i, pieces[_i]);
	ck_assert(wait_for(nsent == FRAMES_MAX));
}
END_TEST

START_TEST(frames_are_cut_out_of_pieces_of_any_size)
{
	static const size_t pieces[] = { 1, 3, 5, 1500, 70000 };
	const unsigned n = pieces[_i] < 100 ? 5 : ARRAY_SIZE(lengths);
	unsigned i;

	start();
	for (i = 0; i < n; i++) {
		unit_call(loops[1], begin_watch, NULL); /* as small ones fill the socket */
		write_frame(lengths[i], i, pieces[_i]);
		ck_assert(comes());
		receive_frame(lengths[i], i);
	}
	ck_assert_int_eq(receive_now(), -EAGAIN);
}
END_TEST

START_TEST(many_frames_of_one_piece_come_one_by_one)
{
	unsigned i, turn;

	start();
	for (turn = 0; turn < 10; turn++) {
		for (i = 0; i < 40; i++)
			write_frame(60 + 100 * i, i, 70000);
		for (i = 0; i < 40; i++)
			receive_frame(60 + 100 * i, i);
	}
}
END_TEST

/* passt before August 2024 depends on it. A socket that is full ends where a piece does. */
START_TEST(no_piece_ends_within_a_frame)
{
	int queued = 0;
	unsigned i;

	start();
	for (i = 0; i < FRAMES_MAX; i++)
		prepare(9000);
	send_from(0);
	ck_assert(wait_for(!ioctl(peer, FIONREAD, &queued) && queued > 100000));
	usleep(50000);
	ck_assert_int_eq(ioctl(peer, FIONREAD, &queued), 0);
	ck_assert_int_lt(queued, FRAMES_MAX * 9004);
	ck_assert_int_eq(queued % 9004, 0);
}
END_TEST

/* ---- connections --------------------------------------------------------------------------- */

START_TEST(without_a_peer_the_link_is_down_until_there_is_one)
{
	log_capture_begin();
	watch_link();
	ck_assert(!is_up);
	prepare(60);
	send_from(0);
	ck_assert(wait_for(nsent == 1));
	ck_assert_int_eq(results[0], -ENETDOWN);
	ck_assert_int_eq(receive_now(), -EAGAIN);
	usleep(500000); /* several attempts */
	ck_assert_uint_eq(count_lines(log_capture_end()), 1);
	listen_there();
	accept_peer();
	write_frame(60, 1, 64);
	receive_frame(60, 1);
}
END_TEST

/* The port waits for a frame all the while. */
START_TEST(a_peer_that_dies_and_comes_back_is_connected_again)
{
	unsigned life;

	start();
	unit_call(loops[1], begin_watch, NULL);
	for (life = 0; life < 3; life++) {
		end_peer();
		end_listening();
		ck_assert(wait_for(is_up == false));
		listen_there();
		accept_peer();
	}
	write_frame(60, 1, 64);
	ck_assert(comes());
	receive_frame(60, 1);
	nframes = 0;
	prepare(100);
	send_from(0);
	expect_frame(100, 0, 200);
}
END_TEST

/* Each connection begins with a length, whatever the one before ended with. */
START_TEST(what_was_on_its_way_ends_with_its_connection)
{
	unsigned i;

	start();
	write_all("\0\0\1", 3, 3);
	for (i = 0; i < 20; i++)
		prepare(LENGTH_MAX);
	send_from(0);
	read_all(room[FRAMES_MAX - 1], 40000, 40000);
	end_peer();
	ck_assert(wait_for(nsent == 20));
	ck_assert_int_eq(results[19], -ENETDOWN);
	ck_assert(wait_for(is_up == false));
	accept_peer();
	prepare(77);
	send_from(20);
	expect_frame(77, 20, 100);
	write_frame(60, 1, 64);
	receive_frame(60, 1);
}
END_TEST

START_TEST(what_is_no_frame_ends_the_connection_with_one_line)
{
	static const uint32_t bad[] = { 0, 1, 13, LENGTH_MAX + 1, 1 << 24, UINT32_MAX };
	uint32_t prefix = htonl(bad[_i]);
	char byte;

	start();
	log_capture_begin();
	write_frame(60, 1, 64); /* what was there before is good */
	write_all(&prefix, sizeof(prefix), sizeof(prefix));
	receive_frame(60, 1);
	ck_assert_int_eq(receive_now(), -EAGAIN);
	unit_call(loops[1], begin_watch, NULL);
	ck_assert(wait_for(is_up == false));
	ck_assert_uint_eq(count_lines(log_capture_end()), 1);
	ck_assert_int_eq(recv(peer, &byte, 1, 0), 0);
	end_peer();
	accept_peer();
	write_frame(61, 2, 64);
	receive_frame(61, 2);
}
END_TEST

/* 100, 200, 400 ... ms between connections that do not last. */
START_TEST(a_peer_that_hangs_up_is_not_bothered_all_the_time)
{
	unsigned count = 0;
	uint64_t end;

	start();
	unit_call(loops[1], begin_watch, NULL);
	end = loop_now() + 2000000000ull;
	while (loop_now() < end) {
		end_peer();
		peer = accept(listener, NULL, NULL);
		count++;
	}
	ck_assert_uint_ge(count, 3);
	ck_assert_uint_le(count, 6);
}
END_TEST

START_TEST(a_path_too_long_is_refused_with_a_reason)
{
	struct net_backend *other;
	char text[200];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(passt_open(text, &other, &why), -ENAMETOOLONG);
	ck_assert_ptr_nonnull(strstr(why.text, "too long"));
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(frames_follow_their_length_on_the_wire),
		TIMES(a_peer_that_is_slow_gets_all_in_order, 4),
		TIMES(frames_are_cut_out_of_pieces_of_any_size, 5),
		ONCE(many_frames_of_one_piece_come_one_by_one),
		ONCE(no_piece_ends_within_a_frame),
		ONCE(without_a_peer_the_link_is_down_until_there_is_one),
		ONCE(a_peer_that_dies_and_comes_back_is_connected_again),
		ONCE(what_was_on_its_way_ends_with_its_connection),
		TIMES(what_is_no_frame_ends_the_connection_with_one_line, 6),
		ONCE(a_peer_that_hangs_up_is_not_bothered_all_the_time),
		ONCE(a_path_too_long_is_refused_with_a_reason),
	};

	sem_init(&answered, 0, 0);
	return unit_main("net-passt", setup, teardown, tests, ARRAY_SIZE(tests));
}
