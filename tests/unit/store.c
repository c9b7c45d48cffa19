/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c: see store.h. */
#include "unit/store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u

char store_dir[] = "/tmp/store-XXXXXX", store_path[80];
struct loop *store_loop;
struct blk_store *store;
uint8_t store_contents[FILE_BYTES];
_Alignas(4096) uint8_t store_buffer[MAX_IO];
static char file_path[80];
static pthread_t thread;
static int device = -1;

static void *thread_main(void *arg)
{
	loop_run(arg);
	return NULL;
}

void store_setup(void)
{
	unsigned i;

	store_loop = loop_new();
	ck_assert_ptr_nonnull(store_loop);
	pthread_create(&thread, NULL, thread_main, store_loop);
	ck_assert_ptr_nonnull(mkdtemp(store_dir));
	snprintf(file_path, sizeof(file_path), "%s/disk", store_dir);
	snprintf(store_path, sizeof(store_path), "%s", file_path);
	for (i = 0; i < FILE_BYTES; i++)
		store_contents[i] = (uint8_t)unit_random(256);
}

void store_teardown(void)
{
	if (store)
		store->ops->close(store);
	if (device >= 0)
		close(device);
	loop_stop(store_loop);
	pthread_join(thread, NULL);
	loop_free(store_loop);
	unlink(file_path);
	rmdir(store_dir);
}

int store_make_file(void)
{
	int fd = open(store_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_eq(write(fd, store_contents, FILE_BYTES), FILE_BYTES);
	return fd;
}

int store_open(bool readonly, enum blk_cache cache)
{
	const struct file_options options = { .path = store_path,
					      .readonly = readonly,
					      .cache = cache };
	struct reason why;

	return file_store_open(&options, false, &store, &why);
}

bool store_open_direct(void)
{
	int err = store_open(false, BLK_CACHE_NONE);

	ck_assert(!err || err == -EINVAL);
	return !err;
}

unsigned store_cached_pages(void)
{
	int fd = open(store_path, O_RDONLY | O_CLOEXEC);
	void *mapped = mmap(NULL, FILE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	unsigned char in_core[FILE_BYTES / PAGE];
	unsigned i, count = 0;

	ck_assert_ptr_ne(mapped, MAP_FAILED);
	ck_assert_int_eq(mincore(mapped, FILE_BYTES, in_core), 0);
	munmap(mapped, FILE_BYTES);
	close(fd);
	for (i = 0; i < ARRAY_SIZE(in_core); i++)
		count += in_core[i] & 1;
	return count;
}

/* Another process may be faster to take the free one. */
static bool take_free_device(int control, const struct loop_config *config)
{
	int tries, number;

	for (tries = 0; tries < 10; tries++) {
		number = ioctl(control, LOOP_CTL_GET_FREE);
		snprintf(store_path, sizeof(store_path), "/dev/loop%d", number);
		device = number < 0 ? -1 : open(store_path, O_RDWR | O_CLOEXEC);
		if (device < 0)
			return false;
		if (!ioctl(device, LOOP_CONFIGURE, config))
			return true;
		close(device);
		device = -1;
	}
	return false;
}

bool store_make_device(uint32_t block)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int file = open(file_path, O_RDWR | O_CLOEXEC);
	const struct loop_config config = { .fd = (uint32_t)file,
					    .block_size = block,
					    .info.lo_flags = LO_FLAGS_AUTOCLEAR };
	bool made = control >= 0 && take_free_device(control, &config);

	close(control);
	close(file);
	return made;
}

static void done(struct blk_io *io, int err)
{
	struct transfer *transfer = container_of(io, struct transfer, io);

	transfer->err = err;
	sem_post(&transfer->done);
}

static void submit(struct loop_work *work)
{
	struct transfer *transfer = container_of(work, struct transfer, submit);

	store->ops->submit(store, store_loop, &transfer->io);
	if (!transfer->meddle)
		return;
	transfer->transferred = transfer->io.loop_op.done;
	transfer->io.loop_op.done = transfer->meddle;
}

void transfer_start(struct transfer *transfer)
{
	transfer->io.done = done;
	transfer->submit.run = submit;
	sem_init(&transfer->done, 0, 0);
	loop_post(store_loop, &transfer->submit);
}

void transfer_begin(struct transfer *transfer, enum blk_op op, uint64_t offset, uint32_t length,
		    void *data)
{
	*transfer = (struct transfer){ .io = { .op = op,
					       .offset = offset,
					       .length = length,
					       .pieces = &transfer->piece,
					       .npieces = 1 },
				       .piece = { .iov_base = data, .iov_len = length } };
	transfer_start(transfer);
}

int transfer_finish(struct transfer *transfer)
{
	sem_wait(&transfer->done);
	sem_destroy(&transfer->done);
	return transfer->err;
}

unsigned transfer_steps;

void transfer_count(struct loop_op *op, int result)
{
	struct transfer *transfer = container_of(op, struct transfer, io.loop_op);

	transfer_steps++;
	transfer->transferred(op, result);
	if (op->done == transfer_count)
		return;
	transfer->transferred = op->done;
	op->done = transfer_count;
}

int store_perform(enum blk_op op, uint64_t offset, uint32_t length)
{
	struct transfer transfer;

	transfer_begin(&transfer, op, offset, length, store_buffer);
	return transfer_finish(&transfer);
}
