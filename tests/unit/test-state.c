/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-state.c: what outlives the process is found again by the next one, and
 * by nobody else; and what the service manager is told.
 */
#include "daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/loop.h"
#include "daemon/service.h"
#include "ioreq/server.h"
#include "unit/unit.h"

#define DOMID 7

static char dir[] = "/tmp/state-XXXXXX", path[64];
static struct state state;

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/guest.state", dir);
	setenv("RUNTIME_DIRECTORY", dir, 1);
}

static void teardown(void)
{
	unlink(path);
	rmdir(dir);
}

/* A process served as server 5, and died. */
static void leave_behind(uint32_t domid)
{
	ck_assert_int_eq(state_open(&state, "guest", domid), 0);
	state.region->server = 5;
	state.region->devices[1].sbdf = 0x30;
	state_close(&state);
}

START_TEST(a_new_instance_has_no_server)
{
	struct stat st;

	ck_assert_int_eq(state_open(&state, "guest", DOMID), 0);
	ck_assert_int_eq(state.region->server, IOREQ_NO_SERVER);
	ck_assert_uint_eq(state.region->domid, DOMID);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	state_close(&state);
}
END_TEST

START_TEST(the_next_process_finds_what_was_left)
{
	leave_behind(DOMID);
	ck_assert_int_eq(state_open(&state, "guest", DOMID), 0);
	ck_assert_int_eq(state.region->server, 5);
	ck_assert_uint_eq(state.region->devices[1].sbdf, 0x30);
	state_remove(&state);
	state_close(&state);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(what_another_domain_left_is_dropped)
{
	leave_behind(DOMID);
	ck_assert_int_eq(state_open(&state, "guest", DOMID + 1), 0);
	ck_assert_int_eq(state.region->server, IOREQ_NO_SERVER);
	ck_assert_uint_eq(state.region->devices[1].sbdf, 0);
	state_close(&state);
}
END_TEST

/* Of another version only the server's number is of use. */
START_TEST(what_another_version_left_is_dropped_but_for_the_server_and_that_is_said)
{
	const char *log;

	leave_behind(DOMID);
	ck_assert_int_eq(state_open(&state, "guest", DOMID), 0);
	state.region->bytes -= !_i;
	state.region->layout += (uint32_t)_i;
	state_close(&state);
	log_capture_begin();
	ck_assert_int_eq(state_open(&state, "guest", DOMID), 0);
	log = log_capture_end();
	ck_assert_uint_eq(count_lines(log), 1);
	ck_assert_ptr_nonnull(strstr(log, "another version"));
	ck_assert_int_eq(state.region->server, 5);
	ck_assert_uint_eq(state.region->bytes, sizeof(*state.region));
	ck_assert_uint_eq(state.region->layout, STATE_LAYOUT);
	ck_assert_uint_eq(state.region->devices[1].sbdf, 0);
	state_close(&state);
}
END_TEST

/* Cut off anywhere, or with any byte of its head changed: no harm. */
START_TEST(a_torn_file_is_no_harm)
{
	static const off_t lengths[] = { 0, 1, 4, 8, 12, 16, 17, 1000, 100000 };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		leave_behind(DOMID);
		ck_assert_int_eq(truncate(path, lengths[i]), 0);
		ck_assert_int_eq(state_open(&state, "guest", DOMID), 0);
		ck_assert_int_eq(state.region->server, lengths[i] >= 16 ? 5 : IOREQ_NO_SERVER);
		state_close(&state);
	}
	for (i = offsetof(struct state_region, domid); i < offsetof(struct state_region, devices);
	     i++) {
		leave_behind(DOMID);
		ck_assert_int_eq(state_open(&state, "guest", DOMID), 0);
		((uint8_t *)state.region)[i] ^= 0x40;
		state_close(&state);
		ck_assert_int_eq(state_open(&state, "guest", DOMID), 0);
		ck_assert_uint_eq(state.region->domid, DOMID);
		ck_assert_uint_eq(state.region->bytes, sizeof(*state.region));
		state_close(&state);
	}
}
END_TEST

/* ---- refusals --------------------------------------------------------------------- */

static void assert_refused(const char *instance, int err, const char *why)
{
	struct state other;
	const char *log;
	int got;

	log_capture_begin();
	got = state_open(&other, instance, DOMID);
	log = log_capture_end();
	ck_assert_int_eq(got, err);
	ck_assert_uint_eq(count_lines(log), 1);
	ck_assert_msg(strstr(log, why) != NULL, "%s", log);
}

START_TEST(an_instance_is_served_once)
{
	ck_assert_int_eq(state_open(&state, "guest", DOMID), 0);
	assert_refused("guest", -EBUSY, "another process serves this instance");
	state_close(&state);
	ck_assert_int_eq(state_open(&state, "guest", DOMID), 0);
	state_close(&state);
}
END_TEST

