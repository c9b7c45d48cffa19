/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-config-file.c: what --config takes: the flags without their dashes, a line each. What is
 * wrong is said with the file, the line and the key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config.h"
#include "unit/unit.h"

#define GOOD "blk bdf=00:06.0,null=1M\n"

static char dir[] = "/tmp/config-XXXXXX";
static struct config config;

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
}

static void teardown(void)
{
	config_free(&config);
	unlink("guest.conf");
	rmdir(dir);
}

static enum config_verdict parse(const char *text, char *flag, char *value)
{
	char *argv[] = { "xenvirtiod", "--config", "guest.conf", flag, value, NULL };
	FILE *file = fopen("guest.conf", "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	return config_parse(&config, flag ? 5 : 3, argv);
}

START_TEST(names_come_from_the_file)
{
	ck_assert_int_eq(parse(GOOD, NULL, NULL), CONFIG_RUN);
	ck_assert_str_eq(config_instance(&config), "guest");
	ck_assert_str_eq(config.domain, "guest");
}
END_TEST

START_TEST(lines_may_be_written_in_several_ways)
{
	ck_assert_int_eq(parse("# workers=7\n\n  workers = 3\t\n \t\ndomain 7\nname=x\n" GOOD
			       "bridge\tgive-up=60",
			       "--bounce", "1M"),
			 CONFIG_RUN);
	ck_assert_uint_eq(config.workers, 3);
	ck_assert_str_eq(config.domain, "7");
	ck_assert_str_eq(config_instance(&config), "x");
	ck_assert_uint_eq(config.ndevices, 1);
	ck_assert(config.has_bridge);
	ck_assert_uint_eq(config.bounce, 1 << 20);
}
END_TEST

START_TEST(what_is_wrong_is_said_with_its_place)
{
	const struct {
		const char *text, *why;
	} cases[] = {
		{ GOOD "workers=99\n",
		  "guest.conf:2: workers: \"99\" is not a number from 0 to 64" },
		{ "\nfoo=1\n", "guest.conf:2: foo: there is no such key" },
		{ "blk bdf=00:06.0,path=\n", "guest.conf:1: blk: path" },
		{ "blk bdf=00:06.0,foo=1\n", "guest.conf:1: blk: there is no option \"foo\"" },
		{ GOOD "log-level=info\nlog-level=info\n",
		  "guest.conf:3: log-level is given twice" },
		{ "bridge give-up=1\nbridge give-up=1\n", "guest.conf:2: bridge is given twice" },
		{ "workers\n", "guest.conf:1: workers" },
		{ "config=other.conf\n", "guest.conf:1: config: there is no such key" },
	};
	const char *log;

	log_capture_begin();
	ck_assert_int_eq(parse(cases[_i].text, NULL, NULL), CONFIG_USAGE);
	log = log_capture_end();
	ck_assert_msg(strstr(log, cases[_i].why) != NULL, "%s", log);
	ck_assert_uint_eq(count_lines(log), 1);
}
END_TEST

START_TEST(flags_beside_it_are_added_but_not_twice)
{
	const char *log;

	log_capture_begin();
	ck_assert_int_eq(parse("workers=1\n" GOOD, "--workers", "1"), CONFIG_USAGE);
	log = log_capture_end();
	ck_assert_msg(strstr(log, "--workers is given twice") != NULL, "%s", log);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(names_come_from_the_file),
		ONCE(lines_may_be_written_in_several_ways),
		TIMES(what_is_wrong_is_said_with_its_place, 8),
		ONCE(flags_beside_it_are_added_but_not_twice),
	};

	return unit_main("config-file", setup, teardown, tests, ARRAY_SIZE(tests));
}
