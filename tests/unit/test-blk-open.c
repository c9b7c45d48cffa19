/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-blk-open.c: what is opened as a file's store, what is not, and what
 * may be tried again.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "devices/blk/store.h"
#include "unit/unit.h"

#define FILE_BYTES 262144u

static char dir[] = "/tmp/store-XXXXXX", path[64];
static struct blk_store *store;

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/disk", dir);
}

static void teardown(void)
{
	if (store)
		store->ops->close(store);
	unlink(path);
	rmdir(dir);
}

static int make_file(void)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_eq(ftruncate(fd, FILE_BYTES), 0);
	return fd;
}

/* In words, and not in the log: that is the caller's decision. */
static void assert_refused(const char *what, bool again, int err, const char *text)
{
	const struct file_options options = { .path = what };
	struct reason why = { 0 };

	log_capture_begin();
	ck_assert_int_eq(file_store_open(&options, again, &store, &why), err);
	ck_assert_str_eq(log_capture_end(), "");
	ck_assert_msg(strstr(why.text, what) && strstr(why.text, text), "%s", why.text);
}

START_TEST(what_is_no_disk_is_refused)
{
	static const char *const no_disk = "neither a file nor a block device";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_refused("/dev/null/disk", _i, -ENOTDIR, "Not a directory");
	assert_refused("/dev/null", _i, -EINVAL, no_disk);
	if (_i)
		assert_refused(dir, true, -EINVAL, no_disk);
	else
		assert_refused(dir, false, -EISDIR, "directory");
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	assert_refused(path, _i, -EINVAL, no_disk);
	unlink(path);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_refused(path, _i, -ENXIO, "No such device");
	close(fd);
}
END_TEST

static void set_lock(int fd, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
}

/* What is not there yet, or is another's still, is told apart from what never will be. */
START_TEST(what_may_come_yet_is_told_apart)
{
	int fd;

	assert_refused("/nonexistent/disk", _i, -EAGAIN, "No such file");
	assert_refused(path, _i, -EAGAIN, "No such file");
	ck_assert_int_eq(symlink("nowhere", path), 0);
	assert_refused(path, _i, -EAGAIN, "No such file");
	unlink(path);
	fd = make_file();
	set_lock(fd, F_WRLCK);
	assert_refused(path, _i, -EAGAIN, "in use by another process");
	set_lock(fd, F_RDLCK);
	assert_refused(path, _i, -EAGAIN, "in use by another process");
	set_lock(fd, F_UNLCK);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	assert_refused(path, _i, -EAGAIN, "empty");
	close(fd);
}
END_TEST

/* Main asks, and vCPUs wait for main. */
START_TEST(who_comes_back_often_does_not_wait_for_a_lock)
{
	uint64_t begin;
	int fd = make_file();

	set_lock(fd, F_WRLCK);
	begin = loop_now();
	assert_refused(path, true, -EAGAIN, "in use by another process");
	ck_assert_uint_lt(loop_now() - begin, 500000000);
	close(fd);
}
END_TEST

/* For udev a device that was open for writing is news, again and again. */
START_TEST(a_look_does_not_open_for_writing)
{
	char event[sizeof(struct inotify_event) + 256];
	int notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), fd = make_file();

	ck_assert_int_ge(inotify_add_watch(notify, path, IN_CLOSE_WRITE), 0);
	set_lock(fd, F_WRLCK);
	assert_refused(path, true, -EAGAIN, "in use by another process");
	set_lock(fd, F_UNLCK);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	assert_refused(path, true, -EAGAIN, "empty");
	ck_assert_int_eq(read(notify, event, sizeof(event)), -1);
	close(fd);
	ck_assert_int_gt(read(notify, event, sizeof(event)), 0);
	close(notify);
}
END_TEST

static void *grow_then_unlock(void *arg)
{
	int fd = *(int *)arg;

	unit_nap_us(200000);
	ck_assert_int_eq(ftruncate(fd, 2 * FILE_BYTES), 0);
	set_lock(fd, F_UNLCK);
	return NULL;
}

/* Who makes the image holds its lock until it is whole. */
START_TEST(the_size_is_read_when_the_lock_is_ours)
{
	const struct file_options options = { .path = path };
	struct reason why;
	int fd = make_file();
	pthread_t maker;

	set_lock(fd, F_WRLCK);
	pthread_create(&maker, NULL, grow_then_unlock, &fd);
	ck_assert_int_eq(file_store_open(&options, false, &store, &why), 0);
	ck_assert_uint_eq(store->size, 2 * FILE_BYTES);
	pthread_join(maker, NULL);
	close(fd);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(what_is_no_disk_is_refused, 2),
		TIMES(what_may_come_yet_is_told_apart, 2),
		ONCE(who_comes_back_often_does_not_wait_for_a_lock),
		ONCE(a_look_does_not_open_for_writing),
		ONCE(the_size_is_read_when_the_lock_is_ours),
	};

	return unit_main("blk-open", setup, teardown, tests, ARRAY_SIZE(tests));
}
