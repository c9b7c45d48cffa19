/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * calls.c: what the daemon calls and does for a request, counted exactly.
 *
 *   calls               all workloads: lines "WORKLOAD COUNT PER-REQUEST"
 *   calls NAME ROUNDS   one workload, uncounted, for a profiler
 *
 * The daemon runs in a child, the model guest here. A burst is put on the ring
 * while the daemon rests, then the doorbell is rung, once; when all is done and
 * the daemon rests again comes the next. So a burst is one batch however fast
 * who is, and its counts are the same in each run. They are taken between two
 * rests, after the first bursts have warmed everything up. A window in which
 * the daemon made its look, once a second, whether the guest is still there is
 * measured again.
 *
 * In a closed loop each request is sent again on its interrupt: how many gather
 * depends on how fast guest and daemon are, so its counts are only shown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/bench.h"
#include "unit/disk.h"
#include "unit/model.h"
#include "unit/unit.h"

#define MOST    32u
#define WAIT_MS 10000
#define WARM_UP 4
#define WINDOWS 3
#define TRIES   100
#define DISK    "bdf=00:06.0,null=64M"
#define POLLED  DISK ",busy-poll=10000"

struct workload {
	const char *name;
	enum gdma_kind memory;
	unsigned requests; /* at once */
	unsigned rounds;   /* of so many, in a window */
	uint32_t bytes;
	const char *workers;
	bool closed_loop;
	const char *disk;
};

static const struct workload workloads[] = {
	{ "burst-grants-1", GDMA_GRANTS, 1, 32, 4096, "1", false, DISK },
	{ "burst-grants-1-workers-0", GDMA_GRANTS, 1, 32, 4096, "0", false, DISK },
	{ "burst-grants-8", GDMA_GRANTS, 8, 16, 4096, "1", false, DISK },
	{ "burst-grants-32", GDMA_GRANTS, 32, 16, 4096, "1", false, DISK },
	{ "burst-grants-8-of-128k", GDMA_GRANTS, 8, 16, 128 << 10, "1", false, DISK },
	{ "burst-grants-32-workers-0", GDMA_GRANTS, 32, 16, 4096, "0", false, DISK },
	{ "burst-foreign-1", GDMA_PLAIN, 1, 32, 4096, "1", false, DISK },
	{ "burst-foreign-1-workers-0", GDMA_PLAIN, 1, 32, 4096, "0", false, DISK },
	{ "burst-foreign-8", GDMA_PLAIN, 8, 16, 4096, "1", false, DISK },
	{ "burst-foreign-32", GDMA_PLAIN, 32, 16, 4096, "1", false, DISK },
	{ "burst-foreign-8-of-128k", GDMA_PLAIN, 8, 16, 128 << 10, "1", false, DISK },
	{ "burst-foreign-32-workers-0", GDMA_PLAIN, 32, 16, 4096, "0", false, DISK },
	{ "loop-grants-1", GDMA_GRANTS, 1, 128, 4096, "1", true, DISK },
	{ "loop-grants-32", GDMA_GRANTS, 32, 16, 4096, "1", true, DISK },
	{ "loop-foreign-1", GDMA_PLAIN, 1, 128, 4096, "1", true, DISK },
	{ "loop-foreign-32", GDMA_PLAIN, 32, 16, 4096, "1", true, DISK },
	{ "loop-foreign-1-polled", GDMA_PLAIN, 1, 128, 4096, "1", true, POLLED },
	{ "loop-grants-1-polled", GDMA_GRANTS, 1, 128, 4096, "1", true, POLLED },
};

struct counts {
	unsigned calls[FAKE_NR_CALLS];
	unsigned own[TRACE_KINDS];
	unsigned xen, asked, kicks, messages;
};

static struct disk disk; /* the driver's half: the device is the daemon's */
static struct request *requests[MOST];
static struct fake_child *daemon_child;
static const struct trace_counts *traced;
static const struct workload *only;
static unsigned only_rounds;
static char directory[] = "/tmp/xenvirtiod-bench-XXXXXX";

