/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-config-file.c: what --config takes: the flags without their dashes, a line each. What is
 * wrong is said with the file, the line and the key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/host.h"
#include "daemon/config-internal.h"
#include "devices/types.h"
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

static void write_file(const char *text, size_t size)
{
	FILE *file = fopen("guest.conf", "w");

	ck_assert_ptr_nonnull(file);
	fwrite(text, size, 1, file);
	fclose(file);
}

static enum config_verdict parse(const char *text, char *flag, char *value)
{
	char *argv[] = { "xenvirtiod", "--config", "guest.conf", flag, value, NULL };

	write_file(text, strlen(text));
	return config_parse(&config, flag ? 5 : 3, argv);
}

/* Refused with one line, which has @why in it. */
static void assert_refused(char *path, const char *why)
{
	char *argv[] = { "xenvirtiod", "--config", path, NULL };
	const char *log;

	log_capture_begin();
	ck_assert_int_eq(config_parse(&config, 3, argv), CONFIG_USAGE);
	log = log_capture_end();
	ck_assert_msg(strstr(log, why) != NULL, "%s, not \"%s\"", log, why);
	ck_assert_uint_eq(count_lines(log), 1);
	config_free(&config);
	config = (struct config){ 0 };
}

static void assert_text_refused(const char *text, const char *why)
{
	write_file(text, strlen(text));
	assert_refused("guest.conf", why);
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

	assert_text_refused(cases[_i].text, cases[_i].why);
}
END_TEST

/* ---- every key -------------------------------------------------------------------- */

/* What no option of the kind takes. */
static const char *bad_value(const struct option_spec *spec)
{
	static char beyond[32];

	switch (spec->kind) {
	case OPTION_UINT:
	case OPTION_SIZE:
	case OPTION_ADDRESS:
		snprintf(beyond, sizeof(beyond), "%llu", (unsigned long long)spec->max + 1);
		return spec->max ? beyond : "x";
	case OPTION_STRING:
	case OPTION_LIST:
		return "";
	case OPTION_BOOL:
	case OPTION_ENUM:
	case OPTION_BDF:
	case OPTION_WINDOW:
	case OPTION_FLAG:
		return "x";
	}
	return NULL;
}

/* A line with each, behind a good one. */
static void assert_keys_checked(const char *word, const struct option_spec *specs)
{
	const struct option_spec *spec;
	char text[256], why[128];

	for (spec = specs; spec->key; spec++) {
		snprintf(text, sizeof(text), "workers=1\n%s %s=%s\n", word, spec->key,
			 bad_value(spec));
		snprintf(why, sizeof(why), "xenvirtiod: guest.conf:2: %s: %s: ", word, spec->key);
		assert_text_refused(text, why);
	}
}

START_TEST(each_key_of_each_word_is_checked)
{
	unsigned i;

	for (i = 0; config_types[i]; i++) {
		assert_keys_checked(config_types[i]->name, config_types[i]->options);
		assert_keys_checked(config_types[i]->name, config_device_options);
	}
	assert_keys_checked("bridge", bridge_option_specs);
}
END_TEST

START_TEST(each_global_key_is_checked)
{
	const struct option_spec *spec;
	char text[256], why[128];

	for (spec = config_global_options; spec->key; spec++) {
		snprintf(text, sizeof(text), "\n%s=%s\n", spec->key, bad_value(spec));
		snprintf(why, sizeof(why), "xenvirtiod: guest.conf:2: %s: ", spec->key);
		assert_text_refused(text, why);
		snprintf(text, sizeof(text), "%s\n", spec->key);
		snprintf(why, sizeof(why), "guest.conf:1: %s: needs a value", spec->key);
		assert_text_refused(text, why);
	}
}
END_TEST

/* What lines are together is said with one of them. */
START_TEST(what_does_not_go_together_has_a_place)
{
	assert_text_refused(GOOD "window=3M\n", "guest.conf:2: window: not a power of two");
	assert_text_refused(GOOD "\nname=a/b\n", "guest.conf:3: name: \"a/b\" has a slash");
	assert_text_refused("domain=99999\n" GOOD, "guest.conf:1: domain: 99999 is not a dom");
	assert_text_refused(GOOD GOOD, "guest.conf:2: blk: bdf=00:06.0 is given to two devices");
	assert_text_refused("blk bdf=00:00.0,null=1M\n", "guest.conf:1: blk: bdf=00:00.0: must be");
	assert_text_refused("blk bdf=00:06.0\n", "guest.conf:1: blk: give one of path=");
	assert_text_refused(GOOD "bridge expect=00:06.0\n",
			    "guest.conf:2: bridge: expect: device 6");
	assert_text_refused(GOOD "bridge expect=x\n", "guest.conf:2: bridge: expect: \"x\" is not");
	assert_text_refused(GOOD "bridge expect=00:07.0@x\n",
			    "guest.conf:2: bridge: expect: \"x\" is not a number");
	assert_text_refused("workers=1\n", "guest.conf: no device is given");
	assert_text_refused("", "guest.conf: no device is given");
}
END_TEST

/* ---- the file itself ---------------------------------------------------------------- */

