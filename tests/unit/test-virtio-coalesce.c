/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-virtio-coalesce.c: interrupts that wait for more used buffers, or for some time
 * (virtio 1.2, 5.1.6.5.7).
 */
#include "unit/probe.h"
#include "unit/unit.h"

#define EVER   UINT32_MAX /* microseconds, which no test waits for */
#define A_TIME 50000u     /* microseconds that one does */
#define SIZE   16

static struct probe probe;

#define VARIANTS 4

static struct gring *ring(void)
{
	return probe.v.ring[0];
}

/* With event indexes or flags; one thread, or two. */
static void start(int variant)
{
	probe_start(&probe, MEMORY_AUTO, variant & 2 ? 1 : 0);
	if (variant & 1)
		probe.rig.device.offered &= ~BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	probe_drive(&probe, GDMA_PLAIN, GIRQ_MSIX, SIZE);
}

struct rule {
	uint32_t packets, usecs;
};

static void set_rule(void *arg)
{
	const struct rule *rule = arg;

	virtqueue_coalesce(probe.queues[0], rule->packets, rule->usecs);
}

static void coalesce(uint32_t packets, uint32_t usecs)
{
	struct rule rule = { packets, usecs };

	rig_call(&probe.rig, set_rule, &rule);
	probe_settle(&probe, 0);
}

/* Offers so many, waits until all are used, and gives the device time for an interrupt. */
static void use(unsigned count)
{
	uint16_t end = (uint16_t)(ring()->used->idx + count);

	while (count--)
		probe_offer(&probe, 0, probe_page);
	gvirtio_kick_always(&probe.v, ring());
	ck_assert(wait_for(ring()->used->idx == end));
	probe_settle(&probe, 0);
}

static void take_all(void)
{
	uint32_t length;

	while (gring_get(ring(), &length))
		;
	gring_enable_cb(ring());
}

static unsigned interrupts(void)
{
	return gpci_msix_seen(&probe.v.pci, ring()->vector);
}

/* ---- so many -------------------------------------------------------------------------- */

START_TEST(the_interrupt_comes_with_so_many)
{
	unsigned turn;

	start(_i);
	coalesce(4, EVER);
	for (turn = 0; turn < 3; turn++) {
		use(3); /* they are used and can be seen */
		ck_assert_uint_eq(interrupts(), turn);
		use(1);
		ck_assert_uint_eq(interrupts(), turn + 1);
		take_all();
	}
	probe_stop(&probe);
}
END_TEST

START_TEST(more_at_once_than_so_many_are_one_interrupt)
{
	start(_i);
	coalesce(4, EVER);
	use(9);
	ck_assert_uint_eq(interrupts(), 1);
	probe_stop(&probe);
}
END_TEST

/* The driver has no more, and would wait in vain. */
START_TEST(a_full_ring_is_enough)
{
	start(_i);
	coalesce(10 * SIZE, EVER);
	use(SIZE - 1);
	ck_assert_uint_eq(interrupts(), 0);
	use(1);
	ck_assert_uint_eq(interrupts(), 1);
	probe_stop(&probe);
}
END_TEST

/* ---- so long -------------------------------------------------------------------------- */

START_TEST(the_interrupt_comes_after_so_long)
{
	uint64_t begin = fake_now_ns();

	start(_i);
	coalesce(100, A_TIME);
	use(2);
	ck_assert(gvirtio_wait(&probe.v, ring(), 10000));
	ck_assert_uint_ge(fake_now_ns() - begin, A_TIME * 1000ull);
	unit_nap_us(2 * A_TIME);
	ck_assert_uint_eq(interrupts(), 1); /* and that is all */
	probe_stop(&probe);
}
END_TEST

/* The time is that of the first: others do not begin it anew. */
START_TEST(the_time_begins_with_the_first)
{
	unsigned i;

	start(_i);
	coalesce(1000, A_TIME);
	for (i = 0; !interrupts() && i < SIZE; i++) {
		use(1);
		unit_nap_us(A_TIME / (SIZE / 2));
	}
	ck_assert_uint_lt(i, SIZE);
	probe_stop(&probe);
}
END_TEST

START_TEST(with_none_of_either_each_has_its_interrupt)
{
	unsigned i;

	start(_i / 2);
	coalesce(_i % 2 ? 100 : 0, _i % 2 ? 0 : EVER);
	for (i = 1; i <= 3; i++) {
		use(1);
		ck_assert_uint_eq(interrupts(), i);
		take_all();
	}
	probe_stop(&probe);
}
END_TEST

