/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-bounce.c: the pool of bounce buffers: never grown, shared fairly. */
#include "memory/bounce.h"

#include <string.h>

#include "unit/unit.h"

#define PAGE  4096u
#define POOL  BOUNCE_MIN
#define PAGES (POOL / PAGE)

static struct bounce *bounce;
static struct bounce_share share, other;
static struct bounce_buffer held[PAGES];
static unsigned nheld;

static void setup(void)
{
	bounce = bounce_new(POOL, NULL, 0);
	ck_assert_ptr_nonnull(bounce);
	bounce_join(bounce, &share);
	nheld = 0;
}

static void teardown(void)
{
	while (nheld)
		bounce_put(bounce, &share, held[--nheld]);
	ck_assert_uint_eq(bounce_used(bounce), 0);
	ck_assert_uint_eq(share.held, 0);
	bounce_leave(bounce, &share);
	bounce_free(bounce);
	bounce_free(NULL);
}

struct waiter {
	struct bounce_wait wait;
	struct bounce_buffer got;
	unsigned order;
};

static unsigned served;

static void ready(struct bounce_wait *wait, struct bounce_buffer buffer)
{
	struct waiter *waiter = container_of(wait, struct waiter, wait);

	waiter->got = buffer;
	waiter->order = ++served;
}

static void await(struct waiter *waiter, struct bounce_share *whose, uint32_t length)
{
	*waiter = (struct waiter){ .wait = { .ready = ready, .length = length } };
	bounce_wait(bounce, whose, &waiter->wait);
}

/* Pages, one by one, as many as the share may have. */
static void take_all(void)
{
	for (; nheld < PAGES; nheld++) {
		held[nheld] = bounce_get(bounce, &share, PAGE);
		if (!held[nheld].base)
			return;
	}
}

START_TEST(buffers_are_aligned_apart_and_whole)
{
	unsigned i, j;

	take_all();
	ck_assert_uint_eq(nheld, PAGES);
	ck_assert_ptr_null(bounce_get(bounce, &share, 1).base);
	for (i = 0; i < PAGES; i++) {
		ck_assert_uint_eq((uintptr_t)held[i].base % PAGE, 0);
		ck_assert_uint_eq(held[i].length, PAGE);
		memset(held[i].base, (int)i, PAGE);
	}
	for (i = 0; i < PAGES; i++)
		for (j = 0; j < PAGE; j++)
			if (((uint8_t *)held[i].base)[j] != i)
				ck_abort_msg("buffer %u, byte %u", i, j);
}
END_TEST

START_TEST(a_buffer_is_as_many_pages_as_its_bytes_need)
{
	static const uint32_t lengths[][2] = { { 1, PAGE },
					       { PAGE, PAGE },
					       { PAGE + 1, 2 * PAGE },
					       { 3 * PAGE - 1, 3 * PAGE },
					       { BOUNCE_RUN_MAX, BOUNCE_RUN_MAX },
					       { UINT32_MAX, BOUNCE_RUN_MAX } };
	struct bounce_buffer buffer = bounce_get(bounce, &share, lengths[_i][0]);

	ck_assert_uint_eq(buffer.length, lengths[_i][1]);
	ck_assert_uint_eq(bounce_used(bounce), lengths[_i][1] / PAGE);
	memset(buffer.base, 1, buffer.length);
	bounce_put(bounce, &share, buffer);
}
END_TEST

START_TEST(a_buffer_that_is_back_can_be_had_again)
{
	void *base;

	take_all();
	base = held[2].base;
	bounce_put(bounce, &share, held[2]);
	held[2] = bounce_get(bounce, &share, PAGE);
	ck_assert_ptr_eq(held[2].base, base);
	ck_assert_ptr_null(bounce_get(bounce, &share, 1).base);
}
END_TEST

/* A large request in a full pool gets the largest half of a half that is there. */
START_TEST(who_asks_for_more_than_there_is_gets_less)
{
	struct bounce_buffer large;
	unsigned i;

	take_all();
	for (i = 8; i < 13; i++)
		bounce_put(bounce, &share, held[i]);
	large = bounce_get(bounce, &share, 32 * PAGE);
	ck_assert_uint_eq(large.length, 5 * PAGE);
	ck_assert_ptr_eq(large.base, held[8].base);
	bounce_put(bounce, &share, large);
	for (i = 8; i < 13; i++)
		held[i] = bounce_get(bounce, &share, PAGE);
	/* Scattered pages do not make a run. */
	bounce_put(bounce, &share, held[1]);
	bounce_put(bounce, &share, held[3]);
	large = bounce_get(bounce, &share, 8 * PAGE);
	ck_assert_uint_eq(large.length, PAGE);
	held[1] = large;
	held[3] = bounce_get(bounce, &share, PAGE);
}
END_TEST

