/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-run.c: other programs, here small scripts: what they get, what becomes of what they
 * say, and how they end, by themselves or not.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/run.h"
#include "unit/unit.h"

static char path[32];
static struct reason why;

static void setup(void)
{
	snprintf(path, sizeof(path), "/tmp/script-XXXXXX");
	close(mkstemp(path));
}

static void teardown(void)
{
	unlink(path);
}

static void write_script(const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "#!/bin/sh\n%s\n", text);
	fclose(file);
	ck_assert_int_eq(chmod(path, 0755), 0);
}

static int run_with(const char *const *environment, unsigned seconds)
{
	const char *const argv[] = { path, "first", "second word", NULL };
	const struct run run = { .argv = argv, .environment = environment, .seconds = seconds };

	return run_program(&run, &why);
}

static int run(unsigned seconds)
{
	static const char *const none[] = { NULL };

	return run_with(none, seconds);
}

/* What the script says, as the log has it. */
static const char *said(const char *script)
{
	write_script(script);
	log_capture_begin();
	ck_assert_int_eq(run(10), 0);
	return log_capture_end();
}

static bool has(const char *text, const char *line)
{
	char whole[400];

	snprintf(whole, sizeof(whole), "xenvirtiod: %s: %s\n", path + strlen("/tmp/"), line);
	return strstr(text, whole);
}

START_TEST(what_it_says_goes_to_the_log_line_by_line)
{
	const char *text = said("echo one; echo two >&2; printf 'no end'");

	ck_assert_uint_eq(count_lines(text), 3);
	ck_assert(has(text, "one"));
	ck_assert(has(text, "two"));
	ck_assert(has(text, "no end"));
}
END_TEST

START_TEST(much_of_it_goes_there_whole)
{
	const char *text = said("seq 30000");

	ck_assert_uint_eq(count_lines(text), 30000);
	ck_assert(has(text, "30000"));
}
END_TEST

START_TEST(a_line_too_long_becomes_several)
{
	ck_assert_uint_eq(count_lines(said("printf '%0600d' 0")), 3);
}
END_TEST

START_TEST(arguments_come_as_they_are)
{
	ck_assert(has(said("echo \"$#,$1,$2\""), "2,first,second word"));
}
END_TEST

START_TEST(variables_come_in_the_place_of_ours)
{
	static const char *const environment[] = { "bridge=theirs", "mac=1:2", NULL };

	setenv("bridge", "ours", 1);
	setenv("bridges", "kept", 1);
	write_script("[ $bridge,$mac,$bridges = theirs,1:2,kept ] && [ \"$PATH\" ] &&"
		     "[ $(env | grep -c ^bridge=) = 1 ]");
	ck_assert_int_eq(run_with(environment, 10), 0);
}
END_TEST

/* Not even what was opened without a thought of it. */
START_TEST(it_has_no_descriptor_of_ours_and_nothing_to_read)
{
	int fd = open("/dev/null", O_RDONLY);

	ck_assert(has(said("echo /proc/$$/fd/*; read line || echo nothing"), "nothing"));
	write_script("for fd in 3 4 5 6 7 8 9; do ! [ -e /proc/$$/fd/$fd ] ||"
		     "[ /proc/$$/fd/$fd -ef $0 ] || exit 1; done");
	ck_assert_int_eq(run(10), 0);
	close(fd);
}
END_TEST

START_TEST(it_leads_a_group_of_its_own)
{
	write_script("[ \"$(cut -d ' ' -f 5 /proc/$$/stat)\" = $$ ]");
	ck_assert_int_eq(run(10), 0);
}
END_TEST

/* We block one of them, as the daemon does at its end, and ignore the other. */
START_TEST(signals_do_to_it_what_they_do_to_others)
{
	static const char *const names[] = { "TERM", "PIPE" };
	static const char *const reasons[] = { "signal (Terminated)", "signal (Broken pipe)" };
	char text[40];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	snprintf(text, sizeof(text), "kill -%s $$", names[_i]);
	write_script(text);
	ck_assert_int_eq(run(10), -EIO);
	ck_assert_ptr_nonnull(strstr(why.text, reasons[_i]));
}
END_TEST

START_TEST(a_status_is_an_error_with_the_last_line)
{
	char expected[100];

	write_script("echo first; echo no such bridge; exit 3");
	ck_assert_int_eq(run(10), -EIO);
	snprintf(expected, sizeof(expected), "%s ended with status 3: no such bridge", path);
	ck_assert_str_eq(why.text, expected);
}
END_TEST

START_TEST(what_cannot_be_run_is_an_error)
{
	unlink(path);
	ck_assert_int_eq(run(10), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, path));
	write_script("true");
	chmod(path, 0644);
	ck_assert_int_eq(run(10), -EACCES);
}
END_TEST

START_TEST(what_takes_too_long_is_killed_with_its_children)
{
	uint64_t begin = loop_now();
	const char *text;
	int child = 0;

	write_script("sleep 100 & echo $!; wait");
	log_capture_begin();
	ck_assert_int_eq(run(1), -ETIMEDOUT);
	text = log_capture_end();
	ck_assert_uint_lt(loop_now() - begin, 5000000000ull);
	ck_assert_ptr_nonnull(strstr(why.text, "took longer than 1 s"));
	sscanf(strrchr(text, ' '), "%d", &child);
	ck_assert_int_gt(child, 1);
	ck_assert(wait_for(kill(child, 0)));
}
END_TEST

/* It keeps the pipe open, and lives. */
START_TEST(what_it_leaves_behind_is_not_waited_for)
{
	uint64_t begin = loop_now();
	int child = 0;

	sscanf(strrchr(said("sleep 100 & echo $!"), ' '), "%d", &child);
	ck_assert_uint_lt(loop_now() - begin, 5000000000ull);
	ck_assert_int_gt(child, 1);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(what_it_says_goes_to_the_log_line_by_line),
		ONCE(much_of_it_goes_there_whole),
		ONCE(a_line_too_long_becomes_several),
		ONCE(arguments_come_as_they_are),
		ONCE(variables_come_in_the_place_of_ours),
		ONCE(it_has_no_descriptor_of_ours_and_nothing_to_read),
		ONCE(it_leads_a_group_of_its_own),
		TIMES(signals_do_to_it_what_they_do_to_others, 2),
		ONCE(a_status_is_an_error_with_the_last_line),
		ONCE(what_cannot_be_run_is_an_error),
		ONCE(what_takes_too_long_is_killed_with_its_children),
		ONCE(what_it_leaves_behind_is_not_waited_for),
	};

	return unit_main("run", setup, teardown, tests, ARRAY_SIZE(tests));
}
