/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-blk-file.c: the stores: a file through io_uring, and the one of nothing. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/blk/store.h"
#include "unit/unit.h"

#define FILE_BYTES 262144u
#define MAX_IO     65536u

static char dir[] = "/tmp/store-XXXXXX", path[64];
static struct loop *loop;
static pthread_t thread;
static struct blk_store *store;
static uint8_t buffer[MAX_IO], contents[FILE_BYTES];

static void *thread_main(void *arg)
{
	(void)arg;
	loop_run(loop);
	return NULL;
}

static void setup(void)
{
	unsigned i;

	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
	pthread_create(&thread, NULL, thread_main, NULL);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/disk", dir);
	for (i = 0; i < FILE_BYTES; i++)
		contents[i] = (uint8_t)unit_random(256);
}

static void teardown(void)
{
	if (store)
		store->ops->close(store);
	loop_stop(loop);
	pthread_join(thread, NULL);
	loop_free(loop);
	unlink(path);
	rmdir(dir);
}

static int make_file(void)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_eq(write(fd, contents, FILE_BYTES), FILE_BYTES);
	return fd;
}

/* ---- one operation ------------------------------------------------------------- */

struct transfer {
	struct iovec piece;
	struct blk_io io;
	struct loop_work submit;
	sem_t done;
	int err;
};

static void done(struct blk_io *io, int err)
{
	struct transfer *transfer = container_of(io, struct transfer, io);

	transfer->err = err;
	sem_post(&transfer->done);
}

static void submit(struct loop_work *work)
{
	store->ops->submit(store, loop, &container_of(work, struct transfer, submit)->io);
}

static void begin(struct transfer *transfer, enum blk_op op, uint64_t offset, uint32_t length,
		  void *data)
{
	*transfer = (struct transfer){ .io = { .op = op,
					       .offset = offset,
					       .length = length,
					       .pieces = &transfer->piece,
					       .npieces = 1,
					       .done = done },
				       .piece = { .iov_base = data, .iov_len = length },
				       .submit = { .run = submit } };
	sem_init(&transfer->done, 0, 0);
	loop_post(loop, &transfer->submit);
}

static int finish(struct transfer *transfer)
{
	sem_wait(&transfer->done);
	sem_destroy(&transfer->done);
	return transfer->err;
}

static int perform(enum blk_op op, uint64_t offset, uint32_t length)
{
	struct transfer transfer;

	begin(&transfer, op, offset, length, buffer);
	return finish(&transfer);
}

/* ---- a file ----------------------------------------------------------------------- */

START_TEST(a_file_is_read_and_written_in_place)
{
	int fd = make_file();
	uint8_t back[4096];

	ck_assert_int_eq(file_store_open(path, false, &store), 0);
	ck_assert_uint_eq(store->size, FILE_BYTES);
	ck_assert_int_eq(perform(BLK_READ, 512, MAX_IO), 0);
	ck_assert_mem_eq(buffer, contents + 512, MAX_IO);
	memset(buffer, 0x5a, sizeof(buffer));
	ck_assert_int_eq(perform(BLK_WRITE, FILE_BYTES - 4096, 4096), 0);
	ck_assert_int_eq(perform(BLK_FLUSH, 0, 0), 0);
	ck_assert_int_eq(pread(fd, back, 4096, FILE_BYTES - 4096), 4096);
	ck_assert_mem_eq(back, buffer, 4096);
	close(fd);
}
END_TEST

START_TEST(many_operations_at_once)
{
	static uint8_t data[FILE_BYTES];
	struct transfer transfers[512];
	unsigned i;

	close(make_file());
	ck_assert_int_eq(file_store_open(path, false, &store), 0);
	for (i = 0; i < 512; i++)
		begin(&transfers[i], BLK_READ, i * 512, 512, data + i * 512);
	for (i = 0; i < 512; i++)
		ck_assert_int_eq(finish(&transfers[i]), 0);
	ck_assert_mem_eq(data, contents, FILE_BYTES);
}
END_TEST

