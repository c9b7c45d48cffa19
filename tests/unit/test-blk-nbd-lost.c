/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-blk-nbd-lost.c: what becomes of the store in an NBD server when that is lost, or
 * comes back as another one. */
#include <errno.h>
#include <string.h>

#include "unit/nbd.h"

/* ---- a lost server ----------------------------------------------------------------- */

START_TEST(what_was_not_answered_is_sent_again_in_its_order)
{
	struct operation operations[MANY];
	unsigned i;

	export_fill();
	export_serve();
	ck_assert_int_eq(export_perform(BLK_READ, 0), 0);
	nbd_server.hold = true;
	for (i = 0; i < MANY; i++)
		export_begin(&operations[i], 0, i % 8 ? BLK_WRITE : BLK_READ, i);
	ck_assert(server_saw(2));
	server_stop(true);
	nbd_server.hold = false;
	unit_nap_us(300000);
	ck_assert(!export_is_done(&operations[0]));
	server_start();
	for (i = 0; i < MANY; i++)
		ck_assert_int_eq(export_finish(&operations[i]), 0);
	ck_assert_uint_eq(nbd_server.nlog, MANY);
	for (i = 0; i < MANY; i++)
		ck_assert_uint_eq(nbd_server.log[i].offset, i * BYTES);
	ck_assert_mem_eq(nbd_server.data, export_buffers, sizeof(export_buffers));
}
END_TEST

/* At each of its requests once. */
START_TEST(a_large_write_survives_wherever_the_server_dies)
{
	const struct blk_io io = { .op = BLK_WRITE, .length = 200192, .stable = true };
	struct operation operation;
	unsigned i;

	for (i = 0; i < 200192; i++)
		export_large[i] = (uint8_t)unit_random(256);
	nbd_server.can = SERVER_CAN_FLUSH;
	nbd_server.least = 512;
	nbd_server.most = 65536;
	export_serve();
	nbd_server.dies_at = 1 + (unsigned)_i;
	export_begin_io(&operation, 0, io, export_large);
	ck_assert(server_saw(1 + (unsigned)_i));
	export_restart(true);
	ck_assert_int_eq(export_finish(&operation), 0);
	ck_assert_mem_eq(nbd_server.stable, export_large, 200192);
	ck_assert_int_eq(export_perform(BLK_FLUSH, 0), 0);
}
END_TEST

static void sleep_long(struct loop_work *work)
{
	(void)work;
	unit_nap_us(500000);
}

static struct loop_work long_sleep = { .run = sleep_long };

/* The loop finds both at once, the answer to the first part and the end. */
START_TEST(what_was_answered_in_part_is_sent_again_as_a_whole)
{
	const struct blk_io io = { .op = BLK_WRITE, .length = 200192 };
	struct operation operation;
	unsigned i;

	for (i = 0; i < 200192; i++)
		export_large[i] = (uint8_t)unit_random(256);
	nbd_server.least = 512;
	nbd_server.most = 65536;
	export_serve();
	nbd_server.hold = true;
	export_begin_io(&operation, 0, io, export_large);
	ck_assert(server_saw(1));
	loop_post(export_loops[0], &long_sleep);
	unit_nap_us(50000);
	server_release();
	unit_nap_us(50000);
	export_restart(true);
	ck_assert_int_eq(export_finish(&operation), 0);
	ck_assert_mem_eq(nbd_server.data, export_large, 200192);
}
END_TEST

/* It was acknowledged by a server that is no more, after others have heard of its end. */
START_TEST(an_answer_that_comes_too_late_counts_for_nothing)
{
	struct operation operation;

	export_serve();
	ck_assert(wait_for((export_use_all_loops(), export_connections_used()) == LOOPS));
	export_fill();
	nbd_server.hold = true;
	export_begin(&operation, 1, BLK_WRITE, 1);
	ck_assert(wait_for(server_count(SERVER_WRITE) == 1));
	loop_post(export_loops[1], &long_sleep);
	unit_nap_us(50000);
	server_release();
	unit_nap_us(50000);
	export_restart(true);
	ck_assert_int_eq(export_perform(BLK_READ, 0), 0);
	ck_assert_int_eq(export_perform(BLK_FLUSH, 0), 0);
	ck_assert(!export_is_done(&operation));
	ck_assert_int_eq(export_finish(&operation), 0);
	ck_assert_mem_eq(nbd_server.data + BYTES, export_buffers[1], BYTES);
}
END_TEST

START_TEST(a_server_that_shuts_down_is_a_lost_one)
{
	struct operation operation;

	export_serve();
	nbd_server.error = ESHUTDOWN;
	export_begin(&operation, 0, BLK_READ, 1);
	ck_assert(server_saw(1));
	unit_nap_us(200000);
	ck_assert(!export_is_done(&operation));
	nbd_server.error = 0;
	ck_assert_int_eq(export_finish(&operation), 0);
}
END_TEST

START_TEST(a_server_lost_while_idle_is_not_noticed_by_the_guest)
{
	export_serve();
	ck_assert_int_eq(export_perform(BLK_READ, 1), 0);
	export_restart(true);
	ck_assert_int_eq(export_perform(BLK_READ, 2), 0);
	ck_assert_int_eq(export_perform(BLK_FLUSH, 0), 0);
}
END_TEST

