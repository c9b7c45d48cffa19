/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-blk-nbd.c: the store in an export of an NBD server. */
#include <errno.h>
#include <string.h>

#include "unit/nbd.h"

/* ---- an export --------------------------------------------------------------------- */

START_TEST(an_export_is_read_and_written_in_place)
{
	export_serve();
	ck_assert_uint_eq(export_store->size, SERVER_BYTES);
	ck_assert_int_eq(export_perform(BLK_READ, 3), 0);
	ck_assert_mem_eq(export_buffers[3], nbd_server.data + 3 * BYTES, BYTES);
	export_fill();
	ck_assert_int_eq(export_perform(BLK_WRITE, 5), 0);
	ck_assert_mem_eq(export_buffers[5], nbd_server.data + 5 * BYTES, BYTES);
	ck_assert_mem_ne(export_buffers[5], nbd_server.stable + 5 * BYTES, BYTES);
	ck_assert_int_eq(export_perform(BLK_FLUSH, 0), 0);
	ck_assert_mem_eq(export_buffers[5], nbd_server.stable + 5 * BYTES, BYTES);
}
END_TEST

START_TEST(many_operations_are_under_way_at_once)
{
	struct operation operations[MANY];
	unsigned i;

	export_fill();
	export_serve();
	for (i = 0; i < MANY; i++)
		export_begin(&operations[i], i % LOOPS, BLK_WRITE, i);
	for (i = 0; i < MANY; i++)
		ck_assert_int_eq(export_finish(&operations[i]), 0);
	ck_assert_mem_eq(export_buffers, nbd_server.data, sizeof(export_buffers));
}
END_TEST

/* What the server takes at once is not what the guest asks for. */
START_TEST(large_operations_are_cut)
{
	const struct blk_io read = { .op = BLK_READ, .offset = 512, .length = 300032 };
	struct blk_io write = { .op = BLK_WRITE, .offset = 1024, .length = 200192 };
	unsigned i;

	nbd_server.least = 1;
	nbd_server.most = 65536;
	export_serve();
	ck_assert_int_eq(export_perform_io(read), 0);
	ck_assert_mem_eq(export_large, nbd_server.data + 512, 300032);
	ck_assert_uint_eq(server_count(SERVER_READ), 5);
	for (i = 0; i < 200192; i++)
		export_large[i] = (uint8_t)unit_random(256);
	ck_assert_int_eq(export_perform_io(write), 0);
	ck_assert_mem_eq(export_large, nbd_server.data + 1024, 200192);
	ck_assert_uint_eq(server_count(SERVER_WRITE), 4);
	write.op = BLK_WRITE_ZEROES;
	write.length = SERVER_BYTES - 1024;
	ck_assert_int_eq(export_perform_io(write), 0);
	ck_assert_uint_eq(server_count(SERVER_ZERO), 16);
}
END_TEST

START_TEST(the_server_says_how_it_is_made)
{
	nbd_server.least = 512;
	nbd_server.liked = 65536;
	export_serve();
	ck_assert_uint_eq(export_store->geometry.block, 512);
	ck_assert_uint_eq(export_store->geometry.physical, 4096);
	ck_assert_uint_eq(export_store->geometry.smallest, 65536);
	ck_assert_uint_eq(export_store->geometry.discard, 65536);
}
END_TEST

static const struct server_record *last_request(void)
{
	return &nbd_server.log[nbd_server.nlog - 1];
}

START_TEST(stable_writes_zeroes_and_discards_have_their_commands)
{
	struct blk_io io = { .op = BLK_WRITE, .length = BYTES, .stable = true };

	export_serve();
	ck_assert_int_eq(export_perform_io(io), 0);
	ck_assert_uint_eq(last_request()->flags, SERVER_FUA);
	io.op = BLK_WRITE_ZEROES;
	ck_assert_int_eq(export_perform_io(io), 0);
	ck_assert_uint_eq(last_request()->flags, SERVER_FUA | SERVER_NO_HOLE);
	io.stable = false;
	io.unmap = true;
	ck_assert_int_eq(export_perform_io(io), 0);
	ck_assert_uint_eq(last_request()->flags, 0);
	ck_assert_uint_eq(last_request()->command, SERVER_ZERO);
	io.op = BLK_DISCARD;
	ck_assert_int_eq(export_perform_io(io), 0);
	ck_assert_uint_eq(last_request()->command, SERVER_TRIM);
	ck_assert_uint_eq(nbd_server.nlog, 4);
}
END_TEST

