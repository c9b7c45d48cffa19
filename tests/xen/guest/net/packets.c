/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packets.c: numbered packets by UDP.
 *
 * Theory of operation: the receiver tells how far it has come after each batch, and the
 * sender is never more than a window ahead, so that no queue on the way overflows. Nothing
 * is sent twice: after a while without news, what is on its way counts as lost. The
 * sender says on the TCP connection, "control", that it is done. The peer reads that before
 * it ends: a socket that is closed with something unread sends a reset, and what it had
 * sent before is lost if that has not come yet. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>
#include <sys/socket.h>

#include "net.h"

#define WINDOW_MAX 256    /* packets that may be on their way */
#define IN_FLIGHT  393216 /* bytes, the same */
#define MOMENT     2000   /* ms in which what was sent should have come, on a busy host, too */

static unsigned int window_of(const struct job *job)
{
	return MAX(2, MIN(WINDOW_MAX, IN_FLIGHT / job->size));
}

/* In one piece they may not be more than 64 KiB. */
static unsigned int batch_of(const struct job *job)
{
	unsigned int batch = MIN(BATCH_MAX, window_of(job) / 2);

	return job->segmented ? MAX(1, MIN(batch, PACKET_MAX / job->size)) : batch;
}

static void number_packets(const struct job *job, uint64_t first, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		uint8_t *packet = buf + i * job->size;
		uint64_t sequence = first + i;

		memcpy(packet, &sequence, sizeof(sequence));
		if (!job->unchecked)
			write_pattern(packet + sizeof(sequence), job->size - sizeof(sequence),
				      sequence * PACKET_MAX);
	}
}

