/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-blk-direct.c: a file's store in each mode of caching: past the page cache, and
 * through it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "devices/blk/file.h"
#include "unit/store.h"

#define LARGE 4096u

static struct file_store *file(void)
{
	return container_of(store, struct file_store, store);
}

/* As on a disk of large blocks: less than one goes through the page cache. */
static bool open_with_large_blocks(void)
{
	close(store_make_file());
	if (!store_open_direct())
		return false;
	file()->align = LARGE;
	return true;
}

static bool open_device(void)
{
	close(store_make_file());
	if (!store_make_device(LARGE))
		return false;
	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	return true;
}

static void empty_page_cache(void)
{
	int fd = open(store_path, O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(fdatasync(fd), 0);
	ck_assert_int_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	close(fd);
	ck_assert_uint_eq(store_cached_pages(), 0);
}

/* ---- whose the file is ---------------------------------------------------------------- */

static void take_away(int fd)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(dup3(nothing, fd, O_CLOEXEC), fd);
	close(nothing);
}

/* A killed process's direct requests have the one descriptor, its others the other one. */
START_TEST(it_is_locked_as_long_as_there_is_either_descriptor)
{
	struct blk_store *first;
	int fds[2];

	close(store_make_file());
	if (!store_open_direct())
		return;
	fds[_i] = file()->direct;
	fds[!_i] = file()->fd;
	first = store;
	take_away(fds[0]);
	ck_assert_int_eq(store_open(false, BLK_CACHE_WRITEBACK), -EAGAIN);
	take_away(fds[1]);
	ck_assert_int_eq(store_open(false, BLK_CACHE_WRITEBACK), 0);
	first->ops->close(first);
}
END_TEST

/* ---- the same bytes, whichever way ---------------------------------------------------- */

static void assert_same(uint64_t offset, uint32_t length)
{
	memset(store_buffer, 0x11, length);
	ck_assert_int_eq(store_perform(BLK_READ, offset, length), 0);
	ck_assert(!memcmp(store_buffer, store_contents + offset, length));
}

static void overwrite(uint64_t offset, uint32_t length)
{
	uint32_t i;

	for (i = 0; i < length; i++)
		store_buffer[i] = store_contents[offset + i] = (uint8_t)unit_random(256);
	ck_assert_int_eq(store_perform(BLK_WRITE, offset, length), 0);
}

/* Aligned and not, in any order, each seen by all that come after it. */
static void mix(void)
{
	unsigned turn;

	for (turn = 0; turn < 400; turn++) {
		uint32_t unit = unit_random(2) ? 512 : LARGE;
		uint32_t length = (1 + unit_random(4)) * unit;
		uint64_t offset = unit_random(16 * LARGE / unit) * (uint64_t)unit;

		if (unit_random(2))
			overwrite(offset, length);
		else
			assert_same(offset, length);
	}
	assert_same(0, MAX_IO);
}

START_TEST(each_mode_reads_and_writes_in_place)
{
	static const enum blk_cache modes[] = { BLK_CACHE_NONE, BLK_CACHE_WRITEBACK,
						BLK_CACHE_WRITETHROUGH };

	close(store_make_file());
	if (store_open(false, modes[_i]) == -EINVAL && !_i)
		return;
	ck_assert_int_eq(store->copies, _i != 0);
	mix();
}
END_TEST

START_TEST(what_is_aligned_and_what_is_not_see_the_same_bytes)
{
	if (_i ? open_device() : open_with_large_blocks())
		mix();
}
END_TEST

/* What others read through the page cache is the same as well. */
START_TEST(what_is_written_directly_is_what_others_read)
{
	uint8_t back[LARGE];
	int fd = store_make_file();

	if (!store_open_direct())
		return;
	ck_assert_int_eq(pread(fd, back, LARGE, LARGE), LARGE);
	overwrite(LARGE, LARGE);
	ck_assert_int_eq(pread(fd, back, LARGE, LARGE), LARGE);
	ck_assert_mem_eq(back, store_contents + LARGE, LARGE);
	memset(back, 0x77, LARGE);
	memset(store_contents + LARGE, 0x77, LARGE);
	ck_assert_int_eq(pwrite(fd, back, LARGE, LARGE), LARGE);
	assert_same(LARGE, LARGE);
	close(fd);
}
END_TEST