/* ---- the guest's work --------------------------------------------------------------- */

static void collect(unsigned count)
{
	ck_assert(gvirtio_wait(&disk.v, disk.ring, WAIT_MS));
	ck_assert(requests_wait(&disk, count));
	ck_assert(gring_enable_cb(disk.ring));
}

static void burst(const struct workload *w)
{
	unsigned i, kicks = disk.ring->kicks;

	for (i = 0; i < w->requests; i++)
		request_add(&disk, requests[i], FAKE_PAGE);
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert_uint_eq(disk.ring->kicks, kicks + 1);
	collect(w->requests);
	ck_assert(idle_wait(fake_pid(daemon_child)));
}

/* All that is done is sent again; returns how much that was. */
static unsigned resend(unsigned most)
{
	struct request *request;
	unsigned sent = 0;
	uint32_t used;

	while (sent < most && (request = gring_get(disk.ring, &used))) {
		request_add(&disk, request, FAKE_PAGE);
		sent++;
	}
	gvirtio_kick(&disk.v, disk.ring);
	return sent;
}

static void closed_loop(const struct workload *w, unsigned rounds)
{
	unsigned left = (rounds - 1) * w->requests, i;

	for (i = 0; i < w->requests; i++)
		request_add(&disk, requests[i], FAKE_PAGE);
	gvirtio_kick(&disk.v, disk.ring);
	while (left) {
		ck_assert(gvirtio_wait(&disk.v, disk.ring, WAIT_MS));
		do {
			gring_disable_cb(disk.ring);
			left -= resend(left);
		} while (left && !gring_enable_cb(disk.ring));
	}
	ck_assert(requests_wait(&disk, w->requests));
	gring_enable_cb(disk.ring);
	ck_assert(idle_wait(fake_pid(daemon_child)));
}

static void run(const struct workload *w, unsigned rounds)
{
	if (w->closed_loop)
		closed_loop(w, rounds);
	else
		while (rounds--)
			burst(w);
}

/* ---- counting ------------------------------------------------------------------------- */

static struct counts counts_now(void)
{
	struct counts now = { .xen = fake_syscalls(),
			      .asked = traced->asked,
			      .kicks = disk.ring->kicks,
			      .messages = fake_msi_total() };
	unsigned i;

	for (i = 0; i < FAKE_NR_CALLS; i++)
		now.calls[i] = fake_calls(i);
	for (i = 0; i < TRACE_KINDS; i++)
		now.own[i] = traced->own[i];
	return now;
}

static struct counts counts_since(const struct counts *before)
{
	struct counts now = counts_now();
	unsigned i;

	for (i = 0; i < FAKE_NR_CALLS; i++)
		now.calls[i] -= before->calls[i];
	for (i = 0; i < TRACE_KINDS; i++)
		now.own[i] -= before->own[i];
	now.xen -= before->xen;
	now.asked -= before->asked;
	now.kicks -= before->kicks;
	now.messages -= before->messages;
	return now;
}

static struct counts window(const struct workload *w)
{
	struct counts before, c;
	unsigned tries = TRIES;

	do {
		before = counts_now();
		run(w, w->rounds);
		c = counts_since(&before);
	} while (c.calls[FAKE_DM_INFO] && --tries);
	ck_assert_uint_gt(tries, 0);
	return c;
}

static unsigned calls_between(const struct counts *c, enum fake_call first, enum fake_call last)
{
	unsigned sum = 0, i;

	for (i = first; i <= last; i++)
		sum += c->calls[i];
	return sum;
}

/* The fake polls and reads once for each event; more than that is no doing of its. */
static unsigned own_calls(const struct counts *c)
{
	unsigned fakes = 2 * c->calls[FAKE_EVTCHN_PENDING], i;
	unsigned sum = c->asked > fakes ? c->asked - fakes : 0;

	for (i = 0; i < TRACE_KINDS; i++)
		sum += c->own[i];
	return sum;
}

