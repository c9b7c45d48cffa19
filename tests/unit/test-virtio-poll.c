/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-virtio-poll.c: an empty queue that is looked at for a while, so that its driver
 * need not ring.
 */
#include <pthread.h>
#include <time.h>

#include "unit/probe.h"
#include "unit/unit.h"

#define MS    1000000ull
#define LIMIT (800 * MS)
#define EVER  (3600000 * MS) /* no test takes as long */
#define SIZE  64

static struct probe probe;

#define VARIANTS 4

/* With event indexes or flags; on main, or on one worker all of them. */
static void start(int variant, uint64_t limit)
{
	probe_start(&probe, MEMORY_AUTO, variant & 2 ? 1 : 0);
	if (variant & 1)
		probe.rig.device.offered &= ~BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	probe.rig.device.busy_poll_ns = limit;
	probe_drive(&probe, GDMA_PLAIN, GIRQ_NONE, SIZE);
}

static struct loop *loop(void)
{
	return probe.queues[0]->worker->loop;
}

static void look_at_window(void *arg)
{
	*(uint64_t *)arg = probe.queues[0]->poll.window;
}

static uint64_t window(void)
{
	uint64_t now;

	unit_call(loop(), look_at_window, &now);
	return now;
}

static void set_windows(void *arg)
{
	unsigned i;

	for (i = 0; i < PROBE_QUEUES; i++)
		probe.queues[i]->poll.window = *(uint64_t *)arg;
}

/* A request, and its answer; the driver rings if it is asked to. */
static void request(unsigned queue)
{
	struct gring *ring = probe.v.ring[queue];
	uint32_t length;

	probe_offer(&probe, queue, probe_page);
	gvirtio_kick(&probe.v, ring);
	ck_assert(wait_for(gring_more(ring)));
	ck_assert_ptr_nonnull(gring_get(ring, &length));
}

/* All queues are looked at from here on. */
static void poll_for(uint64_t ns)
{
	unsigned i;

	unit_call(loop(), set_windows, &ns);
	for (i = 0; i < PROBE_QUEUES; i++)
		request(i);
}

static unsigned kicks(void)
{
	unsigned i, sum = 0;

	for (i = 0; i < PROBE_QUEUES; i++)
		sum += probe.v.ring[i]->kicks;
	return sum;
}

/* Of the thread that looks, which has no other work. */
static uint64_t cpu_time(void)
{
	pthread_t thread = probe.rig.workers[0].own_thread ? probe.rig.workers[0].thread
							   : probe.rig.thread;
	struct timespec time;
	clockid_t clock;

	ck_assert_int_eq(pthread_getcpuclockid(thread, &clock), 0);
	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000 * MS + (uint64_t)time.tv_nsec;
}

/* No turn in 50 ms, soon. */
static bool sleeps(void)
{
	uint64_t before = 0, now = cpu_time();
	unsigned tries;

	for (tries = 0; tries < 20 && now != before; tries++) {
		before = now;
		unit_nap_us(50000);
		now = cpu_time();
	}
	return now == before;
}

/* ---- in the window -------------------------------------------------------------------- */

START_TEST(requests_in_the_window_need_no_doorbell)
{
	unsigned i, before;

	start(_i, EVER);
	poll_for(EVER);
	before = kicks();
	for (i = 0; i < 200; i++)
		request(i % PROBE_QUEUES);
	ck_assert_uint_eq(kicks(), before);
	probe_stop(&probe);
}
END_TEST

/* A doorbell for nothing changes nothing. */
START_TEST(a_doorbell_does_not_end_the_window)
{
	unsigned i, before;

	start(_i, EVER);
	poll_for(EVER);
	gvirtio_kick_always(&probe.v, probe.v.ring[0]);
	probe_settle(&probe, 0);
	before = kicks();
	for (i = 0; i < 10; i++)
		request(0);
	ck_assert_uint_eq(kicks(), before);
	probe_stop(&probe);
}
END_TEST

static void fired(struct loop_timer *timer)
{
	timer->due = 0;
}

static struct loop_timer timer = { .fire = fired };

static void arm(void *arg)
{
	loop_timer(arg, &timer, 10 * MS);
}

struct flood {
	pthread_t thread;
	atomic_bool stop;
	unsigned requests;
};

static void *flood(void *arg)
{
	struct flood *flood = arg;

	for (; !flood->stop; flood->requests++)
		request(0);
	return NULL;
}

/* One is looked at in vain, one is never empty for long: the third, messages and timers
 * are served all the same. */
START_TEST(queues_of_a_loop_do_not_starve_each_other)
{
	struct flood all = { 0 };
	unsigned i;

	start(_i, EVER);
	poll_for(EVER);
	ck_assert_int_eq(pthread_create(&all.thread, NULL, flood, &all), 0);
	for (i = 0; i < 200; i++)
		request(1);
	unit_call(loop(), arm, loop());
	ck_assert(wait_for(!*(volatile uint64_t *)&timer.due));
	all.stop = true;
	pthread_join(all.thread, NULL);
	ck_assert_uint_gt(all.requests, 10);
	probe_stop(&probe);
}
END_TEST