/* ---- a driver that wants none ----------------------------------------------------------- */

static void look_for_timer(void *arg)
{
	*(bool *)arg = probe.queues[0]->coalesce.timer.armed;
}

static bool timer_armed(void)
{
	bool armed;

	unit_call(probe.queues[0]->worker->loop, look_for_timer, &armed);
	return armed;
}

/* It polls: nothing is counted for it, no timer runs. */
START_TEST(without_callbacks_nothing_waits)
{
	unsigned before;

	start(_i);
	use(1); /* with event indexes: past the one that stands for "off" */
	take_all();
	before = interrupts();
	gring_disable_cb(ring());
	coalesce(4, A_TIME);
	use(2);
	ck_assert(!timer_armed());
	use(4);
	ck_assert(!timer_armed());
	ck_assert_uint_eq(interrupts(), before);
	probe_stop(&probe);
}
END_TEST

/* It has seen them by itself meanwhile. */
START_TEST(who_looks_before_the_time_is_over_is_not_interrupted)
{
	unsigned before;

	start(_i);
	use(1); /* as above */
	take_all();
	before = interrupts();
	coalesce(100, A_TIME);
	use(2);
	ck_assert(timer_armed());
	take_all();
	gring_disable_cb(ring());
	ck_assert(wait_for(!timer_armed()));
	probe_settle(&probe, 0);
	ck_assert_uint_eq(interrupts(), before);
	probe_stop(&probe);
}
END_TEST

/* ---- rules that change -------------------------------------------------------------------- */

START_TEST(what_waits_is_told_of_under_new_rules)
{
	start(_i);
	coalesce(8, EVER);
	use(5);
	ck_assert_uint_eq(interrupts(), 0);
	coalesce(4, EVER);
	ck_assert_uint_eq(interrupts(), 1);
	ck_assert(!timer_armed());
	take_all();
	use(3);
	ck_assert_uint_eq(interrupts(), 1);
	probe_stop(&probe);
}
END_TEST

START_TEST(a_reset_sends_nothing_late_and_ends_the_rule)
{
	struct gvirtio *v = &probe.v;

	start(_i);
	coalesce(8, A_TIME);
	use(5);
	gvirtio_remove(v);
	ck_assert(!timer_armed());
	probe_drive(&probe, GDMA_PLAIN, GIRQ_MSIX, SIZE);
	unit_nap_us(2 * A_TIME);
	ck_assert_uint_eq(interrupts(), 0); /* the message is the same as before */
	use(1);
	ck_assert_uint_eq(interrupts(), 1);
	probe_stop(&probe);
}
END_TEST

/* A ring that breaks while some wait: there is nothing more to say of it. */
START_TEST(a_broken_queue_sends_nothing_late)
{
	start(_i);
	coalesce(8, A_TIME);
	use(5);
	ring()->avail->idx = (uint16_t)(ring()->avail_idx + 1000);
	gvirtio_kick_always(&probe.v, ring());
	ck_assert(gvirtio_config_changed(&probe.v, 10000));
	ck_assert(wait_for(!timer_armed()));
	probe_settle(&probe, 0);
	ck_assert_uint_eq(interrupts(), 0);
	ring()->avail->idx = ring()->avail_idx;
	probe_stop(&probe);
}
END_TEST

int main(void)
{
	const int n = VARIANTS;
	const struct unit_test tests[] = {
		TIMES(the_interrupt_comes_with_so_many, n),
		TIMES(more_at_once_than_so_many_are_one_interrupt, n),
		TIMES(a_full_ring_is_enough, n),
		TIMES(the_interrupt_comes_after_so_long, n),
		TIMES(the_time_begins_with_the_first, n),
		TIMES(with_none_of_either_each_has_its_interrupt, 2 * n),
		TIMES(without_callbacks_nothing_waits, n),
		TIMES(who_looks_before_the_time_is_over_is_not_interrupted, n),
		TIMES(what_waits_is_told_of_under_new_rules, n),
		TIMES(a_reset_sends_nothing_late_and_ends_the_rule, n),
		TIMES(a_broken_queue_sends_nothing_late, n),
	};

	return unit_main("virtio-coalesce", probe_setup, fake_end, tests, ARRAY_SIZE(tests));
}