/* ---- what is in the page cache ---------------------------------------------------------- */

START_TEST(direct_operations_leave_nothing_in_the_page_cache)
{
	unsigned page;

	if (!open_with_large_blocks())
		return;
	empty_page_cache();
	overwrite(LARGE, 4 * LARGE);
	assert_same(LARGE, MAX_IO - LARGE);
	ck_assert_uint_eq(store_cached_pages(), 0);
	assert_same(512, 512);
	ck_assert_uint_eq(store_cached_pages(), 0);
	overwrite(3 * 512, LARGE);
	ck_assert_uint_eq(store_cached_pages(), 0);
	for (page = 0; page < 20; page++) { /* the kernel would read ahead */
		assert_same(page * LARGE + 512, 512);
		ck_assert_uint_eq(store_cached_pages(), 0);
	}
}
END_TEST

START_TEST(writeback_keeps_what_it_moves)
{
	close(store_make_file());
	ck_assert_int_eq(store_open(false, BLK_CACHE_WRITEBACK), 0);
	empty_page_cache();
	overwrite(0, 2 * LARGE);
	ck_assert_uint_ge(store_cached_pages(), 2);
}
END_TEST

/* ---- what it costs ------------------------------------------------------------------------ */

static unsigned steps_of(enum blk_op op, uint64_t offset, uint32_t length)
{
	static struct transfer transfer;

	transfer = (struct transfer){
		.io = { .op = op,
			.offset = offset,
			.length = length,
			.pieces = &transfer.piece,
			.npieces = 1 },
		.piece = { .iov_base = store_buffer, .iov_len = length },
		.meddle = transfer_count,
	};
	transfer_steps = 0;
	transfer_start(&transfer);
	ck_assert_int_eq(transfer_finish(&transfer), 0);
	return transfer_steps;
}

START_TEST(one_operation_of_the_kernel_each_but_two_for_what_is_not_aligned)
{
	if (!open_with_large_blocks())
		return;
	ck_assert_uint_eq(steps_of(BLK_READ, 0, MAX_IO), 1);
	ck_assert_uint_eq(steps_of(BLK_WRITE, LARGE, LARGE), 1);
	ck_assert_uint_eq(steps_of(BLK_READ, 512, LARGE), 2);
	ck_assert_uint_eq(steps_of(BLK_WRITE, 0, LARGE + 512), 2);
	ck_assert_uint_eq(steps_of(BLK_FLUSH, 0, 0), 1);
	store->ops->close(store);
	ck_assert_int_eq(store_open(false, BLK_CACHE_WRITEBACK), 0);
	ck_assert_uint_eq(steps_of(BLK_READ, 512, 512), 1);
	ck_assert_uint_eq(steps_of(BLK_WRITE, 512, 512), 1);
}
END_TEST

/* ---- short transfers, and memory -------------------------------------------------------- */

static void cut_short(struct loop_op *op, int result)
{
	struct transfer *transfer = container_of(op, struct transfer, io.loop_op);
	uint32_t most = transfer->most;

	transfer->transferred(op, result > (int)most ? (int)most : result);
}

/* What is left begins anywhere, in the file and in memory. */
START_TEST(a_short_direct_transfer_goes_on_where_it_stopped)
{
	static const uint32_t mosts[] = { 1, 511, 512, 513, 4095, 4096, 4097, 8192 };
	struct transfer read = { .most = mosts[_i], .meddle = cut_short };

	if (!open_with_large_blocks())
		return;
	read.piece = (struct iovec){ .iov_base = store_buffer, .iov_len = 3 * LARGE };
	read.io = (struct blk_io){ .op = BLK_READ,
				   .offset = LARGE,
				   .length = 3 * LARGE,
				   .pieces = &read.piece,
				   .npieces = 1 };
	if (mosts[_i] == 1)
		read.io.length = read.piece.iov_len = 512;
	transfer_start(&read);
	ck_assert_int_eq(transfer_finish(&read), 0);
	ck_assert_mem_eq(store_buffer, store_contents + LARGE, read.io.length);
}
END_TEST

