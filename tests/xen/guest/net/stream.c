/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream.c: bytes by TCP. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"

#define CHUNK 65536 /* bytes in one call */

static void send_stream(int fd, uint64_t bytes)
{
	for (uint64_t done = 0; done < bytes; done += CHUNK) {
		size_t now_bytes = MIN(CHUNK, bytes - done);

		if (!unchecked)
			write_pattern(buf, now_bytes, done);
		send_all(fd, buf, now_bytes);
	}
}

static struct result receive_stream(int fd, uint64_t bytes)
{
	struct result result = { 0 };

	for (; result.amount < bytes; result.amount += CHUNK) {
		size_t now_bytes = MIN(CHUNK, bytes - result.amount);

		receive_all(fd, buf, now_bytes);
		if (!unchecked && !has_pattern(buf, now_bytes, result.amount))
			result.wrong++;
	}
	return result;
}

static int report_stream(const char *mode, uint64_t bytes, struct result result, double began)
{
	double time = now() - began;

	printf("NET %s: %.1f MiB, %llu chunks wrong, %.2f s, %.1f MiB/s\n", mode, bytes / 1048576.0,
	       (unsigned long long)result.wrong, time, bytes / 1048576.0 / time);
	return result.wrong != 0;
}

int run_send(uint32_t mode, char **arg)
{
	struct job job = job_of(mode, 0, number(arg[1], 1, 1 << 20) << 20);
	double began = now();
	int peer = hire(arg[0], &job);
	struct result result;

	send_stream(peer, job.count);
	receive_all(peer, &result, sizeof(result));
	return report_stream("send", job.count, result, began);
}

void serve_send(int peer, const struct job *job)
{
	struct result result = receive_stream(peer, job->count);

	send_all(peer, &result, sizeof(result));
}

int run_receive(uint32_t mode, char **arg)
{
	struct job job = job_of(mode, 0, number(arg[1], 1, 1 << 20) << 20);
	double began = now();
	int peer = hire(arg[0], &job);

	return report_stream("receive", job.count, receive_stream(peer, job.count), began);
}

void serve_receive(int peer, const struct job *job)
{
	send_stream(peer, job->count);
}

int run_round(uint32_t mode, char **arg)
{
	struct job job =
		job_of(mode, number(arg[1], PACKET_MIN, PACKET_MAX), number(arg[2], 1, UINT32_MAX));
	double began = now(), last = began, longest = 0;
	int peer = hire(arg[0], &job);
	uint64_t wrong = 0;

	for (uint64_t i = 0; i < job.count; i++) {
		write_pattern(buf, job.size, i);
		send_all(peer, buf, job.size);
		memset(buf, 0, job.size);
		receive_all(peer, buf, job.size);
		wrong += !has_pattern(buf, job.size, i);
		longest = MAX(longest, now() - last);
		last = now();
	}
	printf("NET round: %llu of %u bytes, %llu wrong, %.0f us each, longest %.0f ms\n",
	       (unsigned long long)job.count, job.size, (unsigned long long)wrong,
	       (last - began) * 1e6 / job.count, longest * 1e3);
	return wrong != 0;
}

void serve_round(int peer, const struct job *job)
{
	for (uint64_t i = 0; i < job->count; i++) {
		receive_all(peer, buf, job->size);
		send_all(peer, buf, job->size);
	}
}

/* Two connections: the child's is the other direction. */
int run_both(uint32_t mode, char **arg)
{
	pid_t child = fork();
	int failed, status;

	if (child < 0)
		err(1, "fork");
	/* The modes before this one are "send" and "receive". */
	failed = child ? run_send(mode - 2, arg) : run_receive(mode - 1, arg);
	if (!child)
		exit(failed);
	return waitpid(child, &status, 0) != child || status || failed;
}