/* ---- what is lost with it ---------------------------------------------------------- */

START_TEST(a_flush_fails_once_if_writes_may_be_lost)
{
	export_serve();
	ck_assert_int_eq(export_perform(BLK_WRITE, 1), 0);
	export_restart(true);
	ck_assert_int_eq(export_perform(BLK_FLUSH, 0), -ESTALE);
	ck_assert_int_eq(export_perform(BLK_FLUSH, 0), 0);
	ck_assert_int_eq(export_perform(BLK_WRITE, 1), 0);
	ck_assert_int_eq(export_perform(BLK_FLUSH, 0), 0);
	export_restart(true);
	ck_assert_int_eq(export_perform(BLK_FLUSH, 0), 0);
	ck_assert_mem_eq(nbd_server.stable + BYTES, export_buffers[1], BYTES);
}
END_TEST

static void nothing(void *arg)
{
	(void)arg;
}

/* Whichever of them was meant for what is lost. */
START_TEST(flushes_under_way_fail_if_writes_may_be_lost)
{
	struct operation flushes[LOOPS];
	unsigned i;

	export_serve();
	ck_assert_int_eq(export_perform(BLK_WRITE, 1), 0);
	nbd_server.hold = true;
	for (i = 0; i < LOOPS; i++)
		export_begin(&flushes[i], i, BLK_FLUSH, 0);
	ck_assert(server_saw(2));
	for (i = 0; i < LOOPS; i++)
		unit_call(export_loops[i], nothing, NULL);
	server_stop(true);
	nbd_server.hold = false;
	server_start();
	for (i = 0; i < LOOPS; i++)
		ck_assert_int_eq(export_finish(&flushes[i]), -ESTALE);
	ck_assert_int_eq(export_perform(BLK_FLUSH, 0), 0);
}
END_TEST

/* It began before, and whoever wrote that waits for another one. */
START_TEST(a_flush_under_way_does_not_stand_for_a_later_write)
{
	struct operation flush, write;

	export_serve();
	ck_assert(wait_for((export_use_all_loops(), export_connections_used()) == LOOPS));
	ck_assert_int_eq(export_perform(BLK_WRITE, 1), 0);
	nbd_server.hold_flushes = true;
	export_begin(&flush, 1, BLK_FLUSH, 0);
	ck_assert(wait_for(server_count(SERVER_FLUSH) == 1));
	export_begin(&write, 2, BLK_WRITE, 2);
	ck_assert_int_eq(export_finish(&write), 0);
	server_stop(true);
	nbd_server.hold_flushes = false;
	server_start();
	ck_assert_int_eq(export_finish(&flush), -ESTALE);
	ck_assert_int_eq(export_perform(BLK_FLUSH, 0), -ESTALE);
	ck_assert_int_eq(export_perform(BLK_FLUSH, 0), 0);
}
END_TEST

/* By the server's FUA, or by a flush of ours. */
START_TEST(stable_writes_are_not_lost)
{
	const struct blk_io io = { .op = BLK_WRITE, .length = BYTES, .stable = true };

	if (_i)
		nbd_server.can &= ~SERVER_CAN_FUA;
	export_fill();
	export_serve();
	memcpy(export_large, export_buffers[7], BYTES);
	ck_assert_int_eq(export_perform_io(io), 0);
	export_restart(true);
	ck_assert_mem_eq(nbd_server.data, export_buffers[7], BYTES);
	ck_assert_int_eq(export_perform(BLK_FLUSH, 0), 0);
}
END_TEST

/* On any loop: where one has another connection than the other. */
START_TEST(a_write_of_one_loop_is_the_flush_of_another)
{
	struct operation operation;

	export_serve();
	ck_assert(wait_for((export_use_all_loops(), export_connections_used()) == LOOPS));
	export_begin(&operation, 1, BLK_WRITE, 1);
	ck_assert_int_eq(export_finish(&operation), 0);
	export_restart(true);
	export_begin(&operation, 2, BLK_FLUSH, 0);
	ck_assert_int_eq(export_finish(&operation), -ESTALE);
	export_use_all_loops();
	export_begin(&operation, 1, BLK_FLUSH, 0);
	ck_assert_int_eq(export_finish(&operation), 0);
}
END_TEST

/* What the guest has heard that it is stable is there, over many deaths of the server. */
START_TEST(no_stable_write_is_lost_under_load)
{
	const struct blk_io io = { .op = BLK_WRITE, .length = BYTES, .stable = true };
	struct operation operations[MANY];
	unsigned i, turn;

	export_serve();
	for (turn = 0; turn < 8; turn++) {
		export_fill();
		nbd_server.dies_at = 1 + unit_random(MANY);
		for (i = 0; i < MANY; i++) {
			struct blk_io at = io;

			at.offset = i * BYTES;
			export_begin_io(&operations[i], i % LOOPS, at, export_buffers[i]);
		}
		ck_assert(server_saw(nbd_server.dies_at));
		export_restart(true);
		for (i = 0; i < MANY; i++)
			ck_assert_int_eq(export_finish(&operations[i]), 0);
		ck_assert_mem_eq(nbd_server.stable, export_buffers, sizeof(export_buffers));
	}
}
END_TEST