START_TEST(memory_may_begin_anywhere)
{
	struct transfer transfer;

	close(store_make_file());
	if (!store_open_direct())
		return;
	transfer_begin(&transfer, BLK_READ, LARGE, LARGE, store_buffer + 1);
	ck_assert_int_eq(transfer_finish(&transfer), 0);
	ck_assert_mem_eq(store_buffer + 1, store_contents + LARGE, LARGE);
}
END_TEST

static void never_now(struct loop_op *op, int result)
{
	struct transfer *transfer = container_of(op, struct transfer, io.loop_op);

	(void)result;
	transfer_steps++;
	transfer->transferred(op, -EAGAIN);
}

START_TEST(what_is_to_be_tried_for_ever_is_an_error)
{
	static const enum blk_op ops[] = { BLK_READ, BLK_WRITE, BLK_DISCARD, BLK_WRITE_ZEROES };
	struct transfer transfer = { .meddle = never_now };

	close(store_make_file());
	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	transfer.piece = (struct iovec){ .iov_base = store_buffer, .iov_len = LARGE };
	transfer.io = (struct blk_io){
		.op = ops[_i], .length = LARGE, .pieces = &transfer.piece, .npieces = 1
	};
	transfer_start(&transfer);
	ck_assert_int_eq(transfer_finish(&transfer), -EAGAIN);
	ck_assert_uint_gt(transfer_steps, 1);
	ck_assert_uint_lt(transfer_steps, 100);
}
END_TEST

/* ---- what is opened --------------------------------------------------------------------- */

/* Attributes in /sys are files of a size, and always of the page cache's kind. */
START_TEST(a_file_system_without_direct_io_is_refused_with_a_way_out)
{
	struct file_options options = { .path = "/sys/kernel/uevent_seqnum",
					.readonly = true,
					.cache = BLK_CACHE_NONE };
	struct reason why = { 0 };

	ck_assert_int_eq(file_store_open(&options, false, &store, &why), -EINVAL);
	ck_assert_msg(strstr(why.text, options.path) && strstr(why.text, "cache=writeback"), "%s",
		      why.text);
	options.cache = BLK_CACHE_AUTO;
	ck_assert_int_eq(file_store_open(&options, false, &store, &why), 0);
}
END_TEST

START_TEST(a_device_is_past_the_page_cache_unless_told_otherwise)
{
	if (!open_device())
		return;
	ck_assert(!store->copies);
	store->ops->close(store);
	ck_assert_int_eq(store_open(false, BLK_CACHE_WRITEBACK), 0);
	ck_assert(store->copies);
}
END_TEST

START_TEST(one_may_write_a_device)
{
	struct blk_store *first;

	if (!open_device())
		return;
	first = store;
	store = NULL;
	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), -EAGAIN);
	ck_assert_int_eq(store_open(true, BLK_CACHE_AUTO), -EAGAIN);
	first->ops->close(first);
	ck_assert_int_eq(store_open(true, BLK_CACHE_AUTO), 0);
}
END_TEST

/* ---- how it is made ------------------------------------------------------------------------ */

static void open_with_block(uint32_t block)
{
	const struct file_options options = { .path = store_path, .block = block };
	struct reason why;

	ck_assert_int_eq(file_store_open(&options, false, &store, &why), 0);
}