/* From @buf, a packet behind the other. Those that cannot be sent are lost. */
static void send_batch(int fd, const struct job *job, unsigned int count)
{
	struct mmsghdr messages[BATCH_MAX] = { 0 };
	struct iovec parts[BATCH_MAX];

	if (job->segmented) {
		send(fd, buf, (size_t)count * job->size, 0);
		return;
	}
	for (unsigned int i = 0; i < count; i++) {
		parts[i] = (struct iovec){ buf + i * job->size, job->size };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	for (unsigned int sent = 0; sent < count;) {
		int n = sendmmsg(fd, messages + sent, count - sent, 0);

		sent += MAX(1, n);
	}
}

static uint64_t acknowledged(int fd, uint64_t before, uint64_t sent)
{
	struct result news;

	if (recv(fd, &news, sizeof(news), 0) == sizeof(news))
		return MAX(before, news.next);
	return errno == EAGAIN ? sent : before;
}

static void send_packets(int control, int fd, const struct job *job)
{
	const unsigned int window = window_of(job), batch = batch_of(job);
	uint64_t sent = 0, known = 0;

	set_timeout(fd, 4 * MOMENT);
	if (job->segmented)
		set_option(fd, IPPROTO_UDP, UDP_SEGMENT, job->size);
	while (sent < job->count) {
		unsigned int count = MIN(batch, job->count - sent);

		while (sent - known + count > window)
			known = acknowledged(fd, known, sent);
		number_packets(job, sent, count);
		send_batch(fd, job, count);
		sent += count;
	}
	while (known < sent)
		known = acknowledged(fd, known, sent);
	send_all(control, "", 1);
}

static void look_at(const uint8_t *packet, size_t bytes, const struct job *job,
		    struct result *result)
{
	uint64_t sequence;

	memcpy(&sequence, packet, sizeof(sequence));
	result->amount++;
	if (bytes != job->size || sequence >= job->count ||
	    (!job->unchecked && !has_pattern(packet + sizeof(sequence), bytes - sizeof(sequence),
					     sequence * PACKET_MAX))) {
		result->wrong++;
		return;
	}
	result->late += sequence < result->next;
	result->next = MAX(result->next, sequence + 1);
}

/* One batch of what has come, at least one packet; false after a moment without any. */
static bool receive_batch(int fd, const struct job *job, struct result *result)
{
	struct mmsghdr messages[BATCH_MAX] = { 0 };
	struct iovec parts[BATCH_MAX];
	int n;

	for (unsigned int i = 0; i < BATCH_MAX; i++) {
		parts[i] = (struct iovec){ buf + i * PACKET_MAX, PACKET_MAX };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(fd, messages, BATCH_MAX, MSG_WAITFORONE, NULL);
	for (int i = 0; i < n; i++)
		if (messages[i].msg_len >= PACKET_MIN)
			look_at(buf + i * PACKET_MAX, messages[i].msg_len, job, result);
	return n > 0;
}

/* Whether the sender has said that it is done. */
static bool is_done(int control)
{
	char byte;

	return recv(control, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static struct result receive_packets(int control, int fd, const struct job *job)
{
	const unsigned int batch = batch_of(job);
	struct result result = { 0 };
	uint64_t told = 0;

	set_timeout(fd, MOMENT);
	while (result.next < job->count) {
		if (!receive_batch(fd, job, &result) && is_done(control))
			break;
		if (result.amount >= told + batch || result.next == job->count) {
			told = result.amount;
			send(fd, &result, sizeof(result), 0);
		}
	}
	return result;
}

static void widen(int fd)
{
	set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20);
}

/* The peer's UDP socket: it says its port, and learns the client's from the first packet. */
static int meet_client(int control)
{
	int fd = listening(SOCK_DGRAM, 0);
	struct sockaddr_in6 address;
	socklen_t length = sizeof(address);
	char byte;

	widen(fd);
	set_timeout(fd, PATIENCE * 1000);
	getsockname(fd, (struct sockaddr *)&address, &length);
	send_all(control, &address.sin6_port, sizeof(address.sin6_port));
	length = sizeof(address);
	if (recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&address, &length) < 0 ||
	    connect(fd, (struct sockaddr *)&address, length))
		err(1, "no first packet");
	send_all(control, "", 1);
	return fd;
}

static int meet_peer(int control, const char *address)
{
	uint16_t port;
	char byte;
	int fd;

	receive_all(control, &port, sizeof(port));
	fd = connected(SOCK_DGRAM, address, ntohs(port));
	widen(fd);
	send(fd, "", 1, 0);
	receive_all(control, &byte, 1);
	return fd;
}

static int report_packets(const char *mode, const struct job *job, struct result result,
			  double began)
{
	double time = now() - began;
	uint64_t lost = job->count - MIN(job->count, result.amount);

	printf("NET %s: %llu of %u bytes, %llu lost, %llu wrong, %llu late, %.2f s, %.1f k/s\n",
	       mode, (unsigned long long)job->count, job->size, (unsigned long long)lost,
	       (unsigned long long)result.wrong, (unsigned long long)result.late, time,
	       job->count / time / 1e3);
	return lost || result.wrong || result.late;
}

int run_out(uint32_t mode, char **arg)
{
	struct job job =
		job_of(mode, number(arg[1], PACKET_MIN, PACKET_MAX), number(arg[2], 1, UINT32_MAX));
	int control = hire(arg[0], &job), fd = meet_peer(control, arg[0]);
	double began = now();
	struct result result;

	send_packets(control, fd, &job);
	receive_all(control, &result, sizeof(result));
	return report_packets("out", &job, result, began);
}

void serve_out(int control, const struct job *job)
{
	struct result result = receive_packets(control, meet_client(control), job);
	char byte;

	receive_all(control, &byte, 1);
	send_all(control, &result, sizeof(result));
}

int run_in(uint32_t mode, char **arg)
{
	struct job job =
		job_of(mode, number(arg[1], PACKET_MIN, PACKET_MAX), number(arg[2], 1, UINT32_MAX));
	int control = hire(arg[0], &job), fd = meet_peer(control, arg[0]);
	double began = now();

	return report_packets("in", &job, receive_packets(control, fd, &job), began);
}

void serve_in(int control, const struct job *job)
{
	send_packets(control, meet_client(control), job);
}

int run_flood(uint32_t mode, char **arg)
{
	struct job job = job_of(mode, number(arg[1], PACKET_MIN, PACKET_MAX), 0);
	int fd = connected(SOCK_DGRAM, arg[0], port);
	double began = now(), end = began + number(arg[2], 1, 3600);

	for (; now() < end; job.count += BATCH_MAX)
		send_batch(fd, &job, BATCH_MAX);
	printf("NET flood: %llu of %u bytes, %.1f k/s\n", (unsigned long long)job.count, job.size,
	       job.count / (now() - began) / 1e3);
	return 0;
}
