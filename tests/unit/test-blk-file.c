/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-blk-file.c: the stores: a file through io_uring, and the one of nothing. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "unit/store.h"

/* ---- a file ----------------------------------------------------------------------- */

START_TEST(a_file_is_read_and_written_in_place)
{
	int fd = store_make_file();
	uint8_t back[4096];

	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	ck_assert_uint_eq(store->size, FILE_BYTES);
	ck_assert_int_eq(store_perform(BLK_READ, 512, MAX_IO), 0);
	ck_assert_mem_eq(store_buffer, store_contents + 512, MAX_IO);
	memset(store_buffer, 0x5a, sizeof(store_buffer));
	ck_assert_int_eq(store_perform(BLK_WRITE, FILE_BYTES - 4096, 4096), 0);
	ck_assert_int_eq(store_perform(BLK_FLUSH, 0, 0), 0);
	ck_assert_int_eq(pread(fd, back, 4096, FILE_BYTES - 4096), 4096);
	ck_assert_mem_eq(back, store_buffer, 4096);
	close(fd);
}
END_TEST

START_TEST(many_operations_at_once)
{
	static uint8_t data[FILE_BYTES];
	struct transfer transfers[512];
	unsigned i;

	close(store_make_file());
	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	for (i = 0; i < 512; i++)
		transfer_begin(&transfers[i], BLK_READ, i * 512, 512, data + i * 512);
	for (i = 0; i < 512; i++)
		ck_assert_int_eq(transfer_finish(&transfers[i]), 0);
	ck_assert_mem_eq(data, store_contents, FILE_BYTES);
}
END_TEST

/* The file was cut behind our back: the part that is there does not make it good. */
START_TEST(a_read_behind_the_end_is_an_error)
{
	int fd = store_make_file();

	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	ck_assert_int_eq(ftruncate(fd, 100000), 0);
	ck_assert_int_eq(store_perform(BLK_READ, 90000 / 512 * 512, MAX_IO), -EIO);
	ck_assert_int_eq(store_perform(BLK_READ, 131072, 512), -EIO);
	ck_assert_int_eq(store_perform(BLK_READ, 0, MAX_IO), 0);
	close(fd);
}
END_TEST

/* The first part fits, so the rest is tried, and its error is the answer. */
START_TEST(a_short_write_goes_on_to_its_error)
{
	const struct rlimit limit = { FILE_BYTES - 4096, RLIM_INFINITY };

	close(store_make_file());
	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(store_perform(BLK_WRITE, FILE_BYTES - 8192, 8192), -EFBIG);
	ck_assert_int_eq(store_perform(BLK_WRITE, FILE_BYTES - 8192, 4096), 0);
}
END_TEST

/* A small file system that only this thread sees; it takes a right to mount. */
static bool mount_small(void)
{
	return !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("none", store_dir, "tmpfs", 0, "size=128k");
}

