/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-net-pace.c: who looks for frames by itself, and who waits to be told.
 */
#include <check.h>

#include "devices/net/pace.h"
#include "unit/unit.h"

#define US     1000  /* ns */
#define FRAME  64    /* bytes */
#define STREAM 65536 /* the same, of a look's */

static struct loop *loop;
static struct net_pace pace;
static uint64_t moved, now = 1;

static void setup(void)
{
	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
}

static void teardown(void)
{
	loop_free(loop);
}

/* A frame comes to who has rested for @us; true if there will be a look, without being
 * told. */
static bool told_after(unsigned us)
{
	pace_rest(&pace, now);
	now += us * US;
	pace_told(&pace, now);
	moved += FRAME;
	return pace_again(&pace, loop, 1, moved);
}

/* What the look finds; true if there will be another one. */
static bool look(unsigned frames, uint64_t bytes)
{
	ck_assert(pace.look.armed);
	loop_timer_cancel(loop, &pace.look);
	moved += bytes;
	return pace_again(&pace, loop, frames, moved);
}

/* How often it has to be told until it looks by itself. */
static unsigned times_until_trial(void)
{
	unsigned times = 1;

	while (!told_after(50))
		times++;
	return times;
}

START_TEST(who_is_told_now_and_then_waits_for_it)
{
	unsigned i;

	for (i = 0; i < 20; i++) {
		ck_assert(!told_after(1000));
		ck_assert(!pace.look.armed);
	}
}
END_TEST

START_TEST(who_is_told_soon_looks_as_long_as_there_are_several_frames)
{
	unsigned i;

	ck_assert_uint_gt(times_until_trial(), 1);
	for (i = 0; i < 20; i++)
		ck_assert(look(2, 2 * FRAME));
	ck_assert(!look(1, FRAME));
	ck_assert(!pace.look.armed);
}
END_TEST

/* As acknowledgements are. */
START_TEST(single_frames_are_worth_a_look_when_many_bytes_go_either_way)
{
	unsigned i;

	times_until_trial();
	for (i = 0; i < 20; i++)
		ck_assert(look(1, STREAM));
}
END_TEST

START_TEST(a_few_frames_are_waited_for_longer_than_a_single_one)
{
	uint64_t first;

	times_until_trial();
	first = pace.moment;
	ck_assert(look(2, FRAME));
	ck_assert_uint_gt(pace.moment, first);
	ck_assert(look(1, STREAM));
	ck_assert_uint_eq(pace.moment, first);
	ck_assert(look(1, STREAM));
	ck_assert_uint_eq(pace.moment, first);
}
END_TEST

/* The others have not had the CPU since, perhaps: but not for long. */
START_TEST(a_few_looks_that_find_nothing_are_followed_by_later_ones)
{
	unsigned looks;

	times_until_trial();
	for (looks = 0; look(0, 0); looks++)
		;
	ck_assert_uint_gt(looks, 0);
	ck_assert_uint_lt(looks, 8);
	times_until_trial();
	ck_assert(look(0, 0));
	ck_assert(look(2, FRAME));
}
END_TEST

START_TEST(trials_in_vain_become_rare)
{
	unsigned first = times_until_trial(), last = first, i;

	for (i = 0; i < 5; i++) {
		ck_assert(!look(1, FRAME));
		ck_assert_uint_eq(times_until_trial(), 2 * last);
		last *= 2;
	}
	for (i = 0; i < 5; i++) {
		ck_assert(!look(1, FRAME));
		last = times_until_trial();
	}
	ck_assert(!look(1, FRAME));
	ck_assert_uint_eq(times_until_trial(), last); /* at most so rare */
	ck_assert(look(2, FRAME));                    /* and soon again after a good one */
	ck_assert(!look(1, FRAME));
	ck_assert_uint_eq(times_until_trial(), first);
}
END_TEST

START_TEST(trials_in_vain_are_forgotten_in_pauses)
{
	unsigned first = times_until_trial(), i;

	for (i = 0; i < 3; i++) {
		ck_assert(!look(1, FRAME));
		times_until_trial();
	}
	ck_assert(!look(1, FRAME));
	for (i = 0; i < 10; i++)
		ck_assert(!told_after(1000));
	ck_assert_uint_eq(times_until_trial(), first);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(who_is_told_now_and_then_waits_for_it),
		ONCE(who_is_told_soon_looks_as_long_as_there_are_several_frames),
		ONCE(single_frames_are_worth_a_look_when_many_bytes_go_either_way),
		ONCE(a_few_frames_are_waited_for_longer_than_a_single_one),
		ONCE(a_few_looks_that_find_nothing_are_followed_by_later_ones),
		ONCE(trials_in_vain_become_rare),
		ONCE(trials_in_vain_are_forgotten_in_pauses),
	};

	return unit_main("net-pace", setup, teardown, tests, ARRAY_SIZE(tests));
}