START_TEST(without_fua_a_stable_write_is_flushed)
{
	const struct blk_io io = { .op = BLK_WRITE, .length = 200192, .stable = true };

	nbd_server.can = SERVER_CAN_FLUSH;
	nbd_server.least = 512;
	nbd_server.most = 65536;
	export_serve();
	ck_assert_int_eq(export_perform_io(io), 0);
	ck_assert_uint_eq(nbd_server.nlog, 5);
	ck_assert_uint_eq(last_request()->command, SERVER_FLUSH);
	ck_assert_mem_eq(nbd_server.stable, export_large, 200192);
}
END_TEST

START_TEST(what_the_server_cannot_do_is_not_asked_for)
{
	struct blk_io io = { .op = BLK_WRITE, .length = BYTES, .stable = true };

	nbd_server.can = 0;
	export_serve();
	ck_assert_int_eq(export_perform_io(io), 0);
	ck_assert_int_eq(export_perform(BLK_FLUSH, 0), 0);
	io.op = BLK_DISCARD;
	ck_assert_int_eq(export_perform_io(io), -EOPNOTSUPP);
	io.op = BLK_WRITE_ZEROES;
	ck_assert_int_eq(export_perform_io(io), -EOPNOTSUPP);
	ck_assert_uint_eq(nbd_server.nlog, 1);
	ck_assert_uint_eq(nbd_server.log[0].flags, 0);
}
END_TEST

START_TEST(an_error_of_the_server_is_the_operations)
{
	export_serve();
	nbd_server.error = ENOSPC;
	ck_assert_int_eq(export_perform(BLK_WRITE, 0), -ENOSPC);
	nbd_server.error = EIO;
	ck_assert_int_eq(export_perform(BLK_READ, 0), -EIO);
	ck_assert_int_eq(export_perform(BLK_FLUSH, 0), -EIO);
	nbd_server.error = 0;
	ck_assert_int_eq(export_perform(BLK_READ, 0), 0);
}
END_TEST

/* ---- opening ----------------------------------------------------------------------- */

static void assert_refused(int err, const char *text)
{
	struct reason why = { 0 };

	ck_assert_int_eq(export_open(false, &why), err);
	ck_assert_msg(strstr(why.text, export_options.uri) && strstr(why.text, text), "%s",
		      why.text);
	export_store->ops->close(export_store);
	export_store = NULL;
}

START_TEST(what_does_not_suit_is_refused)
{
	assert_refused(-EAGAIN, "No such file");
	nbd_server.can |= SERVER_READONLY;
	server_start();
	assert_refused(-EROFS, "readonly=on");
	export_options.readonly = true;
	server_stop(false);
	nbd_server.least = 4096;
	server_start();
	assert_refused(-EINVAL, "no less than 4096 bytes");
	server_stop(false);
	nbd_server.least = 0;
	nbd_server.size = 0;
	server_start();
	assert_refused(-EAGAIN, "empty");
	export_options.uri = "nfs://host/disk";
	assert_refused(-EINVAL, "scheme");
	export_options.uri = "nbd://127.0.0.1:1/";
	assert_refused(-EAGAIN, "Connection refused");
}
END_TEST

START_TEST(a_readonly_export_is_read)
{
	export_options.readonly = true;
	nbd_server.can = SERVER_READONLY;
	export_serve();
	ck_assert_int_eq(export_perform(BLK_READ, 1), 0);
	ck_assert_int_eq(export_perform(BLK_WRITE, 1), -EPERM);
}
END_TEST