/* The file was cut behind our back: the part that is there does not make it good. */
START_TEST(a_read_behind_the_end_is_an_error)
{
	int fd = make_file();

	ck_assert_int_eq(file_store_open(path, false, &store), 0);
	ck_assert_int_eq(ftruncate(fd, 100000), 0);
	ck_assert_int_eq(perform(BLK_READ, 90000 / 512 * 512, MAX_IO), -EIO);
	ck_assert_int_eq(perform(BLK_READ, 131072, 512), -EIO);
	ck_assert_int_eq(perform(BLK_READ, 0, MAX_IO), 0);
	close(fd);
}
END_TEST

/* The first part fits, so the rest is tried, and its error is the answer. */
START_TEST(a_short_write_goes_on_to_its_error)
{
	const struct rlimit limit = { FILE_BYTES - 4096, RLIM_INFINITY };

	close(make_file());
	ck_assert_int_eq(file_store_open(path, false, &store), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(perform(BLK_WRITE, FILE_BYTES - 8192, 8192), -EFBIG);
	ck_assert_int_eq(perform(BLK_WRITE, FILE_BYTES - 8192, 4096), 0);
}
END_TEST

/* A small file system that only this thread sees; it takes a right to mount. */
static bool mount_small(void)
{
	return !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("none", dir, "tmpfs", 0, "size=128k");
}

START_TEST(a_full_file_system_is_an_error)
{
	int fd;

	if (!mount_small())
		return;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(ftruncate(fd, FILE_BYTES), 0);
	ck_assert_int_eq(file_store_open(path, false, &store), 0);
	ck_assert_int_eq(perform(BLK_WRITE, 0, MAX_IO), 0);
	ck_assert_int_eq(perform(BLK_WRITE, MAX_IO, MAX_IO / 2), 0);
	ck_assert_int_eq(perform(BLK_WRITE, 2 * MAX_IO, MAX_IO), -ENOSPC);
	ck_assert_int_eq(perform(BLK_READ, 0, MAX_IO), 0);
	close(fd);
	umount2(dir, MNT_DETACH);
}
END_TEST

START_TEST(a_file_opened_readonly_cannot_be_written)
{
	close(make_file());
	ck_assert_int_eq(file_store_open(path, true, &store), 0);
	ck_assert_int_eq(perform(BLK_READ, 0, 512), 0);
	ck_assert_int_eq(perform(BLK_WRITE, 0, 512), -EBADF);
}
END_TEST

/* ---- what cannot be opened ------------------------------------------------------- */

static void assert_refused(const char *what, int err, const char *why)
{
	const char *log;
	int got;

	log_capture_begin();
	got = file_store_open(what, false, &store);
	log = log_capture_end();
	ck_assert_int_eq(got, err);
	ck_assert_uint_eq(count_lines(log), 1);
	ck_assert_msg(strstr(log, what) && strstr(log, why), "%s", log);
}

START_TEST(what_is_no_disk_is_refused_in_one_line)
{
	char fifo[80];

	assert_refused("/nonexistent/disk", -ENOENT, "No such file");
	assert_refused(dir, -EISDIR, "directory");
	assert_refused("/dev/null", -EINVAL, "neither a file nor a block device");
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	assert_refused(fifo, -EINVAL, "neither a file nor a block device");
	unlink(fifo);
}
END_TEST

/* ---- nothing ----------------------------------------------------------------------- */

START_TEST(the_null_store_reads_zeroes_and_forgets)
{
	uint8_t zeroes[4096] = { 0 };

	ck_assert_int_eq(null_store_open(1ull << 40, false, &store), 0);
	ck_assert_uint_eq(store->size, 1ull << 40);
	memset(buffer, 0xff, sizeof(buffer));
	ck_assert_int_eq(perform(BLK_WRITE, 0, 4096), 0);
	ck_assert_int_eq(perform(BLK_FLUSH, 0, 0), 0);
	ck_assert_int_eq(perform(BLK_READ, 0, 4096), 0);
	ck_assert_mem_eq(buffer, zeroes, sizeof(zeroes));
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
		ONCE(a_file_opened_readonly_cannot_be_written),
		ONCE(what_is_no_disk_is_refused_in_one_line),
		ONCE(the_null_store_reads_zeroes_and_forgets),
	};

	return unit_main("blk-file", setup, teardown, tests, ARRAY_SIZE(tests));
}