START_TEST(files_that_cannot_be_read)
{
	assert_refused("missing.conf", "--config: missing.conf: No such file");
	assert_refused(".", "--config: .: Is a directory");
	assert_refused("/dev/zero", "/dev/zero:1: there is a NUL byte");
	write_file("", 0);
	ck_assert_int_eq(chmod("guest.conf", 0), 0);
	if (!geteuid()) /* root may read anything */
		ck_assert_int_eq(seteuid(65534), 0);
	assert_refused("guest.conf", "--config: guest.conf: Permission denied");
	if (!getuid())
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(lines_that_are_no_text)
{
	static char line[5000];

	memset(line, '#', sizeof(line) - 1);
	assert_text_refused(line, "guest.conf:1: the line is longer than 4095 bytes");
	assert_text_refused("workers=1\r\n", "guest.conf:1: the line ends with CR LF");
	assert_text_refused("\nname=\033[1m\n", "guest.conf:2: there is a control character");
	assert_text_refused("=7\n", "guest.conf:1: there is no key before the =");
	write_file("workers=1\n\0", 11);
	assert_refused("guest.conf", "guest.conf:2: there is a NUL byte");
}
END_TEST

/* The longest line, and a last one without an end. */
START_TEST(lines_that_are_as_long_as_they_may_be)
{
	static char text[4096 + sizeof(GOOD)];

	memset(text, '#', 4095);
	memcpy(text + 4095, "\n" GOOD, sizeof(GOOD) - 1); /* but its last line's end */
	ck_assert_int_eq(parse(text, NULL, NULL), CONFIG_RUN);
	ck_assert_uint_eq(config.ndevices, 1);
}
END_TEST

/* ---- damage ------------------------------------------------------------------------- */

static const char whole[] = "# a guest\nname=x\ndomain 7\nworkers = 2\nbounce=1M\n"
			    "log-level=debug\nreport-writes=on\n"
			    "blk bdf=00:06.0,path=/srv/a,,b.img,iops=100,queues=2,serial=one\n"
			    "blk bdf=00:08.0,nbd=unix:/run/nbd.sock,readonly=on,wait=rrs\n"
			    "net bdf=00:07.0,tap=tap0,mac=00:16:3e:11:22:33,mtu=9000\n"
			    "bridge give-up=10,expect=00:09.0@3,expect=00:0a.0\n";

static size_t damage(char *text, size_t n)
{
	static const char bytes[] = "=, \t\n#@:/-0x9aKMGT\r";
	size_t at = unit_random((uint32_t)n), other = unit_random((uint32_t)n);

	switch (unit_random(5)) {
	case 0: /* another byte, often one that has a meaning */
		text[at] = unit_random(2) ? bytes[unit_random(sizeof(bytes))]
					  : (char)unit_random(256);
		return n;
	case 1: /* one less */
		memmove(text + at, text + at + 1, n - at - 1);
		return n - 1;
	case 2: /* cut off */
		return at + 1;
	case 3: /* the same once more */
		memmove(text + n, text + at, n - at);
		return n + n - at;
	default: /* two are exchanged */
		text[n] = text[at];
		text[at] = text[other];
		text[other] = text[n];
		return n;
	}
}

static size_t damaged(char text[static 64 * sizeof(whole)])
{
	size_t n = sizeof(whole) - 1;
	unsigned left = 1 + unit_random(4);

	memcpy(text, whole, n);
	while (left-- && n > 1)
		n = damage(text, n);
	return n;
}

/* It is good, or wrong in one line; the sanitizers look on. */
START_TEST(damage_is_taken_or_said_in_one_line)
{
	char *argv[] = { "xenvirtiod", "--config", "guest.conf", NULL };
	static char text[64 * sizeof(whole)];
	unsigned i, good = 0;

	ck_assert_int_eq(parse(whole, NULL, NULL), CONFIG_RUN);
	for (i = 0; i < 4000; i++) {
		enum config_verdict verdict;

		config_free(&config);
		write_file(text, damaged(text));
		log_capture_begin();
		verdict = config_parse(&config, 3, argv);
		ck_assert_uint_eq(count_lines(log_capture_end()), verdict != CONFIG_RUN);
		good += verdict == CONFIG_RUN;
	}
	ck_assert_uint_gt(good, 100); /* both were seen */
	ck_assert_uint_lt(good, 3900);
}
END_TEST

START_TEST(flags_beside_it_are_added_but_not_twice)
{
	const char *log;

	log_capture_begin();
	ck_assert_int_eq(parse("workers=1\n" GOOD, "--workers", "1"), CONFIG_USAGE);
	log = log_capture_end();
	ck_assert_msg(strstr(log, "--workers is given twice, in line 1 of guest.conf") != NULL,
		      "%s", log);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(names_come_from_the_file),
		ONCE(lines_may_be_written_in_several_ways),
		TIMES(what_is_wrong_is_said_with_its_place, 8),
		ONCE(each_key_of_each_word_is_checked),
		ONCE(each_global_key_is_checked),
		ONCE(what_does_not_go_together_has_a_place),
		ONCE(files_that_cannot_be_read),
		ONCE(lines_that_are_no_text),
		ONCE(lines_that_are_as_long_as_they_may_be),
		ONCE(damage_is_taken_or_said_in_one_line),
		ONCE(flags_beside_it_are_added_but_not_twice),
	};

	return unit_main("config-file", setup, teardown, tests, ARRAY_SIZE(tests));
}