static void spin(uint64_t ns)
{
	uint64_t end = fake_now_ns() + ns;

	while (fake_now_ns() < end)
		;
}

static bool spin_for_answer(const struct gring *ring)
{
	uint64_t end = fake_now_ns() + 10000 * MS;

	while (!gring_more(ring) && fake_now_ns() < end)
		;
	return gring_more(ring);
}

/* ---- its end -------------------------------------------------------------------------- */

START_TEST(after_the_window_an_idle_queue_costs_nothing)
{
	unsigned before;

	start(_i, LIMIT);
	poll_for(20 * MS);
	ck_assert(sleeps());
	before = kicks();
	request(0); /* with a doorbell again */
	ck_assert_uint_eq(kicks(), before + 1);
	probe_stop(&probe);
}
END_TEST

START_TEST(without_the_option_nothing_is_looked_at)
{
	unsigned i, before;

	start(_i, 0);
	before = kicks();
	for (i = 0; i < 10; i++) {
		request(0);
		probe_settle(&probe, 0);
	}
	ck_assert_uint_eq(kicks(), before + 10);
	ck_assert(sleeps());
	probe_stop(&probe);
}
END_TEST

/* A driver that does not sleep, around the end of windows of some microseconds; on a busy
 * machine not as often. */
START_TEST(no_doorbell_is_lost_at_the_end_of_the_window)
{
	const uint64_t end = loop_now() + 4000 * MS;
	struct gring *ring;
	uint32_t length;
	unsigned i;

	start(_i, 40000);
	ring = probe.v.ring[0];
	for (i = 0; i < 50000 && loop_now() < end; i++) {
		spin(guest_random(40000));
		probe_offer(&probe, 0, probe_page);
		gvirtio_kick(&probe.v, ring);
		ck_assert(spin_for_answer(ring));
		ck_assert_ptr_nonnull(gring_get(ring, &length));
	}
	probe_stop(&probe);
}
END_TEST

/* ---- how long it is --------------------------------------------------------------------- */

START_TEST(the_window_grows_with_short_pauses_and_ends_with_a_long_one)
{
	uint64_t before = 0, now;
	unsigned i;

	start(_i, LIMIT);
	ck_assert_uint_eq(window(), 0);
	for (i = 0; i < 8; i++) {
		unit_nap_us(5000);
		request(0);
		now = window();
		ck_assert_uint_gt(now, before);
		ck_assert_uint_le(now, before ? 2 * before : MS);
		before = now;
	}
	unit_nap_us(LIMIT / 1000 + 100000);
	request(0);
	ck_assert_uint_eq(window(), 0);
	probe_stop(&probe);
}
END_TEST

START_TEST(the_window_is_no_longer_than_the_limit)
{
	uint64_t almost = LIMIT * 4 / 5;

	start(_i, LIMIT);
	unit_call(loop(), set_windows, &almost);
	unit_nap_us(LIMIT / 1000 * 9 / 10);
	request(0);
	ck_assert(window() == LIMIT || !window()); /* 0 where the host was too busy */
	probe_stop(&probe);
}
END_TEST

/* ---- queues that end ---------------------------------------------------------------------- */

START_TEST(a_reset_ends_the_window)
{
	start(_i, EVER);
	poll_for(EVER);
	gvirtio_remove(&probe.v);
	ck_assert(sleeps());
	probe_drive(&probe, GDMA_PLAIN, GIRQ_NONE, SIZE);
	request(0);
	probe_stop(&probe);
}
END_TEST

START_TEST(a_broken_queue_is_not_looked_at)
{
	unsigned i;

	start(_i, EVER);
	poll_for(EVER);
	for (i = 0; i < PROBE_QUEUES; i++)
		probe.v.ring[i]->avail->idx = (uint16_t)(probe.v.ring[i]->avail_idx + 1000);
	ck_assert(wait_for(gvirtio_read(&probe.v, gvirtio_field(device_status), 1) &
			   VIRTIO_CONFIG_S_NEEDS_RESET));
	ck_assert(sleeps());
	probe_stop(&probe);
}
END_TEST

int main(void)
{
	const int n = VARIANTS;
	const struct unit_test tests[] = {
		TIMES(requests_in_the_window_need_no_doorbell, n),
		TIMES(a_doorbell_does_not_end_the_window, n),
		TIMES(queues_of_a_loop_do_not_starve_each_other, n),
		TIMES(after_the_window_an_idle_queue_costs_nothing, n),
		TIMES(without_the_option_nothing_is_looked_at, n),
		TIMES(no_doorbell_is_lost_at_the_end_of_the_window, n),
		TIMES(the_window_grows_with_short_pauses_and_ends_with_a_long_one, n),
		TIMES(the_window_is_no_longer_than_the_limit, n),
		TIMES(a_reset_ends_the_window, n),
		TIMES(a_broken_queue_is_not_looked_at, n),
	};

	return unit_main("virtio-poll", probe_setup, fake_end, tests, ARRAY_SIZE(tests));
}
