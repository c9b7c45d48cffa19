/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traffic with checks between a guest and its peer, linked statically.
 *   net serve                       the peer, until it is killed
 *   net send ADDRESS MIB            by TCP to the peer
 *   net receive ADDRESS MIB         from the peer
 *   net both ADDRESS MIB            both at the same time
 *   net round ADDRESS SIZE COUNT    requests of SIZE bytes by TCP, and their answers
 *   net out ADDRESS SIZE COUNT      UDP packets with SIZE bytes to the peer
 *   net in ADDRESS SIZE COUNT       from the peer
 *   net flood ADDRESS SIZE SECONDS  UDP packets that nobody reads or counts
 * ADDRESS is an IPv4 or IPv6 one, SIZE 8 to 65000. Each mode ends with one line,
 * "NET mode: ...". Exit status 0: all has come, in order, and nothing was wrong.
 * Options before the mode:
 *   -n  data is neither made nor looked at, for benchmarks
 *   -g  UDP is handed to the kernel in one piece for many packets (UDP_SEGMENT)
 *   -p PORT  the peer's, in place of 5000
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net.h"

bool unchecked, segmented;
uint16_t port = 5000;
uint8_t buf[BATCH_MAX * PACKET_MAX];

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

uint64_t number(const char *text, uint64_t least, uint64_t most)
{
	uint64_t value = strtoull(text, NULL, 0);

	if (value < least || value > most)
		errx(2, "%s is not between %llu and %llu", text, (unsigned long long)least,
		     (unsigned long long)most);
	return value;
}

void write_pattern(uint8_t *data, size_t bytes, uint64_t position)
{
	for (size_t done = 0; done < bytes; done += sizeof(uint64_t), position++) {
		uint64_t word = position * 0x9e3779b97f4a7c15ull ^ position >> 7;

		memcpy(data + done, &word, MIN(sizeof(word), bytes - done));
	}
}

bool has_pattern(const uint8_t *data, size_t bytes, uint64_t position)
{
	static uint8_t pattern[65536];

	write_pattern(pattern, bytes, position);
	return !memcmp(data, pattern, bytes);
}

static int run_serve(uint32_t mode, char **arg);

struct mode {
	const char *name;
	int arguments;
	int (*run)(uint32_t mode, char **arg);
	void (*serve)(int peer, const struct job *job);
};

static const struct mode modes[] = {
	{ "serve", 0, run_serve, NULL },
	{ "send", 2, run_send, serve_send },
	{ "receive", 2, run_receive, serve_receive },
	{ "both", 2, run_both, NULL },
	{ "round", 3, run_round, serve_round },
	{ "out", 3, run_out, serve_out },
	{ "in", 3, run_in, serve_in },
	{ "flood", 3, run_flood, NULL },
};

#define MODES (sizeof(modes) / sizeof(modes[0]))

static void serve_client(int peer)
{
	struct job job;

	prepare_stream(peer);
	receive_all(peer, &job, sizeof(job));
	if (job.mode >= MODES || !modes[job.mode].serve || job.size > PACKET_MAX)
		errx(1, "the client asks for mode %u", job.mode);
	unchecked = job.unchecked;
	modes[job.mode].serve(peer, &job);
	printf("served %s, %u, %llu\n", modes[job.mode].name, job.size,
	       (unsigned long long)job.count);
}

static int run_serve(uint32_t mode, char **arg)
{
	int door = listening(SOCK_STREAM, port);
	int floods = listening(SOCK_DGRAM, port); /* so that nothing is sent back */

	(void)mode;
	(void)arg;
	signal(SIGCHLD, SIG_IGN);
	printf("ready\n");
	for (;;) {
		int peer = accept(door, NULL, NULL);

		if (peer < 0)
			continue;
		if (!fork()) {
			close(door); /* who comes after us may want it */
			close(floods);
			serve_client(peer);
			exit(0);
		}
		close(peer);
	}
}

int main(int argc, char **argv)
{
	int option;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt(argc, argv, "+ngp:")) == 'n' || option == 'g' || option == 'p') {
		unchecked |= option == 'n';
		segmented |= option == 'g';
		if (option == 'p')
			port = number(optarg, 1, UINT16_MAX);
	}
	argv += optind;
	argc -= optind;
	for (uint32_t i = 0; i < MODES; i++)
		if (argc && !strcmp(argv[0], modes[i].name) && argc - 1 == modes[i].arguments)
			return modes[i].run(i, argv + 1);
	errx(2, "usage: see main.c");
}