/* ---- no server for long ------------------------------------------------------------ */

START_TEST(requests_fail_after_the_timeout_until_it_is_back)
{
	uint64_t begin = loop_now();

	export_options.timeout = 1;
	export_serve();
	ck_assert_int_eq(export_perform(BLK_READ, 1), 0);
	server_stop(false);
	ck_assert_int_eq(export_perform(BLK_WRITE, 1), -ETIMEDOUT);
	ck_assert_uint_ge(loop_now() - begin, 1000000000);
	begin = loop_now();
	ck_assert_int_eq(export_perform(BLK_READ, 1), -ETIMEDOUT);
	ck_assert_uint_lt(loop_now() - begin, QUICKLY);
	server_start();
	ck_assert(wait_for(!export_perform(BLK_READ, 1)));
}
END_TEST

START_TEST(requests_wait_for_ever_if_that_is_wanted)
{
	struct operation operation;

	export_options.timeout = 0;
	export_serve();
	ck_assert_int_eq(export_perform(BLK_READ, 1), 0);
	server_stop(false);
	export_begin(&operation, 0, BLK_READ, 1);
	unit_nap_us(999999);
	unit_nap_us(999999);
	ck_assert(!export_is_done(&operation));
	server_start();
	ck_assert_int_eq(export_finish(&operation), 0);
}
END_TEST

static void give_up(void *loop)
{
	export_store->ops->give_up(export_store, loop);
}

/* Those of this loop, also where another one has them. */
START_TEST(what_waits_ends_when_it_is_not_wanted_any_more)
{
	struct operation operations[2];

	nbd_server.can &= ~SERVER_CAN_MULTI;
	export_serve();
	export_use_all_loops();
	server_stop(false);
	export_begin(&operations[0], 0, BLK_READ, 0);
	export_begin(&operations[1], 1, BLK_READ, 1);
	unit_nap_us(100000);
	unit_call(export_loops[1], give_up, export_loops[1]);
	ck_assert_int_eq(export_finish(&operations[1]), -ECANCELED);
	ck_assert(!export_is_done(&operations[0]));
	server_start();
	ck_assert_int_eq(export_finish(&operations[0]), 0);
	export_begin(&operations[1], 1, BLK_READ, 1);
	ck_assert_int_eq(export_finish(&operations[1]), 0);
}
END_TEST

/* ---- another size ------------------------------------------------------------------ */

START_TEST(an_export_that_has_grown_is_seen_by_a_look)
{
	nbd_server.size = SERVER_BYTES / 2;
	export_serve();
	ck_assert_int_eq(export_store->ops->look_again(export_store), 0);
	ck_assert_uint_eq(export_store->size, SERVER_BYTES / 2);
	server_stop(false);
	nbd_server.size = SERVER_BYTES;
	server_start();
	ck_assert_int_eq(export_perform(BLK_READ, 1), 0);
	ck_assert_uint_eq(export_store->size, SERVER_BYTES / 2);
	ck_assert_int_eq(export_store->ops->look_again(export_store), 0);
	ck_assert_uint_eq(export_store->size, SERVER_BYTES);
}
END_TEST

START_TEST(an_export_that_has_shrunk_is_none)
{
	export_options.timeout = 1;
	export_serve();
	ck_assert_int_eq(export_perform(BLK_READ, 1), 0);
	server_stop(false);
	nbd_server.size = SERVER_BYTES / 2;
	server_start();
	log_capture_begin();
	ck_assert_int_eq(export_perform(BLK_READ, 1), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(log_capture_end(), "only 524288 bytes now, before 1048576"));
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(what_was_not_answered_is_sent_again_in_its_order),
		TIMES(a_large_write_survives_wherever_the_server_dies, 5),
		ONCE(what_was_answered_in_part_is_sent_again_as_a_whole),
		ONCE(an_answer_that_comes_too_late_counts_for_nothing),
		ONCE(a_server_that_shuts_down_is_a_lost_one),
		ONCE(a_server_lost_while_idle_is_not_noticed_by_the_guest),
		ONCE(a_flush_fails_once_if_writes_may_be_lost),
		ONCE(flushes_under_way_fail_if_writes_may_be_lost),
		ONCE(a_flush_under_way_does_not_stand_for_a_later_write),
		TIMES(stable_writes_are_not_lost, 2),
		ONCE(a_write_of_one_loop_is_the_flush_of_another),
		ONCE(no_stable_write_is_lost_under_load),
		ONCE(requests_fail_after_the_timeout_until_it_is_back),
		ONCE(requests_wait_for_ever_if_that_is_wanted),
		ONCE(what_waits_ends_when_it_is_not_wanted_any_more),
		ONCE(an_export_that_has_grown_is_seen_by_a_look),
		ONCE(an_export_that_has_shrunk_is_none),
	};

	return unit_main("blk-nbd-lost", export_setup, export_teardown, tests, ARRAY_SIZE(tests));
}
