/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blk.c: what requests cost a server of virtio-blk, with Xen replaced by its fake:
 *
 *   blk SERVER STORE DEPTH BYTES MS
 *
 * prints one line, "SERVER STORE DEPTH BYTES REQUESTS-PER-SECOND CPU-US MAIN-US CALLS", the last
 * three for each request. Each run has a server of its own.
 */
#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "bench/blk.h"
#include "fake/fake.h"
#include "unit/unit.h"

#define WARM_UP_MS 200

static const struct blk_server *const servers[] = { &blk_foreign, &blk_workers_0, &blk_grants,
						    &blk_storage_daemon, &blk_qemu };
static const struct blk_server *server;
static struct blk_load load;
static unsigned run_ms;
static char directory[64], image[80];

/* Each 4 KiB begin with their number. */
static void make_image(void)
{
	uint64_t block[FAKE_PAGE / 8] = { 0 };
	int fd = open(image, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	for (; block[0] < BLK_DISK / sizeof(block); block[0]++)
		ck_assert_int_eq(write(fd, block, sizeof(block)), sizeof(block));
	close(fd);
}

static void print(uint64_t requests, const struct blk_cost *from, const struct blk_cost *to,
		  bool calls)
{
	double n = (double)requests;

	printf("%s %s %u %u %.0f %.4f %.4f ", server->name, load.stamped ? "file" : "null",
	       load.depth, load.bytes, n * 1e9 / (double)(to->ns - from->ns),
	       (double)(to->cpu_ns - from->cpu_ns) / n / 1000,
	       (double)(to->main_ns - from->main_ns) / n / 1000);
	if (calls)
		printf("%.4f\n", (double)(to->calls - from->calls) / n);
	else
		puts("-");
}

/* Threads and children follow. Where there is one CPU only, that is it for all. */
static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % get_nprocs(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

START_TEST(cost)
{
	struct blk_memory memory;
	struct blk_cost from, to;
	uint64_t requests;
	bool calls;

	run_on(1);
	memory = server->start(directory, load.stamped ? image : NULL);
	run_on(0);
	load_prepare(server, &memory, &load);
	load_run(WARM_UP_MS);
	calls = cost_open(server->pid());
	from = cost_now(server);
	requests = load_run(run_ms);
	to = cost_now(server);
	print(requests, &from, &to, calls);
	server->stop();
}
END_TEST

static void setup(void)
{
	const char *temporary = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%s/blk-XXXXXX", temporary ? temporary : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	setenv("RUNTIME_DIRECTORY", directory, 1);
	snprintf(image, sizeof(image), "%s/image", directory);
	if (load.stamped)
		make_image();
}

static void teardown(void)
{
	unlink(image);
	rmdir(directory);
	fake_end();
}

static bool parse(char **arg)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(servers); i++)
		if (!strcmp(servers[i]->name, arg[0]))
			server = servers[i];
	load = (struct blk_load){ .stamped = !strcmp(arg[1], "file"),
				  .depth = (unsigned)strtoul(arg[2], NULL, 10),
				  .bytes = (uint32_t)strtoul(arg[3], NULL, 10) };
	run_ms = (unsigned)strtoul(arg[4], NULL, 10);
	return server && load.depth && load.bytes && run_ms;
}

int main(int argc, char **argv)
{
	const struct unit_test tests[] = { ONCE(cost) };

	if (argc != 6 || !parse(argv + 1)) {
		fprintf(stderr, "usage: blk SERVER STORE DEPTH BYTES MS\n");
		return 2;
	}
	return unit_main("bench-blk", setup, teardown, tests, ARRAY_SIZE(tests));
}