/* Main comes back for it, and does not wait. */
START_TEST(a_server_may_come_later)
{
	struct reason why = { 0 };
	uint64_t begin;

	ck_assert_int_eq(export_open(false, &why), -EAGAIN);
	nbd_server.mute = true;
	server_start();
	unit_nap_us(300000);
	begin = loop_now();
	ck_assert_int_eq(export_open(true, &why), -EAGAIN);
	ck_assert_uint_lt(loop_now() - begin, QUICKLY);
	server_stop(false);
	nbd_server.mute = false;
	server_start();
	ck_assert(wait_for(!export_open(true, &why)));
	ck_assert_int_eq(export_perform(BLK_READ, 1), 0);
}
END_TEST

/* ---- connections ------------------------------------------------------------------- */

START_TEST(each_loop_has_a_connection_where_the_server_allows_it)
{
	export_serve();
	ck_assert(wait_for((export_use_all_loops(), export_connections_used()) == LOOPS));
	export_restart(false);
	export_use_all_loops();
	ck_assert_uint_eq(export_connections_used(), LOOPS);
}
END_TEST

/* It might lead to a server that took the first one's place unnoticed. */
START_TEST(another_connection_is_used_when_the_first_has_answered_since_it_was_made)
{
	struct operation operations[3];
	unsigned i;

	export_serve();
	ck_assert_int_eq(export_perform(BLK_READ, 0), 0);
	nbd_server.hold = true;
	for (i = 0; i < 3; i++) {
		export_begin(&operations[i], 1, BLK_READ, i);
		ck_assert(server_has(2));
		unit_nap_us(50000);
	}
	ck_assert_uint_eq(export_connections_used(), 1);
	server_release();
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(export_finish(&operations[i]), 0);
	ck_assert_uint_eq(export_connections_used(), 1);
	export_begin(&operations[0], 1, BLK_READ, 0);
	ck_assert_int_eq(export_finish(&operations[0]), 0);
	ck_assert_uint_eq(export_connections_used(), 2);
}
END_TEST

START_TEST(all_loops_share_the_one_connection_of_other_servers)
{
	unsigned i;

	nbd_server.can &= ~SERVER_CAN_MULTI;
	export_serve();
	for (i = 0; i < MANY; i++)
		export_use_all_loops();
	ck_assert_uint_eq(export_connections_used(), 1);
	export_restart(false);
	export_use_all_loops();
	ck_assert_uint_eq(export_connections_used(), 1);
}
END_TEST

/* It lets the others wait for ever. */
START_TEST(a_server_that_takes_few_connections_is_used_by_those)
{
	nbd_server.takes = 2;
	export_serve();
	ck_assert(wait_for((export_use_all_loops(), export_connections_used()) == 2));
	unit_nap_us(999999);
	unit_nap_us(999999);
	export_use_all_loops();
	export_restart(false);
	export_use_all_loops();
	ck_assert_uint_eq(export_connections_used(), 2);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(an_export_is_read_and_written_in_place),
		ONCE(many_operations_are_under_way_at_once),
		ONCE(large_operations_are_cut),
		ONCE(the_server_says_how_it_is_made),
		ONCE(stable_writes_zeroes_and_discards_have_their_commands),
		ONCE(without_fua_a_stable_write_is_flushed),
		ONCE(what_the_server_cannot_do_is_not_asked_for),
		ONCE(an_error_of_the_server_is_the_operations),
		ONCE(what_does_not_suit_is_refused),
		ONCE(a_readonly_export_is_read),
		ONCE(a_server_may_come_later),
		ONCE(each_loop_has_a_connection_where_the_server_allows_it),
		ONCE(another_connection_is_used_when_the_first_has_answered_since_it_was_made),
		ONCE(all_loops_share_the_one_connection_of_other_servers),
		ONCE(a_server_that_takes_few_connections_is_used_by_those),
	};

	return unit_main("blk-nbd", export_setup, export_teardown, tests, ARRAY_SIZE(tests));
}
