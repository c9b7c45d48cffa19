/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file-io.c: the operations of the store in a file or a block device, as io_uring's.
 *
 * Theory of operation. Where the store is to be past the page cache, what is aligned goes
 * by one descriptor, with O_DIRECT, and the rest by another one, through the page cache.
 * Both see the same bytes: before it moves a range directly the kernel writes back and
 * drops the pages of it, and the ranges are whole pages (file_find_alignment()). But a page
 * that comes into the cache while a direct write of it is under way may be older than the
 * disk, and nobody drops it after a block device's asynchronous write. So nothing is read
 * ahead, and what is not aligned writes out and drops its pages before it is done: such a
 * page is there only for operations that overlap in the guest, whose order it left open.
 *
 * Discards and zeroes are calls that the kernel makes coherent with both. There are
 * several, and the best that is known here is taken. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/log.h"
#include "base/util.h"
#include "devices/blk/file.h"

#define TRIES_MAX     10
#define PAGE_SIZE_MAX 65536U

#ifndef BLOCK_URING_CMD_DISCARD /* since Linux 6.12 */
#define BLOCK_URING_CMD_DISCARD _IO(0x12, 0)
#endif

static struct file_store *file_of(const struct blk_io *io)
{
	return container_of(io->store, struct file_store, store);
}

/* The kernel may wish that something is tried again, though not for ever. */
static bool wants_another_try(struct blk_io *io, int result)
{
	return (result == -EINTR || result == -EAGAIN) && ++io->tries < TRIES_MAX;
}

/* ---- the last step ------------------------------------------------------------------- */

static void submit_flush(struct blk_io *io);

/* The kernel tells of what it could not write back once, and has forgotten it then: another
 * flush would succeed. Past the page cache there is nothing of that kind. */
static int flush_error(const struct blk_io *io, int err)
{
	if (file_of(io)->direct >= 0)
		return err;
	log_guest("a flush failed: %s", strerror(-err));
	return -ESTALE;
}

static void flushed(struct loop_op *op, int result)
{
	struct blk_io *io = container_of(op, struct blk_io, loop_op);

	if (wants_another_try(io, result))
		submit_flush(io);
	else
		io->done(io, result < 0 ? flush_error(io, result) : 0);
}

static void submit_flush(struct blk_io *io)
{
	struct io_uring_sqe *sqe = loop_sqe(io->loop);

	io_uring_prep_fsync(sqe, file_of(io)->fd, IORING_FSYNC_DATASYNC);
	loop_sqe_for(sqe, &io->loop_op);
}

static void start_flush(struct blk_io *io)
{
	io->loop_op.done = flushed;
	submit_flush(io);
}

/* It is advice, which may be in vain. */
static void dropped(struct loop_op *op, int result)
{
	struct blk_io *io = container_of(op, struct blk_io, loop_op);

	(void)result;
	io->done(io, io->err);
}

/* The kernel drops whole pages only, of any size they may have. */
static void drop_pages(struct blk_io *io)
{
	uint64_t begin = io->offset / PAGE_SIZE_MAX * PAGE_SIZE_MAX;
	uint64_t end =
		(io->offset + io->length + PAGE_SIZE_MAX - 1) / PAGE_SIZE_MAX * PAGE_SIZE_MAX;
	struct io_uring_sqe *sqe = loop_sqe(io->loop);

	io->loop_op.done = dropped;
	io_uring_prep_fadvise(sqe, file_of(io)->fd, begin, (off_t)(end - begin),
			      POSIX_FADV_DONTNEED);
	loop_sqe_for(sqe, &io->loop_op);
}

/* ---- reads and writes ------------------------------------------------------------------ */

static void end_transfer(struct blk_io *io, int err)
{
	io->err = err;
	if (io->cached)
		drop_pages(io);
	else
		io->done(io, err);
}

static void submit_rest(struct blk_io *io);

/* A short transfer goes on where it stopped; no progress is an error: a file
 * that was cut, for one. */
static void transferred(struct loop_op *op, int result)
{
	struct blk_io *io = container_of(op, struct blk_io, loop_op);

	if (wants_another_try(io, result)) {
		submit_rest(io);
		return;
	}
	if (result <= 0) {
		end_transfer(io, result ? result : -EIO);
		return;
	}
	io->tries = 0;
	io->moved += (unsigned)result;
	if (io->moved < io->length)
		submit_rest(io);
	else
		end_transfer(io, 0);
}

/* The one piece, or what a short transfer left of one. */
static void prepare_piece(const struct blk_io *io, struct io_uring_sqe *sqe, int fd, void *from,
			  unsigned length)
{
	uint64_t offset = io->offset + io->moved;
	bool fixed = loop_registered(io->loop, from, length);

	if (io->op == BLK_READ && fixed)
		io_uring_prep_read_fixed(sqe, fd, from, length, offset, 0);
	else if (io->op == BLK_READ)
		io_uring_prep_read(sqe, fd, from, length, offset);
	else if (fixed)
		io_uring_prep_write_fixed(sqe, fd, from, length, offset, 0);
	else
		io_uring_prep_write(sqe, fd, from, length, offset);
}

static void prepare_transfer(const struct blk_io *io, struct io_uring_sqe *sqe, int fd)
{
	const struct iovec *piece = io->pieces;
	size_t done = io->moved;
	unsigned left;

	for (; done >= piece->iov_len; piece++)
		done -= piece->iov_len;
	left = io->npieces - (unsigned)(piece - io->pieces);
	if (done || left == 1)
		prepare_piece(io, sqe, fd, (uint8_t *)piece->iov_base + done,
			      (unsigned)(piece->iov_len - done));
	else if (io->op == BLK_READ)
		io_uring_prep_readv(sqe, fd, piece, left, io->offset + io->moved);
	else
		io_uring_prep_writev(sqe, fd, piece, left, io->offset + io->moved);
}