static void print(const struct workload *w, const char *what, unsigned count)
{
	printf("%s %s %.6f\n", w->name, what, (double)count / (w->requests * w->rounds));
}

static void print_counts(const struct workload *w, const struct counts *c)
{
	unsigned enter = c->own[SYS_io_uring_enter];
	unsigned read_write = c->own[SYS_read] + c->own[SYS_write];
	unsigned own = own_calls(c);

	print(w, "all", c->xen + own);
	print(w, "grant-ioctls", calls_between(c, FAKE_GRANT_MAP, FAKE_GRANT_COPY));
	print(w, "mapping", calls_between(c, FAKE_FOREIGN_MAP, FAKE_RESOURCE_UNMAP));
	print(w, "events", calls_between(c, FAKE_EVTCHN_BIND, FAKE_EVTCHN_UNMASK));
	print(w, "dm-ops", calls_between(c, FAKE_DM_CREATE, FAKE_DM_MODIFIED));
	print(w, "io_uring", enter);
	print(w, "read-write", read_write);
	print(w, "other", own - enter - read_write);
	print(w, "doorbells", c->kicks);
	print(w, "interrupts", c->messages);
}

/* ---- one workload ----------------------------------------------------------------------- */

/* The tracer is no ancestor of the daemon. */
static int traceable_main(int argc, char **argv)
{
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	return xenvirtiod_main(argc, argv);
}

static void start_driver(const struct workload *w)
{
	const struct disk_config config = { .memory = w->memory };
	struct gpci *pci = &disk.v.pci;
	unsigned i;

	ck_assert(gpci_linux(pci, 0, MODEL_BDF, RIG_BAR));
	gpci_enable(pci, true);
	ck_assert(gvirtio_probe(&disk.v));
	disk_driver_start(&disk, &config);
	for (i = 0; i < w->requests; i++)
		requests[i] = request_new(VIRTIO_BLK_T_IN, guest_random(1 << 16), 0, w->bytes);
}

static void measure(const struct workload *w)
{
	struct counts first, c;
	unsigned i;

	traced = trace_start(fake_pid(daemon_child));
	run(w, WARM_UP);
	first = window(w);
	print_counts(w, &first);
	for (i = 1; i < WINDOWS; i++) {
		c = window(w);
		print_counts(w, &c);
		ck_assert_msg(w->closed_loop || !memcmp(&c, &first, sizeof(c)),
			      "%s: not the same counts in each window", w->name);
	}
}

START_TEST(workload)
{
	const struct workload *w = only ? only : &workloads[_i];
	unsigned i;

	daemon_child = fake_spawn(traceable_main, "--domain", FAKE_DOMAIN, "--workers", w->workers,
				  "--blk", w->disk);
	start_driver(w);
	if (only)
		run(w, only_rounds);
	else
		measure(w);
	disk_driver_stop(&disk);
	for (i = 0; i < w->requests; i++)
		request_free(requests[i]);
	fake_terminate(daemon_child);
	if (!only)
		trace_end();
}
END_TEST

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	setenv("RUNTIME_DIRECTORY", directory, 1);
	guest_boot(FAKE_HVM, 2, MODEL_RAM);
}

static void teardown(void)
{
	rmdir(directory);
	fake_end();
}

int main(int argc, char **argv)
{
	struct unit_test tests[] = { TIMES(workload, ARRAY_SIZE(workloads)) };
	unsigned i;

	for (i = 0; argc == 3 && i < ARRAY_SIZE(workloads); i++)
		if (!strcmp(workloads[i].name, argv[1]))
			only = &workloads[i];
	if (only) {
		only_rounds = (unsigned)strtoul(argv[2], NULL, 10);
		tests[0].loops = 1;
	}
	return unit_main("bench-calls", setup, teardown, tests, ARRAY_SIZE(tests));
}
