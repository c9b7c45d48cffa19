/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-opener.c: what may be opened, by whom, and when.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/opener.h"
#include "unit/unit.h"

static char directory[] = "/tmp/opener-XXXXXX", path[64], other[64];
static struct opener_thing file, other_file;

static void write_file(const char *name, const char *text)
{
	FILE *out = fopen(name, "w");

	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/file", directory);
	snprintf(other, sizeof(other), "%s/other", directory);
	write_file(path, "named");
	write_file(other, "not named");
	file = (struct opener_thing){ .kind = OPENER_FILE, .flags = O_RDWR, .name = path };
	other_file = (struct opener_thing){ .kind = OPENER_FILE, .flags = O_RDWR, .name = other };
}

static void teardown(void)
{
	opener_end();
	unlink(path);
	unlink(other);
	ck_assert_int_eq(rmdir(directory), 0);
}

/* As the daemon does: asks until there is an answer. */
static int open_patiently(const struct opener_thing *thing)
{
	ck_assert(wait_for(opener_ask(thing) != -EINPROGRESS));
	return opener_open(thing);
}

static void assert_says(int fd, const char *text)
{
	char got[32] = "";

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, got, sizeof(got) - 1, 0), (ssize_t)strlen(text));
	ck_assert_str_eq(got, text);
	close(fd);
}

START_TEST(at_first_all_is_opened_at_once)
{
	assert_says(opener_open(&other_file), "not named");
	ck_assert_int_eq(opener_ask(&other_file), 0);
}
END_TEST

START_TEST(later_only_what_was_named_is_opened)
{
	ck_assert_int_eq(opener_seal(&file, 1), 0);
	assert_says(open_patiently(&file), "named");
	ck_assert_int_eq(opener_open(&other_file), -EPERM);
	file.flags = O_RDONLY;
	ck_assert_int_eq(opener_open(&file), -EPERM);
}
END_TEST

START_TEST(what_comes_later_is_found_when_it_is_there)
{
	ck_assert_int_eq(opener_seal(&file, 1), 0);
	unlink(path);
	ck_assert_int_eq(open_patiently(&file), -ENOENT);
	write_file(path, "anew");
	assert_says(open_patiently(&file), "anew");
}
END_TEST

START_TEST(nobody_waits_for_a_fifo)
{
	int fd;

	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	file.flags = O_RDONLY;
	ck_assert_int_eq(opener_seal(&file, 1), 0);
	fd = open_patiently(&file);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

START_TEST(several_are_there_together_or_not_yet)
{
	const struct opener_thing things[] = { file, other_file };
	unsigned i;

	ck_assert_int_eq(opener_seal(things, 2), 0);
	for (i = 0; i < 2; i++)
		ck_assert(wait_for(!opener_ask(&things[i])));
	assert_says(opener_open(&file), "named");
	assert_says(opener_open(&other_file), "not named");
}
END_TEST

START_TEST(what_is_handed_over_comes_first_and_once)
{
	ck_assert_int_eq(opener_seal(&file, 1), 0);
	ck_assert_int_eq(opener_hand_over(&file, open(other, O_RDWR | O_CLOEXEC)), 0);
	ck_assert_int_eq(opener_hand_over(&other_file, open(path, O_RDWR | O_CLOEXEC)), 0);
	assert_says(opener_open(&file), "not named");
	assert_says(opener_open(&other_file), "named");
	ck_assert_int_eq(opener_open(&other_file), -EPERM);
	assert_says(open_patiently(&file), "named");
}
END_TEST

START_TEST(what_nobody_took_is_closed)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(opener_seal(NULL, 0), 0);
	ck_assert_int_eq(opener_hand_over(&file, fd), 0);
	opener_drop_handed();
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	ck_assert_int_eq(opener_open(&file), -EPERM);
}
END_TEST

START_TEST(the_opener_holds_no_lock_of_ours)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), again = open(path, O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	ck_assert_int_eq(opener_seal(&file, 1), 0);
	close(fd);
	ck_assert_int_eq(flock(again, LOCK_EX | LOCK_NB), 0);
	close(again);
}
END_TEST

START_TEST(a_listener_is_connected_to)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct opener_thing listener = { .kind = OPENER_SOCKET, .name = path };
	int here = socket(AF_UNIX, SOCK_STREAM, 0), there, fd;
	char byte;

	unlink(path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(bind(here, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(opener_seal(&listener, 1), 0);
	ck_assert_int_eq(open_patiently(&listener), -ECONNREFUSED);
	ck_assert_int_eq(listen(here, 1), 0);
	fd = open_patiently(&listener);
	there = accept(here, NULL, NULL);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	ck_assert_int_eq(read(there, &byte, 1), 1);
	close(fd);
	close(there);
	close(here);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(at_first_all_is_opened_at_once),
		ONCE(later_only_what_was_named_is_opened),
		ONCE(what_comes_later_is_found_when_it_is_there),
		ONCE(nobody_waits_for_a_fifo),
		ONCE(several_are_there_together_or_not_yet),
		ONCE(what_is_handed_over_comes_first_and_once),
		ONCE(what_nobody_took_is_closed),
		ONCE(the_opener_holds_no_lock_of_ours),
		ONCE(a_listener_is_connected_to),
	};

	return unit_main("opener", setup, teardown, tests, ARRAY_SIZE(tests));
}