START_TEST(who_waits_is_served_in_order)
{
	struct waiter waiters[6];
	unsigned i;

	take_all();
	for (i = 0; i < 6; i++)
		await(&waiters[i], &share, PAGE);
	ck_assert_uint_eq(served, 0);
	for (i = 0; i < 6; i++)
		bounce_put(bounce, &share, held[i]);
	for (i = 0; i < 6; i++) {
		ck_assert_uint_eq(waiters[i].order, i + 1);
		ck_assert_ptr_eq(waiters[i].got.base, held[i].base);
	}
	/* Nobody waits any more. */
	bounce_put(bounce, &share, held[3]);
	ck_assert_uint_eq(served, 6);
	held[3] = bounce_get(bounce, &share, PAGE);
	ck_assert_ptr_nonnull(held[3].base);
}
END_TEST

/* One that is served may wait again from inside: behind the others. */
static void greedy(struct bounce_wait *wait, struct bounce_buffer buffer)
{
	ready(wait, buffer);
	if (served < 3) {
		wait->ready = ready;
		bounce_wait(bounce, &share, wait);
	}
}

START_TEST(who_waits_again_stands_at_the_end)
{
	struct waiter first, second;

	take_all();
	await(&first, &share, PAGE);
	first.wait.ready = greedy;
	await(&second, &share, PAGE);
	bounce_put(bounce, &share, held[0]);
	bounce_put(bounce, &share, held[1]);
	ck_assert_uint_eq(second.order, 2);
	bounce_put(bounce, &share, held[2]);
	ck_assert_uint_eq(first.order, 3);
}
END_TEST

/* ---- shares ------------------------------------------------------------------ */

START_TEST(nobody_can_take_what_is_kept_for_others)
{
	struct bounce_buffer buffer;

	bounce_join(bounce, &other);
	take_all();
	ck_assert_uint_eq(nheld, PAGES - PAGES / 4); /* half of the pool is divided by two */
	buffer = bounce_get(bounce, &other, POOL);
	ck_assert_uint_eq(buffer.length, POOL / 4);
	ck_assert_ptr_null(bounce_get(bounce, &other, 1).base);
	bounce_put(bounce, &other, buffer);
	bounce_leave(bounce, &other);
}
END_TEST

START_TEST(a_share_that_leaves_gives_its_part_back)
{
	bounce_join(bounce, &other);
	bounce_leave(bounce, &other);
	take_all();
	ck_assert_uint_eq(nheld, PAGES);
}
END_TEST

/* What the share had when another one came it keeps, but it gets no more. */
START_TEST(who_comes_late_gets_its_part_as_it_is_given_back)
{
	struct waiter waiter;

	take_all();
	bounce_join(bounce, &other);
	ck_assert_ptr_null(bounce_get(bounce, &other, 1).base);
	await(&waiter, &other, PAGE);
	bounce_put(bounce, &share, held[--nheld]);
	ck_assert_uint_eq(waiter.order, 1);
	ck_assert_ptr_null(bounce_get(bounce, &share, 1).base);
	bounce_put(bounce, &other, waiter.got);
	bounce_leave(bounce, &other);
}
END_TEST

START_TEST(shares_that_wait_are_served_in_turn)
{
	struct waiter mine[3], theirs[3];
	unsigned i;

	bounce_join(bounce, &other);
	take_all();
	for (i = 0; i < PAGES / 4; i++)
		held[nheld++] = bounce_get(bounce, &other, PAGE);
	for (i = 0; i < 3; i++)
		await(&mine[i], &share, PAGE);
	for (i = 0; i < 3; i++)
		await(&theirs[i], &other, PAGE);
	/* The common half comes back. */
	for (i = 0; i < 6; i++)
		bounce_put(bounce, &share, held[i]);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq((mine[i].order - 1) / 2, i);
		ck_assert_uint_eq((theirs[i].order - 1) / 2, i);
		held[i] = mine[i].got;
		bounce_put(bounce, &other, theirs[i].got);
	}
	for (i = 0; i < PAGES / 4; i++)
		bounce_put(bounce, &other, held[--nheld]);
	for (i = 3; i < 6; i++)
		held[i] = held[--nheld];
	bounce_leave(bounce, &other);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(buffers_are_aligned_apart_and_whole),
		TIMES(a_buffer_is_as_many_pages_as_its_bytes_need, 6),
		ONCE(a_buffer_that_is_back_can_be_had_again),
		ONCE(who_asks_for_more_than_there_is_gets_less),
		ONCE(who_waits_is_served_in_order),
		ONCE(who_waits_again_stands_at_the_end),
		ONCE(nobody_can_take_what_is_kept_for_others),
		ONCE(a_share_that_leaves_gives_its_part_back),
		ONCE(who_comes_late_gets_its_part_as_it_is_given_back),
		ONCE(shares_that_wait_are_served_in_turn),
	};

	return unit_main("bounce", setup, teardown, tests, ARRAY_SIZE(tests));
}