/* There is one piece, as long as the store does not say that it copies. */
static bool is_aligned(const struct file_store *file, const struct blk_io *io)
{
	uintptr_t memory = (uintptr_t)io->pieces->iov_base + io->moved;

	return !((io->offset + io->moved) % file->align) &&
	       !((io->length - io->moved) % file->align) && !(memory % file->memory_align);
}

static void submit_rest(struct blk_io *io)
{
	const struct file_store *file = file_of(io);
	struct io_uring_sqe *sqe = loop_sqe(io->loop);
	bool direct = file->direct >= 0 && is_aligned(file, io);

	if (file->direct >= 0 && !direct)
		io->cached = true;
	prepare_transfer(io, sqe, direct ? file->direct : file->fd);
	if (io->op == BLK_WRITE && (io->stable || io->cached))
		sqe->rw_flags = RWF_DSYNC;
	if (io->tries) /* where it may wait for what it lacks */
		sqe->flags |= IOSQE_ASYNC;
	loop_sqe_for(sqe, &io->loop_op);
}

/* ---- discards and zeroes ----------------------------------------------------------------- */

/* From one that is refused to the next: a discard has the first two, which leave no space
 * allocated, zeroes that may do so the last two, other zeroes the last. */
enum way {
	WAY_COMMAND, /* for block devices; what is read there then depends on the device */
	WAY_PUNCH,
	WAY_ZERO,
};

static void submit_way(struct blk_io *io);

static bool is_refusal(const struct blk_io *io, int result)
{
	return result == -EOPNOTSUPP || (io->way == WAY_COMMAND && result == -EINVAL);
}

static void way_taken(struct loop_op *op, int result)
{
	struct blk_io *io = container_of(op, struct blk_io, loop_op);
	enum way last = io->op == BLK_DISCARD ? WAY_PUNCH : WAY_ZERO;

	if (wants_another_try(io, result)) {
		submit_way(io);
	} else if (is_refusal(io, result) && io->way < last) {
		if (io->way == WAY_COMMAND)
			atomic_store(&file_of(io)->no_command, true);
		io->way++;
		submit_way(io);
	} else if (result || !io->stable) {
		io->done(io, result);
	} else {
		start_flush(io);
	}
}

/* What the whole blocks of a range begin and end with: of a discard the rest goes no further. */
static uint64_t way_begin(const struct blk_io *io)
{
	uint64_t unit = io->op == BLK_DISCARD ? io->store->geometry.discard : 1;

	return (io->offset + unit - 1) / unit * unit;
}

static uint64_t way_end(const struct blk_io *io)
{
	uint64_t unit = io->op == BLK_DISCARD ? io->store->geometry.discard : 1;

	return (io->offset + io->length) / unit * unit;
}

static void prepare_discard(const struct blk_io *io, struct io_uring_sqe *sqe, int fd)
{
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, (void *)(uintptr_t)way_begin(io), 0, 0);
	sqe->cmd_op = BLOCK_URING_CMD_DISCARD;
	sqe->addr3 = way_end(io) - way_begin(io);
}

static void prepare_fallocate(const struct blk_io *io, struct io_uring_sqe *sqe, int fd)
{
	int mode = io->way == WAY_PUNCH ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;

	io_uring_prep_fallocate(sqe, fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)way_begin(io),
				(off_t)(way_end(io) - way_begin(io)));
}

static void submit_way(struct blk_io *io)
{
	struct io_uring_sqe *sqe = loop_sqe(io->loop);

	if (io->way == WAY_COMMAND)
		prepare_discard(io, sqe, file_of(io)->fd);
	else
		prepare_fallocate(io, sqe, file_of(io)->fd);
	loop_sqe_for(sqe, &io->loop_op);
}

static void submit_discard(struct file_store *file, struct blk_io *io)
{
	io->loop_op.done = way_taken;
	io->way = file->device && !atomic_load(&file->no_command) ? WAY_COMMAND : WAY_PUNCH;
	if (!file->discards)
		blk_io_answer(io, io->loop, -EOPNOTSUPP);
	else if (way_begin(io) >= way_end(io))
		blk_io_answer(io, io->loop, 0);
	else
		submit_way(io);
}

static void submit_zeroes(const struct file_store *file, struct blk_io *io)
{
	io->loop_op.done = way_taken;
	io->way = io->unmap ? WAY_PUNCH : WAY_ZERO;
	if ((io->offset | io->length) % file->zeroes)
		blk_io_answer(io, io->loop, -EOPNOTSUPP);
	else
		submit_way(io);
}

/* ---- all of them ------------------------------------------------------------------------- */

void file_submit(struct blk_store *store, struct loop *loop, struct blk_io *io)
{
	struct file_store *file = container_of(store, struct file_store, store);

	io->store = store;
	io->loop = loop;
	io->moved = 0;
	io->tries = 0;
	io->cached = false;
	switch (io->op) {
	case BLK_READ:
	case BLK_WRITE:
		io->loop_op.done = transferred;
		submit_rest(io);
		break;
	case BLK_FLUSH:
		start_flush(io);
		break;
	case BLK_DISCARD:
		submit_discard(file, io);
		break;
	case BLK_WRITE_ZEROES:
		submit_zeroes(file, io);
		break;
	}
}
