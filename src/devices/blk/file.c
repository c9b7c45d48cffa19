/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.c: the store in a file or a block device: opened, locked, measured. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/opener.h"
#include "base/util.h"
#include "devices/blk/blk.h"
#include "devices/blk/file.h"

#define LOCK_TRIES    100
#define LOCK_PAUSE_NS 10000000L   /* a second in all */
#define DIRECT_BYTES  (1LL << 62) /* from here on the direct descriptor has the lock */

/* -EAGAIN for what time may cure. */
static int open_error(int err)
{
	return err == -ENOENT || err == -ENOMEDIUM ? -EAGAIN : err;
}

/* -EINVAL of what is no disk. */
static int size_of(int fd, uint64_t *size)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISBLK(st.st_mode))
		return ioctl(fd, BLKGETSIZE64, size) ? -errno : 0;
	*size = (uint64_t)st.st_size;
	return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

static int find_size(int fd, const char *path, uint64_t *size, struct reason *why)
{
	int err = size_of(fd, size);

	if (err == -EINVAL)
		return reason_set(why, err, "%s: neither a file nor a block device", path);
	if (err)
		return reason_set(why, open_error(err), "%s: %s", path, strerror(-err));
	return *size ? 0 : reason_set(why, -EAGAIN, "%s: empty", path);
}

static struct opener_thing thing_at(const char *path, bool readonly)
{
	return (struct opener_thing){ .kind = OPENER_FILE,
				      .flags = readonly ? O_RDONLY : O_RDWR,
				      .name = path };
}

/* It is looked at before it is opened, see look(). */
void file_store_names(const char *path, bool readonly, opener_add *add, void *arg)
{
	const struct opener_thing looked_at = thing_at(path, true), opened = thing_at(path, false);

	add(arg, &looked_at);
	if (!readonly)
		add(arg, &opened);
}

static int open_image(const char *path, bool readonly, struct reason *why)
{
	const struct opener_thing thing = thing_at(path, readonly);
	int fd = opener_open(&thing);

	if (fd >= 0 || fd == -EINPROGRESS)
		return fd;
	return reason_set(why, open_error(fd), "%s: %s%s", path, strerror(-fd),
			  !readonly && (fd == -EROFS || fd == -EACCES)
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
	uint64_t size = 0;

	if (fd < 0)
		return fd;
	if (locked_by_another(fd, readonly))
		err = reason_set(why, -EAGAIN, "%s: in use by another process", path);
	else
		err = find_size(fd, path, &size, why);
	close(fd);
	return err;
}

/* A file that became smaller than a sector is rather one that is just being made anew. */
static int look_again(struct blk_store *store)
{
	uint64_t size = 0;
	int err = size_of(container_of(store, struct file_store, store)->fd, &size);

	if (!err && size < BLK_SECTOR)
		err = -ENODATA;
	if (!err)
		store->size = size;
	return err;
}

static void close_store(struct blk_store *store)
{
	struct file_store *file = container_of(store, struct file_store, store);

	if (file->direct >= 0)
		close(file->direct);
	if (file->fd >= 0)
		close(file->fd);
	free(file);
}

static const struct blk_store_ops ops = { .submit = file_submit,
					  .look_again = look_again,
					  .close = close_store };

/* What a killed process has under way may still be written after its end: until then it has
 * its descriptor, which therefore holds a part of the lock. */
static int share_lock(const struct file_store *file)
{
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = DIRECT_BYTES };

	if (fcntl(file->fd, F_OFD_SETLK, &lock))
		return -errno;
	lock.l_type = file->store.readonly ? F_RDLCK : F_WRLCK;
	return fcntl(file->direct, F_OFD_SETLK, &lock) ? -errno : 0;
}

/* What there is already, whatever the path leads to by now. */
static int open_direct(struct file_store *file, const char *path, struct reason *why)
{
	int flags = (file->store.readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_DIRECT;
	char own[32];
	int err;

	snprintf(own, sizeof(own), "/proc/self/fd/%d", file->fd);
	file->direct = open(own, flags);
	err = file->direct < 0 ? -errno : share_lock(file);
	if (!err)
		err = file_find_alignment(file);
	if (!err) /* no reading ahead, see file-io.c */
		err = -posix_fadvise(file->fd, 0, 0, POSIX_FADV_RANDOM);
	if (err == -EINVAL)
		return reason_set(why, err,
				  "%s: its file system has no O_DIRECT (cache=writeback would do "
				  "without)",
				  path);
	if (err)
		return reason_set(why, err, "%s: %s: %s", path, own, strerror(-err));
	file->store.copies = false;
	return 0;
}

static bool goes_direct(const struct file_store *file, enum blk_cache cache)
{
	return cache == BLK_CACHE_NONE || (cache == BLK_CACHE_AUTO && file->device);
}

/* The size is what it is once nobody else may write. */
static int open_store(struct file_store *file, const struct file_options *o, unsigned lock_tries,
		      struct reason *why)
{
	uint64_t size = 0;
	int err;

	file->fd = open_image(o->path, o->readonly, why);
	if (file->fd < 0)
		return file->fd;
	err = lock_image(file->fd, o->path, o->readonly, lock_tries, why);
	if (!err)
		err = find_size(file->fd, o->path, &size, why);
	file->store.size = size;
	if (err)
		return err;
	err = file_find_geometry(file, o->block);
	if (err)
		return reason_set(why, err, "%s: %s", o->path, strerror(-err));
	return goes_direct(file, o->cache) ? open_direct(file, o->path, why) : 0;
}

int file_store_open(const struct file_options *o, bool again, struct blk_store **result,
		    struct reason *why)
{
	struct file_store *file;
	int err = again ? look(o->path, o->readonly, why) : 0;

	if (err)
		return err;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	*file = (struct file_store){
		.store = { .ops = &ops, .readonly = o->readonly, .copies = true }, .direct = -1
	};
	err = open_store(file, o, again ? 1 : LOCK_TRIES, why);
	if (err) {
		close_store(&file->store);
		return err;
	}
	*result = &file->store;
	return 0;
}
