/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-blk-space.c: what a file's store does for discards and zeroes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/blk/file.h"
#include "unit/store.h"

#define UNIT 4096u

static struct file_store *file(void)
{
	return container_of(store, struct file_store, store);
}

/* What the image takes up of its file system: the file's, or that below the device. */
static uint64_t space(int fd)
{
	struct stat st;

	ck_assert_int_eq(fsync(fd), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* The file, or a device in it, by _i; returns the file, or -1 where that is not permitted. */
static int open_either(int i)
{
	int fd = store_make_file();

	ck_assert_int_eq(fsync(fd), 0);
	if (i && !store_make_device(512))
		return -1;
	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	return fd;
}

static void assert_contents(uint64_t offset, uint32_t length)
{
	ck_assert_int_eq(store_perform(BLK_READ, offset, length), 0);
	ck_assert(!memcmp(store_buffer, store_contents + offset, length));
}

static void assert_zeroes(uint64_t offset, uint32_t length)
{
	memset(store_contents + offset, 0, length);
	assert_contents(offset, length);
}

struct request {
	enum blk_op op;
	bool unmap, stable;
	uint64_t offset, length;
};

/* Counts its steps as well. */
static int request(const struct request *request)
{
	static struct transfer transfer;

	transfer = (struct transfer){ .io = { .op = request->op,
					      .unmap = request->unmap,
					      .stable = request->stable,
					      .offset = request->offset,
					      .length = request->length },
				      .meddle = transfer_count };
	transfer_steps = 0;
	transfer_start(&transfer);
	return transfer_finish(&transfer);
}

static int discard(uint64_t offset, uint64_t length)
{
	return request(&(struct request){ BLK_DISCARD, .offset = offset, .length = length });
}

static int zero(uint64_t offset, uint64_t length, bool unmap)
{
	return request(&(struct request){ BLK_WRITE_ZEROES, unmap, false, offset, length });
}

/* ---- discards --------------------------------------------------------------------------- */

START_TEST(a_discard_gives_space_back)
{
	int fd = open_either(_i);
	uint64_t before;

	if (fd < 0)
		return;
	before = space(fd);
	ck_assert_int_eq(discard(0, MAX_IO), 0);
	ck_assert_uint_eq(space(fd), before - MAX_IO);
	assert_zeroes(0, MAX_IO);
	assert_contents(MAX_IO, MAX_IO);
	close(fd);
}
END_TEST

/* A kernel before 6.12, or the same as if it were. */
START_TEST(a_device_is_punched_where_the_kernel_has_no_discard)
{
	int fd = open_either(1);
	uint64_t before;

	if (fd < 0)
		return;
	before = space(fd);
	file()->no_command = true;
	ck_assert_int_eq(discard(MAX_IO, MAX_IO), 0);
	ck_assert_uint_eq(space(fd), before - MAX_IO);
	close(fd);
}
END_TEST

/* The blocks that it has only a part of keep what they hold. */
START_TEST(a_discard_leaves_parts_of_blocks_alone)
{
	int fd = open_either(_i);
	uint64_t before;

	if (fd < 0)
		return;
	before = space(fd);
	ck_assert_int_eq(discard(512, 2 * UNIT), 0);
	ck_assert_uint_eq(space(fd), before - UNIT);
	assert_contents(0, UNIT);
	assert_zeroes(UNIT, UNIT);
	assert_contents(2 * UNIT, UNIT);
	ck_assert_int_eq(discard(3 * UNIT + 512, UNIT), 0);
	ck_assert_int_eq(discard(5 * UNIT, 512), 0);
	ck_assert_uint_eq(space(fd), before - UNIT);
	assert_contents(0, MAX_IO);
	close(fd);
}
END_TEST

/* ---- zeroes ------------------------------------------------------------------------------ */

/* ... and may be refused where the file system knows no such thing: then they are to be
 * written. */
START_TEST(zeroes_read_back_as_zeroes)
{
	static const bool unmap[] = { false, true };
	int fd = open_either(_i / 2), err;

	if (fd < 0)
		return;
	err = zero(2 * UNIT, 3 * UNIT, unmap[_i % 2]);
	if (err == -EOPNOTSUPP)
		return;
	ck_assert_int_eq(err, 0);
	assert_zeroes(2 * UNIT, 3 * UNIT);
	ck_assert_int_eq(zero(10 * UNIT + 512, UNIT, unmap[_i % 2]), 0);
	assert_zeroes(10 * UNIT + 512, UNIT);
	assert_contents(0, MAX_IO);
	close(fd);
}
END_TEST

START_TEST(zeroes_keep_their_space_unless_they_may_give_it_back)
{
	int fd = open_either(_i), err;
	uint64_t before;

	if (fd < 0)
		return;
	before = space(fd);
	err = zero(0, MAX_IO, false);
	if (err == -EOPNOTSUPP)
		return;
	ck_assert_int_eq(err, 0);
	ck_assert_uint_eq(space(fd), before);
	ck_assert_int_eq(zero(0, MAX_IO, true), 0);
	ck_assert_uint_eq(space(fd), before - MAX_IO);
	close(fd);
}
END_TEST

/* A device zeroes blocks; parts of them have to be written. */
START_TEST(zeroes_in_parts_of_a_devices_blocks_are_refused)
{
	close(store_make_file());
	if (!store_make_device(UNIT))
		return;
	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	ck_assert_int_eq(zero(512, UNIT, true), -EOPNOTSUPP);
	ck_assert_int_eq(zero(UNIT, 512, false), -EOPNOTSUPP);
	assert_contents(0, MAX_IO);
	ck_assert_int_eq(zero(UNIT, UNIT, false), 0);
	assert_zeroes(UNIT, UNIT);
}
END_TEST

/* ---- both ---------------------------------------------------------------------------------- */

/* Whatever the page cache held, and whoever reads. */
START_TEST(what_was_cached_of_a_range_is_forgotten)
{
	uint8_t back[2 * UNIT];
	int fd = store_make_file();

	ck_assert_int_eq(pread(fd, back, sizeof(back), 0), sizeof(back));
	ck_assert_int_eq(pwrite(fd, back, UNIT, 0), UNIT);
	if (!store_open_direct())
		return;
	ck_assert_int_eq(discard(0, UNIT), 0);
	ck_assert_int_eq(zero(UNIT, UNIT, true), 0);
	assert_zeroes(0, 2 * UNIT);
	ck_assert_int_eq(pread(fd, back, sizeof(back), 0), sizeof(back));
	ck_assert_mem_eq(back, store_contents, sizeof(back));
	close(fd);
}
END_TEST

/* One operation of the kernel, and one that makes it stable. */
START_TEST(they_are_stable_when_they_have_to_be)
{
	struct request what = { BLK_DISCARD, .unmap = true, .length = UNIT };
	int fd = open_either(0);

	ck_assert_int_eq(request(&what), 0);
	ck_assert_uint_eq(transfer_steps, 1);
	what.stable = true;
	ck_assert_int_eq(request(&what), 0);
	ck_assert_uint_eq(transfer_steps, 2);
	what.op = BLK_WRITE_ZEROES;
	ck_assert_int_eq(request(&what), 0);
	ck_assert_uint_eq(transfer_steps, 2);
	close(fd);
}
END_TEST

/* The file was cut behind our back, and does not come back by this. */
START_TEST(they_do_not_make_the_file_larger)
{
	struct stat st;
	int fd = open_either(0);

	ck_assert_int_eq(ftruncate(fd, UNIT), 0);
	discard(0, 4 * UNIT);
	zero(0, 4 * UNIT, false);
	zero(0, 4 * UNIT, true);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, UNIT);
	close(fd);
}
END_TEST

START_TEST(a_file_opened_readonly_keeps_what_it_holds)
{
	close(store_make_file());
	ck_assert_int_eq(store_open(true, BLK_CACHE_AUTO), 0);
	ck_assert_int_lt(discard(0, UNIT), 0);
	ck_assert_int_lt(zero(0, UNIT, true), 0);
	assert_contents(0, UNIT);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(a_discard_gives_space_back, 2),
		ONCE(a_device_is_punched_where_the_kernel_has_no_discard),
		TIMES(a_discard_leaves_parts_of_blocks_alone, 2),
		TIMES(zeroes_read_back_as_zeroes, 4),
		TIMES(zeroes_keep_their_space_unless_they_may_give_it_back, 2),
		ONCE(zeroes_in_parts_of_a_devices_blocks_are_refused),
		ONCE(what_was_cached_of_a_range_is_forgotten),
		ONCE(they_are_stable_when_they_have_to_be),
		ONCE(they_do_not_make_the_file_larger),
		ONCE(a_file_opened_readonly_keeps_what_it_holds),
	};

	return unit_main("blk-space", store_setup, store_teardown, tests, ARRAY_SIZE(tests));
}
