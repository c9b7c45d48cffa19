/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.c: a file or block device, buffered, through the worker's io_uring. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "devices/blk/store.h"

#define LOCK_TRIES    100
#define LOCK_PAUSE_NS 10000000L /* a second in all */

struct file_store {
	struct blk_store store;
	int fd;
};

static void submit_rest(struct blk_io *io);

/* A short transfer goes on where it stopped; no progress is an error: a file
 * that was cut, for one. */
static void transferred(struct loop_op *op, int result)
{
	struct blk_io *io = container_of(op, struct blk_io, loop_op);

	if (result == -EINTR || result == -EAGAIN) {
		submit_rest(io);
		return;
	}
	if (result < 0) {
		io->done(io, result);
		return;
	}
	io->moved += (unsigned)result;
	if (io->op == BLK_FLUSH || io->moved == io->length)
		io->done(io, 0);
	else if (!result)
		io->done(io, -EIO);
	else
		submit_rest(io);
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

static void submit_rest(struct blk_io *io)
{
	const struct file_store *file = container_of(io->store, struct file_store, store);
	struct io_uring_sqe *sqe = loop_sqe(io->loop);

	if (io->op == BLK_FLUSH)
		io_uring_prep_fsync(sqe, file->fd, IORING_FSYNC_DATASYNC);
	else
		prepare_transfer(io, sqe, file->fd);
	if (io->op == BLK_WRITE && io->stable)
		sqe->rw_flags = RWF_DSYNC;
	loop_sqe_for(sqe, &io->loop_op);
}

static void cannot(struct loop_work *work)
{
	struct blk_io *io = container_of(work, struct blk_io, work);

	io->done(io, -EOPNOTSUPP);
}

static void submit(struct blk_store *store, struct loop *loop, struct blk_io *io)
{
	if (io->op == BLK_DISCARD || io->op == BLK_WRITE_ZEROES) {
		io->work.run = cannot;
		loop_post(loop, &io->work);
		return;
	}
	io->store = store;
	io->loop = loop;
	io->moved = 0;
	io->loop_op.done = transferred;
	submit_rest(io);
}

static void close_store(struct blk_store *store)
{
	struct file_store *file = container_of(store, struct file_store, store);

	close(file->fd);
	free(file);
}

static const struct blk_store_ops ops = { .submit = submit, .close = close_store };

static bool is_block_device(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISBLK(st.st_mode);
}

/* -EAGAIN for what time may cure. A socket cannot be opened, either, but stays one. */
static int open_error(const char *path, int err)
{
	switch (err) {
	case ENOENT:
	case ENOMEDIUM:
		return -EAGAIN;
	case ENXIO:
	case ENODEV:
		return is_block_device(path) ? -EAGAIN : -err;
	default:
		return -err;
	}
}

static int find_size(int fd, const char *path, uint64_t *size, struct reason *why)
{
	struct stat st;

	if (fstat(fd, &st) || (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, size)))
		return reason_set(why, open_error(path, errno), "%s: %m", path);
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return reason_set(why, -EINVAL, "%s: neither a file nor a block device", path);
	if (S_ISREG(st.st_mode))
		*size = (uint64_t)st.st_size;
	return *size ? 0 : reason_set(why, -EAGAIN, "%s: empty", path);
}

/* Not to hang in a fifo, it is opened O_NONBLOCK; but io_uring takes that flag
 * as a wish to fail rather than to wait. */
static int open_image(const char *path, bool readonly, struct reason *why)
{
	int flags = (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC;
	int err, fd = open(path, flags | O_NONBLOCK);

	if (fd >= 0 && !fcntl(fd, F_SETFL, flags))
		return fd;
	err = errno;
	if (fd >= 0)
		close(fd);
	return reason_set(why, open_error(path, err), "%s: %s%s", path, strerror(err),
			  !readonly && (err == EROFS || err == EACCES)
				  ? " (readonly=on would do without)"
				  : "");
}

/* The lock goes with the descriptor, so it ends with the process; but a killed
 * one's io_uring is taken apart a little later, and holds the descriptor until then. */
static int try_lock(int fd, bool readonly, unsigned tries)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	struct flock lock = { .l_type = readonly ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

	while (fcntl(fd, F_OFD_SETLK, &lock)) {
		if ((errno != EAGAIN && errno != EACCES) || !--tries)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* One may write, or many read: two writers would ruin the image. */
static int lock_image(int fd, const char *path, bool readonly, unsigned tries, struct reason *why)
{
	int err = try_lock(fd, readonly, tries);

	if (!err)
		return 0;
	if (err == -EAGAIN || err == -EACCES)
		return reason_set(why, -EAGAIN, "%s: in use by another process", path);
	return reason_set(why, err, "%s: cannot be locked: %s", path, strerror(-err));
}

static bool locked_by_another(int fd, bool readonly)
{
	struct flock lock = { .l_type = readonly ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

	return !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

/* Without opening it for writing: udev looks anew at each block device that was. */
static int look(const char *path, bool readonly, struct reason *why)
{
	int err, fd = open_image(path, true, why);
	uint64_t size;

	if (fd < 0)
		return fd;
	if (locked_by_another(fd, readonly))
		err = reason_set(why, -EAGAIN, "%s: in use by another process", path);
	else
		err = find_size(fd, path, &size, why);
	close(fd);
	return err;
}

/* The size is what it is once nobody else may write. */
static int open_store(struct file_store *file, const char *path, unsigned lock_tries,
		      struct reason *why)
{
	bool readonly = file->store.readonly;
	uint64_t size = 0;
	int err;

	file->fd = open_image(path, readonly, why);
	if (file->fd < 0)
		return file->fd;
	err = lock_image(file->fd, path, readonly, lock_tries, why);
	if (!err)
		err = find_size(file->fd, path, &size, why);
	file->store.size = size;
	if (err)
		close(file->fd);
	return err;
}

int file_store_open(const char *path, bool readonly, bool again, struct blk_store **result,
		    struct reason *why)
{
	struct file_store *file;
	int err = again ? look(path, readonly, why) : 0;

	if (err)
		return err;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->store = (struct blk_store){
		.ops = &ops, .geometry = BLK_GEOMETRY_PLAIN, .readonly = readonly, .copies = true
	};
	err = open_store(file, path, again ? 1 : LOCK_TRIES, why);
	if (err) {
		free(file);
		return err;
	}
	*result = &file->store;
	return 0;
}