START_TEST(a_full_file_system_is_an_error)
{
	int fd;

	if (!mount_small())
		return;
	fd = open(store_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(ftruncate(fd, FILE_BYTES), 0);
	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	ck_assert_int_eq(store_perform(BLK_WRITE, 0, MAX_IO), 0);
	ck_assert_int_eq(store_perform(BLK_WRITE, MAX_IO, MAX_IO / 2), 0);
	ck_assert_int_eq(store_perform(BLK_WRITE, 2 * MAX_IO, MAX_IO), -ENOSPC);
	ck_assert_int_eq(store_perform(BLK_READ, 0, MAX_IO), 0);
	close(fd);
	umount2(store_dir, MNT_DETACH);
}
END_TEST

static void failing(struct loop_op *op, int result)
{
	(void)result;
	container_of(op, struct transfer, io.loop_op)->transferred(op, -EIO);
}

static int failed_flush(void)
{
	struct transfer transfer = { .meddle = failing, .io = { .op = BLK_FLUSH } };

	transfer_start(&transfer);
	return transfer_finish(&transfer);
}

/* The kernel would not fail another one. */
START_TEST(what_a_flush_of_the_page_cache_has_lost_is_lost)
{
	close(store_make_file());
	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	ck_assert_int_eq(failed_flush(), -ESTALE);
	ck_assert_int_eq(store_perform(BLK_FLUSH, 0, 0), 0);
}
END_TEST

START_TEST(past_the_page_cache_another_flush_may_help)
{
	close(store_make_file());
	if (store_open_direct())
		ck_assert_int_eq(failed_flush(), -EIO);
}
END_TEST

START_TEST(a_file_opened_readonly_cannot_be_written)
{
	close(store_make_file());
	ck_assert_int_eq(store_open(true, BLK_CACHE_AUTO), 0);
	ck_assert_int_eq(store_perform(BLK_READ, 0, 512), 0);
	ck_assert_int_eq(store_perform(BLK_WRITE, 0, 512), -EBADF);
}
END_TEST

/* ---- several pieces, and short transfers ------------------------------------------- */

#define PIECES 6u

/* What such a transfer consists of, in memory backwards and with gaps between. */
static const uint32_t piece_lengths[PIECES] = { 1, 511, 4096, 3, 9000, 5 };
static struct iovec pieces[PIECES];

static uint32_t lay_out(void)
{
	uint32_t total = 0, at = MAX_IO;
	unsigned i;

	for (i = 0; i < PIECES; i++) {
		at -= piece_lengths[i] + 100;
		pieces[i] = (struct iovec){ .iov_base = store_buffer + at,
					    .iov_len = piece_lengths[i] };
		total += piece_lengths[i];
	}
	return total;
}

/* Copies between @flat, from byte @from on, and the pieces. */
static void walk_pieces(uint8_t *flat, uint32_t from, bool to_pieces)
{
	uint32_t i, offset = 0, j;

	for (i = 0; i < PIECES; i++)
		for (j = 0; j < piece_lengths[i]; j++, offset++) {
			uint8_t *byte = (uint8_t *)pieces[i].iov_base + j;

			if (offset >= from && to_pieces)
				*byte = flat[offset];
			else if (offset >= from)
				flat[offset] = *byte;
		}
}

/* As if the kernel had moved less: what lies behind is spoilt, and so has to be
 * moved again to its exact place. */
static void spoil_rest(const struct transfer *transfer, uint32_t from)
{
	const struct blk_io *io = &transfer->io;
	static uint8_t junk[MAX_IO];
	int fd;

	memset(junk, 0xee, sizeof(junk));
	if (io->op == BLK_READ) {
		walk_pieces(junk, from, true);
		return;
	}
	fd = open(store_path, O_WRONLY | O_CLOEXEC);
	if (pwrite(fd, junk, io->length - from, (off_t)(io->offset + from)) < 0)
		abort(); /* ck_assert() is for the test's own thread */
	close(fd);
}

static void shortened(struct loop_op *op, int result)
{
	struct transfer *transfer = container_of(op, struct transfer, io.loop_op);
	static const int agains[] = { -EINTR, -EAGAIN };

	if (transfer->agains) {
		spoil_rest(transfer, transfer->io.moved);
		transfer->transferred(op, agains[--transfer->agains % 2]);
		return;
	}
	if (result > (int)transfer->most) {
		result = (int)transfer->most;
		spoil_rest(transfer, transfer->io.moved + transfer->most);
	}
	transfer->transferred(op, result);
}

/* One transfer of all pieces; @most bytes of it at once. */
static int move_pieces(enum blk_op op, uint64_t offset, uint32_t most, unsigned agains)
{
	struct transfer transfer = { .meddle = shortened,
				     .most = most ? most : MAX_IO,
				     .agains = agains };

	transfer.io = (struct blk_io){
		.op = op, .offset = offset, .length = lay_out(), .pieces = pieces, .npieces = PIECES
	};
	transfer_start(&transfer);
	return transfer_finish(&transfer);
}

static void check_reads(uint32_t most, unsigned agains)
{
	static uint8_t flat[MAX_IO];
	uint32_t i, total = lay_out();

	memset(store_buffer, 0x11, sizeof(store_buffer));
	ck_assert_int_eq(move_pieces(BLK_READ, 512, most, agains), 0);
	walk_pieces(flat, 0, false);
	ck_assert_mem_eq(flat, store_contents + 512, total);
	for (i = 0; i < PIECES; i++)
		ck_assert_uint_eq(((uint8_t *)pieces[i].iov_base)[piece_lengths[i]], 0x11);
}

static void check_writes(uint32_t most, unsigned agains)
{
	static uint8_t flat[MAX_IO], back[MAX_IO];
	uint32_t i, total = lay_out();

	for (i = 0; i < total; i++)
		flat[i] = (uint8_t)unit_random(256);
	walk_pieces(flat, 0, true);
	ck_assert_int_eq(move_pieces(BLK_WRITE, 1024, most, agains), 0);
	ck_assert_int_eq(store_perform(BLK_READ, 512, MAX_IO), 0);
	memcpy(back, store_buffer, sizeof(back));
	ck_assert(!memcmp(back, store_contents + 512, 512));
	ck_assert(!memcmp(back + 512, flat, total));
	ck_assert(!memcmp(back + 512 + total, store_contents + 1024 + total, 4096));
	memcpy(store_contents + 1024, flat, total);
}

static void check_pieces(uint32_t most, unsigned agains)
{
	check_reads(most, agains);
	check_writes(most, agains);
}

START_TEST(pieces_are_read_and_written_in_place)
{
	close(store_make_file());
	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	check_pieces(0, 0);
}
END_TEST

/* Wherever the kernel stops: at a border of pieces, before and behind it, and in
 * the middle; again and again. */
START_TEST(a_short_transfer_goes_on_where_it_stopped)
{
	static const uint32_t mosts[] = { 7,    100,  510,  511,  512,  513,  4095, 4096,
					  4607, 4608, 4609, 4610, 4611, 4612, 9000, 13615 };

	close(store_make_file());
	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	check_pieces(mosts[_i], 0);
}
END_TEST

START_TEST(a_transfer_that_is_interrupted_is_tried_again)
{
	close(store_make_file());
	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	check_pieces(MAX_IO, 2);
	check_pieces(4000, 3);
}
END_TEST

/* The file ends in one of the pieces. */
START_TEST(pieces_behind_the_end_are_an_error)
{
	int fd = store_make_file();

	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	ck_assert_int_eq(ftruncate(fd, 8192), 0);
	ck_assert_int_eq(move_pieces(BLK_READ, 512, 0, 0), -EIO);
	ck_assert_int_eq(move_pieces(BLK_READ, 8192, 0, 0), -EIO);
	close(fd);
}
END_TEST

/* What fits is written, in the middle of a piece it ends, and that is told. */
START_TEST(pieces_that_do_not_fit_are_an_error)
{
	static uint8_t flat[MAX_IO], back[MAX_IO];
	int fd;

	if (!mount_small())
		return;
	fd = open(store_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(ftruncate(fd, FILE_BYTES), 0);
	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	ck_assert_int_eq(store_perform(BLK_WRITE, 0, MAX_IO), 0);
	ck_assert_int_eq(store_perform(BLK_WRITE, MAX_IO, MAX_IO - 8192),
			 0); /* two pages are left */
	lay_out();
	memcpy(flat, store_contents, sizeof(flat));
	walk_pieces(flat, 0, true);
	ck_assert_int_eq(move_pieces(BLK_WRITE, 2 * MAX_IO, 0, 0), -ENOSPC);
	ck_assert_int_eq(pread(fd, back, 8192, 2 * MAX_IO), 8192);
	ck_assert_mem_eq(back, flat, 8192);
	close(fd);
	umount2(store_dir, MNT_DETACH);
}
END_TEST

/* ---- registered memory ----------------------------------------------------------------- */

static size_t registered;
static sem_t is_registered;

static void register_buffer(struct loop_work *work)
{
	(void)work;
	if (loop_register(store_loop, store_buffer, registered))
		abort();
	sem_post(&is_registered);
}

/* All of the store_buffer, or a part, so that some transfers lie half in what is
 * registered; whole ones, and ones that go on from the middle. */
START_TEST(registered_memory_is_read_and_written_as_other_memory)
{
	static const size_t lengths[] = { MAX_IO, MAX_IO / 2, 4096 };
	static const uint32_t mosts[] = { 0, 3000, 5000 };
	struct loop_work work = { .run = register_buffer };
	unsigned i;

	registered = lengths[_i];
	sem_init(&is_registered, 0, 0);
	loop_post(store_loop, &work);
	sem_wait(&is_registered);
	close(store_make_file());
	ck_assert_int_eq(store_open(false, BLK_CACHE_AUTO), 0);
	ck_assert_int_eq(store_perform(BLK_READ, 512, MAX_IO), 0);
	ck_assert_mem_eq(store_buffer, store_contents + 512, MAX_IO);
	ck_assert_int_eq(store_perform(BLK_READ, 1024, 4096), 0);
	ck_assert_mem_eq(store_buffer, store_contents + 1024, 4096);
	memset(store_buffer, 0x5a, 4096);
	ck_assert_int_eq(store_perform(BLK_WRITE, 100 * 512, 4096), 0);
	memcpy(store_contents + 100 * 512, store_buffer, 4096);
	ck_assert_int_eq(store_perform(BLK_READ, 90 * 512, 20 * 512), 0);
	ck_assert_mem_eq(store_buffer, store_contents + 90 * 512, 20 * 512);
	for (i = 0; i < ARRAY_SIZE(mosts); i++)
		check_pieces(mosts[i], 0);
}
END_TEST

/* ---- nothing ----------------------------------------------------------------------- */

START_TEST(the_null_store_reads_zeroes_and_forgets)
{
	uint8_t zeroes[4096] = { 0 };

	ck_assert_int_eq(null_store_open(1ull << 40, false, &store), 0);
	ck_assert_uint_eq(store->size, 1ull << 40);
	memset(store_buffer, 0xff, sizeof(store_buffer));
	ck_assert_int_eq(store_perform(BLK_WRITE, 0, 4096), 0);
	ck_assert_int_eq(store_perform(BLK_FLUSH, 0, 0), 0);
	ck_assert_int_eq(store_perform(BLK_READ, 0, 4096), 0);
	ck_assert_mem_eq(store_buffer, zeroes, sizeof(zeroes));
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(a_file_is_read_and_written_in_place),
		ONCE(many_operations_at_once),
		ONCE(a_read_behind_the_end_is_an_error),
		ONCE(a_short_write_goes_on_to_its_error),
		ONCE(a_full_file_system_is_an_error),
		ONCE(what_a_flush_of_the_page_cache_has_lost_is_lost),
		ONCE(past_the_page_cache_another_flush_may_help),
		ONCE(a_file_opened_readonly_cannot_be_written),
		ONCE(pieces_are_read_and_written_in_place),
		TIMES(a_short_transfer_goes_on_where_it_stopped, 16),
		ONCE(a_transfer_that_is_interrupted_is_tried_again),
		ONCE(pieces_behind_the_end_are_an_error),
		ONCE(pieces_that_do_not_fit_are_an_error),
		TIMES(registered_memory_is_read_and_written_as_other_memory, 3),
		ONCE(the_null_store_reads_zeroes_and_forgets),
	};

	return unit_main("blk-file", store_setup, store_teardown, tests, ARRAY_SIZE(tests));
}
