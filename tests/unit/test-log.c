/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-log.c: lines, levels and priorities; and that no guest can flood the log. */
#include "base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/unit.h"

#define OFFENCES 1000000u
#define THREADS  4u

static void setup(void)
{
	unsetenv("JOURNAL_STREAM");
}

/* ---- lines ------------------------------------------------------------------ */

static const char *all_levels(enum log_level threshold, const char *instance)
{
	log_init(instance, threshold);
	log_capture_begin();
	log_error("e%d", 1);
	log_warning("w");
	log_info("i");
	log_debug("d");
	return log_capture_end();
}

START_TEST(a_level_shows_what_is_as_urgent)
{
	ck_assert_str_eq(all_levels(LOG_ERROR, NULL), "xenvirtiod: e1\n");
	ck_assert_str_eq(all_levels(LOG_WARNING, NULL), "xenvirtiod: e1\nxenvirtiod: w\n");
	ck_assert_uint_eq(count_lines(all_levels(LOG_INFO, NULL)), 3);
	ck_assert_uint_eq(count_lines(all_levels(LOG_DEBUG, NULL)), 4);
}
END_TEST

START_TEST(the_instance_stands_in_front)
{
	ck_assert_str_eq(all_levels(LOG_ERROR, "guest-1"), "xenvirtiod: guest-1: e1\n");
}
END_TEST

static void set_journal(long device_off, long inode_off)
{
	struct stat st;
	char text[64];

	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(text, sizeof(text), "%lu:%lu", (unsigned long)st.st_dev + device_off,
		 (unsigned long)st.st_ino + inode_off);
	setenv("JOURNAL_STREAM", text, 1);
}

/* sd-daemon(3): the journal takes the priority from the line, and names us itself. */
START_TEST(the_journal_gets_priorities)
{
	set_journal(0, 0);
	ck_assert_str_eq(all_levels(LOG_DEBUG, NULL), "<3>e1\n<4>w\n<6>i\n<7>d\n");
	ck_assert_str_eq(all_levels(LOG_ERROR, "guest-1"), "<3>guest-1: e1\n");
}
END_TEST

/* systemd.exec(5): the variable may be there, and standard error be something else. */
START_TEST(what_is_not_the_journal_gets_none)
{
	set_journal(1, 0);
	ck_assert_str_eq(all_levels(LOG_ERROR, NULL), "xenvirtiod: e1\n");
	set_journal(0, 1);
	ck_assert_str_eq(all_levels(LOG_ERROR, NULL), "xenvirtiod: e1\n");
	setenv("JOURNAL_STREAM", "yes", 1);
	ck_assert_str_eq(all_levels(LOG_ERROR, NULL), "xenvirtiod: e1\n");
}
END_TEST

START_TEST(level_names_are_in_the_levels_order)
{
	ck_assert_str_eq(log_level_names[LOG_ERROR], "error");
	ck_assert_str_eq(log_level_names[LOG_WARNING], "warning");
	ck_assert_str_eq(log_level_names[LOG_INFO], "info");
	ck_assert_str_eq(log_level_names[LOG_DEBUG], "debug");
	ck_assert_ptr_null(log_level_names[LOG_DEBUG + 1]);
}
END_TEST

/* However long it is, it stays one line with an end. */
START_TEST(long_lines_are_cut)
{
	static char text[10000], name[1000];
	const char *log;
	size_t length;

	memset(name, 'n', sizeof(name) - 1);
	log_init(name, LOG_INFO);
	for (length = 0; length < sizeof(text) - 1; length += length < 600 ? 1 : 997) {
		memset(text, 'x', length);
		text[length] = '\0';
		log_capture_begin();
		log_error("%s", text);
		log = log_capture_end();
		ck_assert_uint_eq(count_lines(log), 1);
		ck_assert_uint_le(strlen(log), 512);
		ck_assert_uint_eq(log[strlen(log) - 1], '\n');
	}
}
END_TEST

/* ---- what a guest can cause ---------------------------------------------------- */

static void offend(void)
{
	log_guest("an offence");
}

static void offend_elsewhere(void)
{
	log_guest("another offence");
}

/* How many offences these lines speak of. */
static unsigned long offences_told(const char *log, unsigned *lines)
{
	unsigned long told = 0, held;

	for (*lines = 0; *log; log = strchr(log, '\n') + 1) {
		++*lines;
		if (sscanf(log, "xenvirtiod: (%lu lines like the next one were held", &held) == 1)
			told += held;
		else if (!strncmp(log, "xenvirtiod: an offence\n", 23))
			told++;
		else
			ck_abort_msg("a line that is not whole: %.80s", log);
	}
	return told;
}

static void *offend_often(void *count)
{
	unsigned i;

	for (i = 0; i < *(unsigned *)count; i++)
		offend();
	return NULL;
}

/* When there is a token again. */
static void offend_later(void)
{
	unsigned i;

	for (i = 0; i < 12; i++)
		unit_nap_us(100000);
	offend();
}

/* A million offences are a few lines, from one thread or from several, and the
 * lines together tell of all of them. */
START_TEST(log_bound)
{
	unsigned i, lines, threads = _i ? THREADS : 1, count = OFFENCES / threads;
	pthread_t thread[THREADS];
	const char *log;

	log_init(NULL, LOG_INFO);
	log_capture_begin();
	for (i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, offend_often, &count);
	for (i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	offend_later();
	offend_later(); /* what was told is not told again */
	log = log_capture_end();
	ck_assert_uint_eq(offences_told(log, &lines), OFFENCES + 2);
	ck_assert_uint_le(lines, 100);
}
END_TEST

START_TEST(each_site_has_its_own_measure)
{
	unsigned i;

	log_init(NULL, LOG_INFO);
	log_capture_begin();
	for (i = 0; i < 100; i++)
		offend();
	offend_elsewhere();
	ck_assert_ptr_nonnull(strstr(log_capture_end(), "another offence"));
}
END_TEST

START_TEST(at_level_error_guests_are_not_heard)
{
	log_init(NULL, LOG_ERROR);
	log_capture_begin();
	offend();
	ck_assert_str_eq(log_capture_end(), "");
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(a_level_shows_what_is_as_urgent),
		ONCE(the_instance_stands_in_front),
		ONCE(the_journal_gets_priorities),
		ONCE(what_is_not_the_journal_gets_none),
		ONCE(level_names_are_in_the_levels_order),
		ONCE(long_lines_are_cut),
		TIMES(log_bound, 2),
		ONCE(each_site_has_its_own_measure),
		ONCE(at_level_error_guests_are_not_heard),
	};

	return unit_main("log", setup, NULL, tests, ARRAY_SIZE(tests));
}
