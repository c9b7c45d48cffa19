/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-bounce.c: the pool of bounce buffers: never grown, first come, first served. */
#include "memory/bounce.h"

#include <stdint.h>
#include <string.h>

#include "unit/unit.h"

#define BUFFERS 4u

static struct bounce *bounce;

static void setup(void)
{
	bounce = bounce_new(BUFFERS);
	ck_assert_ptr_nonnull(bounce);
}

static void teardown(void)
{
	bounce_free(bounce);
	bounce_free(NULL);
}

struct waiter {
	struct bounce_wait wait;
	void *got;
	unsigned order;
};

static unsigned served;

static void ready(struct bounce_wait *wait, void *buffer)
{
	struct waiter *waiter = container_of(wait, struct waiter, wait);

	waiter->got = buffer;
	waiter->order = ++served;
}

static void take_all(void **buffers)
{
	unsigned i;

	for (i = 0; i < BUFFERS; i++)
		ck_assert_ptr_nonnull(buffers[i] = bounce_get(bounce));
	ck_assert_ptr_null(bounce_get(bounce));
}

START_TEST(buffers_are_aligned_apart_and_whole)
{
	void *buffers[BUFFERS];
	unsigned i, j;

	take_all(buffers);
	for (i = 0; i < BUFFERS; i++) {
		ck_assert_uint_eq((uintptr_t)buffers[i] % 4096, 0);
		memset(buffers[i], (int)i, BOUNCE_BYTES);
	}
	for (i = 0; i < BUFFERS; i++)
		for (j = 0; j < BOUNCE_BYTES; j++)
			if (((uint8_t *)buffers[i])[j] != i)
				ck_abort_msg("buffer %u, byte %u", i, j);
}
END_TEST

START_TEST(a_buffer_that_is_back_can_be_had_again)
{
	void *buffers[BUFFERS];

	take_all(buffers);
	bounce_put(bounce, buffers[2]);
	ck_assert_ptr_eq(bounce_get(bounce), buffers[2]);
	ck_assert_ptr_null(bounce_get(bounce));
}
END_TEST

START_TEST(who_waits_is_served_in_order)
{
	struct waiter waiters[6] = { 0 };
	void *buffers[BUFFERS];
	unsigned i;

	take_all(buffers);
	for (i = 0; i < 6; i++) {
		waiters[i].wait.ready = ready;
		bounce_wait(bounce, &waiters[i].wait);
	}
	ck_assert_uint_eq(served, 0);
	for (i = 0; i < 6; i++)
		bounce_put(bounce, i < BUFFERS ? buffers[i] : waiters[i - BUFFERS].got);
	for (i = 0; i < 6; i++) {
		ck_assert_uint_eq(waiters[i].order, i + 1);
		ck_assert_ptr_eq(waiters[i].got, buffers[i % BUFFERS]);
	}
	/* Nobody waits any more. */
	bounce_put(bounce, buffers[3]);
	ck_assert_uint_eq(served, 6);
	ck_assert_ptr_eq(bounce_get(bounce), buffers[3]);
}
END_TEST

/* One that is served may wait again from inside: behind the others. */
static void greedy(struct bounce_wait *wait, void *buffer)
{
	ready(wait, buffer);
	if (served < 3) {
		wait->ready = ready;
		bounce_wait(bounce, wait);
	}
}

START_TEST(who_waits_again_stands_at_the_end)
{
	struct waiter first = { .wait.ready = greedy }, second = { .wait.ready = ready };
	void *buffers[BUFFERS];

	take_all(buffers);
	bounce_wait(bounce, &first.wait);
	bounce_wait(bounce, &second.wait);
	bounce_put(bounce, buffers[0]);
	bounce_put(bounce, buffers[1]);
	ck_assert_uint_eq(second.order, 2);
	bounce_put(bounce, buffers[2]);
	ck_assert_uint_eq(first.order, 3);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(buffers_are_aligned_apart_and_whole),
		ONCE(a_buffer_that_is_back_can_be_had_again),
		ONCE(who_waits_is_served_in_order),
		ONCE(who_waits_again_stands_at_the_end),
	};

	return unit_main("bounce", setup, teardown, tests, ARRAY_SIZE(tests));
}