START_TEST(what_cannot_be_is_refused_in_one_line)
{
	char name[300];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_refused(name, -ENAMETOOLONG, "too long a name");
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	assert_refused("guest", -ELOOP, path);
	setenv("RUNTIME_DIRECTORY", "/does/not/exist", 1);
	assert_refused("guest", -ENOENT, "/does/not/exist");
}
END_TEST

/* ---- the service manager ------------------------------------------------------------ */

static int manager(const char *name, size_t length)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, name, length);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
			 0);
	return fd;
}

static void assert_told(int fd, const char *message)
{
	char text[64] = "";

	service_notify(message);
	ck_assert_int_eq(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT), (ssize_t)strlen(message));
	ck_assert_str_eq(text, message);
	close(fd);
}

START_TEST(the_manager_is_told_at_a_path)
{
	int fd = manager(path, strlen(path));

	setenv("NOTIFY_SOCKET", path, 1);
	assert_told(fd, "READY=1");
}
END_TEST

START_TEST(the_manager_is_told_at_an_abstract_address)
{
	char name[64];
	int length = snprintf(name, sizeof(name), "@state-test-%d", getpid());

	setenv("NOTIFY_SOCKET", name, 1);
	name[0] = '\0';
	assert_told(manager(name, (size_t)length), "STOPPING=1");
}
END_TEST

START_TEST(the_status_is_a_line_for_people)
{
	char text[64] = "";
	int fd = manager(path, strlen(path));

	setenv("NOTIFY_SOCKET", path, 1);
	service_status("serves %d devices", 2);
	ck_assert_int_gt(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT), 0);
	ck_assert_str_eq(text, "STATUS=serves 2 devices");
	close(fd);
}
END_TEST

static struct loop *loop;

static void end_loop(struct loop_timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

/* What the manager hears in 100 ms of turns. */
static unsigned count_signs_of_life(void)
{
	struct loop_timer end = { .fire = end_loop };
	struct service_watchdog watchdog = { 0 };
	int fd = manager(path, strlen(path));
	unsigned count = 0;
	char text[32] = "";

	setenv("NOTIFY_SOCKET", path, 1);
	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
	service_watch(&watchdog, loop);
	loop_timer(loop, &end, 100000000);
	loop_run(loop);
	loop_free(loop);
	while (recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0) {
		ck_assert_str_eq(text, "WATCHDOG=1");
		count++;
	}
	close(fd);
	unlink(path);
	return count;
}

START_TEST(the_watchdog_hears_twice_in_its_time)
{
	char own[16];

	snprintf(own, sizeof(own), "%d", getpid());
	setenv("WATCHDOG_USEC", "80000", 1);
	setenv("WATCHDOG_PID", own, 1);
	ck_assert_uint_ge(count_signs_of_life(), 2);
}
END_TEST

START_TEST(no_watchdog_hears_nothing)
{
	const char *usec[] = { NULL, "80000", "0" };

	unsetenv("WATCHDOG_USEC");
	if (usec[_i])
		setenv("WATCHDOG_USEC", usec[_i], 1);
	setenv("WATCHDOG_PID", "1", 1); /* somebody else is meant */
	if (_i == 2)
		unsetenv("WATCHDOG_PID");
	ck_assert_uint_eq(count_signs_of_life(), 0);
}
END_TEST

START_TEST(no_manager_is_no_trouble)
{
	static char too_long[200];

	unsetenv("NOTIFY_SOCKET");
	log_capture_begin();
	service_notify("READY=1");
	ck_assert_str_eq(log_capture_end(), "");
	memset(too_long, '/', sizeof(too_long) - 1);
	setenv("NOTIFY_SOCKET", _i == 0 ? "relative" : _i == 1 ? too_long : "/does/not/exist", 1);
	log_capture_begin();
	service_notify("READY=1");
	ck_assert_uint_eq(count_lines(log_capture_end()), 1);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(a_new_instance_has_no_server),
		ONCE(the_next_process_finds_what_was_left),
		ONCE(what_another_domain_left_is_dropped),
		TIMES(what_another_version_left_is_dropped_but_for_the_server_and_that_is_said, 2),
		ONCE(a_torn_file_is_no_harm),
		ONCE(an_instance_is_served_once),
		ONCE(what_cannot_be_is_refused_in_one_line),
		ONCE(the_manager_is_told_at_a_path),
		ONCE(the_manager_is_told_at_an_abstract_address),
		ONCE(the_status_is_a_line_for_people),
		ONCE(the_watchdog_hears_twice_in_its_time),
		TIMES(no_watchdog_hears_nothing, 3),
		TIMES(no_manager_is_no_trouble, 3),
	};

	return unit_main("state", setup, teardown, tests, ARRAY_SIZE(tests));
}