START_TEST(a_file_has_sectors_unless_told_otherwise)
{
	close(store_make_file());
	open_with_block(0);
	ck_assert_uint_eq(store->geometry.block, 512);
	ck_assert_uint_ge(store->geometry.physical, 512);
	ck_assert_uint_ge(store->geometry.discard, 512);
	store->ops->close(store);
	open_with_block(LARGE);
	ck_assert_uint_eq(store->geometry.block, LARGE);
	ck_assert_uint_ge(store->geometry.physical, LARGE);
	ck_assert_uint_ge(store->geometry.smallest, LARGE);
	ck_assert_uint_ge(store->geometry.discard, LARGE);
}
END_TEST

START_TEST(a_device_has_its_blocks_unless_told_otherwise)
{
	if (!open_device())
		return;
	ck_assert_uint_eq(store->geometry.block, LARGE);
	ck_assert_uint_eq(store->geometry.physical, LARGE);
	ck_assert_uint_ge(store->geometry.discard, LARGE);
	assert_same(512, 512);
	overwrite(512, 512);
	store->ops->close(store);
	open_with_block(512);
	ck_assert_uint_eq(store->geometry.block, 512);
	ck_assert_uint_ge(store->geometry.discard, LARGE);
	assert_same(0, LARGE);
}
END_TEST

START_TEST(a_new_size_is_seen_on_another_look)
{
	int fd = store_make_file();

	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	ck_assert_int_eq(store->ops->look_again(store), 0);
	ck_assert_uint_eq(store->size, FILE_BYTES);
	ck_assert_int_eq(ftruncate(fd, 2 * FILE_BYTES), 0);
	ck_assert_int_eq(store->ops->look_again(store), 0);
	ck_assert_uint_eq(store->size, 2 * FILE_BYTES);
	ck_assert_int_eq(ftruncate(fd, 1024), 0);
	ck_assert_int_eq(store->ops->look_again(store), 0);
	ck_assert_uint_eq(store->size, 1024);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_lt(store->ops->look_again(store), 0);
	ck_assert_uint_eq(store->size, 1024);
	close(fd);
}
END_TEST

START_TEST(a_device_that_grows_is_seen_on_another_look)
{
	int fd = store_make_file(), device;

	if (!store_make_device(512))
		return;
	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	ck_assert_uint_eq(store->size, FILE_BYTES);
	ck_assert_int_eq(ftruncate(fd, 2 * FILE_BYTES), 0);
	device = open(store_path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(ioctl(device, LOOP_SET_CAPACITY, 0), 0);
	close(device);
	ck_assert_int_eq(store->ops->look_again(store), 0);
	ck_assert_uint_eq(store->size, 2 * FILE_BYTES);
	ck_assert_int_eq(store_perform(BLK_WRITE, 2 * FILE_BYTES - LARGE, LARGE), 0);
	close(fd);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(it_is_locked_as_long_as_there_is_either_descriptor, 2),
		TIMES(each_mode_reads_and_writes_in_place, 3),
		TIMES(what_is_aligned_and_what_is_not_see_the_same_bytes, 2),
		ONCE(what_is_written_directly_is_what_others_read),
		ONCE(direct_operations_leave_nothing_in_the_page_cache),
		ONCE(writeback_keeps_what_it_moves),
		ONCE(one_operation_of_the_kernel_each_but_two_for_what_is_not_aligned),
		TIMES(a_short_direct_transfer_goes_on_where_it_stopped, 8),
		ONCE(memory_may_begin_anywhere),
		TIMES(what_is_to_be_tried_for_ever_is_an_error, 4),
		ONCE(a_file_system_without_direct_io_is_refused_with_a_way_out),
		ONCE(a_device_is_past_the_page_cache_unless_told_otherwise),
		ONCE(one_may_write_a_device),
		ONCE(a_file_has_sectors_unless_told_otherwise),
		ONCE(a_device_has_its_blocks_unless_told_otherwise),
		ONCE(a_new_size_is_seen_on_another_look),
		ONCE(a_device_that_grows_is_seen_on_another_look),
	};

	return unit_main("blk-direct", store_setup, store_teardown, tests, ARRAY_SIZE(tests));
}
