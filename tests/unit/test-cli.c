/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-cli.c: the daemon's command line. What is wrong is said in one line, by
 * status 2 where the words are at fault and 1 where the world is, and before
 * anything touches Xen.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"
#include "devices/types.h"
#include "fake/fake.h"
#include "unit/unit.h"

#define ARGS 6

int xenvirtiod_main(int argc, char **argv);

static char dir[] = "/tmp/cli-XXXXXX", image[64], small[64], odd[64];
static struct fake_child *child;

static void make_file(char *path, const char *name, long size)
{
	FILE *file;

	snprintf(path, 64, "%s/%s", dir, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fclose(file);
	ck_assert_int_eq(truncate(path, size), 0);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	make_file(image, "image", 1 << 20);
	make_file(small, "small", 511);
	make_file(odd, "odd", 1025);
	setenv("RUNTIME_DIRECTORY", dir, 1);
	fake_start(FAKE_HVM, 1, 256);
}

static void teardown(void)
{
	unlink(image);
	unlink(small);
	unlink(odd);
	ck_assert_int_eq(rmdir(dir), 0); /* nothing else was left in it */
	fake_end();
}

/* Runs the daemon to its end. Returns its exit status. */
static int run(const char *const *a)
{
	child = fake_spawn_nowait(xenvirtiod_main, a[0], a[1], a[2], a[3], a[4], a[5], NULL);
	return fake_wait_exit(child, 10000);
}

static void assert_line(const char *text)
{
	const char *log = fake_log(child);

	ck_assert_msg(count_lines(log) == 1, "not one line: %s", log);
	ck_assert_msg(!strncmp(log, "xenvirtiod: ", 12), "%s", log);
	ck_assert_msg(strstr(log, text) != NULL, "%s, not \"%s\"", log, text);
}

/* ---- words at fault ------------------------------------------------------------- */

struct usage {
	const char *args[ARGS], *why;
};

#define DOMAIN "--domain", "7"
#define GOOD   DOMAIN, "--blk", "bdf=00:06.0,null=1M"
#define BLK(value)                     \
	{                              \
		DOMAIN, "--blk", value \
	}

static const struct usage usages[] = {
	{ { NULL }, "--domain is missing" },
	{ { DOMAIN }, "no device is given" },
	{ { "--blk", "bdf=00:06.0,null=1M" }, "--domain is missing" },
	{ { "--domain" }, "--domain needs a value" },
	{ { GOOD, "--workers" }, "--workers needs a value" },
	{ { GOOD, "--nonsense" }, "there is no flag --nonsense" },
	{ { GOOD, "-x" }, "there is no flag -x " },
	{ { GOOD, "-xy" }, "there is no flag -x " },
	{ { GOOD, "extra" }, "\"extra\" is not a flag" },
	{ { GOOD, "--check=yes" }, "--check=yes" },
	{ { GOOD, "--domain", "8" }, "--domain is given twice" },
	{ { "--domain", "", "--blk", "bdf=00:06.0,null=1M" }, "--domain: must not be empty" },
	{ { "--domain", "32752", "--blk", "bdf=00:06.0,null=1M" }, "32752 is not a domain's" },
	{ { "--domain", "a/b", "--blk", "bdf=00:06.0,null=1M" }, "slash" },
	{ { GOOD, "--name", "../x" }, "slash" },
	{ { GOOD, "--name", "" }, "--name: must not be empty" },
	{ { GOOD, "--workers", "many" }, "--workers: \"many\" is not a number" },
	{ { GOOD, "--workers", "65" }, "from 0 to 64" },
	{ { GOOD, "--log-level", "loud" }, "error, warning, info, debug" },
	{ { GOOD, "--bounce", "262143" }, "--bounce: 262143 is not from 256K to 1048576K" },
	{ { GOOD, "--bounce", "1025M" }, "--bounce: 1025M is not from 256K to 1048576K" },
	{ { GOOD, "--bounce", "0" }, "--bounce: 0 is not from" },
	{ { GOOD, "--bounce", "much" }, "--bounce: \"much\" is not a size" },
	{ { GOOD, "--window", "32K" }, "--window: 32K is not from 64K to 16384K" },
	{ { GOOD, "--window", "32M" }, "--window: 32M is not from 64K to 16384K" },
	{ { GOOD, "--window", "3M" }, "--window: not a power of two" },
	{ { GOOD, "--window", "65537" }, "--window: not a power of two" },
	{ { GOOD, "--window", "2m" }, "--window: \"2m\" is not a size" },
	{ { GOOD, "--report-writes", "yes" }, "--report-writes: \"yes\" is neither on nor off" },
	{ { GOOD, "--report-writes" }, "--report-writes needs a value" },
	{ BLK(""), "key=value" },
	{ BLK("null=1M"), "\"bdf=\" is missing" },
	{ BLK("bdf=00:06.0"), "give one of path=, nbd= and null=" },
	{ BLK("bdf=00:06.0,path=image,null=1M"), "give one of path=, nbd= and null=" },
	{ BLK("bdf=00:06.0,null=1M,size=4"), "there is no option \"size\"" },
	{ BLK("bdf=00:06.0,bdf=00:06.0,null=1M"), "\"bdf\" is given twice" },
	{ BLK("bdf=06,null=1M"), "\"06\" is not a PCI address" },
	{ BLK("bdf=00:00.0,null=1M"), "must be from 00:01.0 to 00:1f.0" },
	{ BLK("bdf=00:06.1,null=1M"), "must be from 00:01.0 to 00:1f.0" },
	{ BLK("bdf=01:06.0,null=1M"), "must be from 00:01.0 to 00:1f.0" },
	{ BLK("bdf=0001:00:06.0,null=1M"), "must be from 00:01.0 to 00:1f.0" },
	{ { GOOD, "--blk", "bdf=00:06.0,path=image" }, "bdf=00:06.0 is given to two devices" },
	{ BLK("bdf=00:06.0,null=lots"), "\"lots\" is not a size" },
	{ BLK("bdf=00:06.0,null=1M,readonly=yes"), "neither on nor off" },
	{ BLK("bdf=00:06.0,null=1M,memory=some"), "none of auto, grants, foreign" },
	{ BLK("bdf=00:06.0,null=1M,wait=yes"), "none of no, rrs, online" },
	{ BLK("bdf=00:06.0,null=1M,map-from=-1"), "map-from: \"-1\" is not a size" },
	{ BLK("bdf=00:06.0,null=1M,map-from=on"), "map-from: \"on\" is not a size" },
	{ BLK("bdf=00:06.0,null=1M,map-from=4K,map-from=4K"), "\"map-from\" is given twice" },
	{ BLK("bdf=00:06.0,null=1M,queues=0"), "from 1 to 16" },
	{ BLK("bdf=00:06.0,null=1M,queues=17"), "from 1 to 16" },
	{ BLK("bdf=00:06.0,null=1M,serial=123456789012345678901"), "longer than 20" },
};

START_TEST(words_at_fault_end_with_2)
{
	ck_assert_int_eq(run(usages[_i].args), 2);
	assert_line(usages[_i].why);
	ck_assert_uint_eq(fake_syscalls(), 0);
}
END_TEST

/* ---- the world at fault ----------------------------------------------------------- */

static const struct usage failures[] = {
	{ BLK("bdf=00:06.0,path=missing"), "missing: No such file" },
	{ BLK("bdf=00:06.0,path=."), ".: Is a directory" },
	{ BLK("bdf=00:06.0,path=/dev/null"), "neither a file nor a block device" },
	{ BLK("bdf=00:06.0,path=small"), "smaller than one sector" },
	{ BLK("bdf=00:06.0,null=511"), "smaller than one sector" },
	{ { GOOD, "--blk", "bdf=00:07.0,path=missing" }, "missing: No such file" },
};

/* With --check and without. */
START_TEST(the_world_at_fault_ends_with_1)
{
	const struct usage *failure = &failures[_i / 2];
	const char *args[ARGS];

	memcpy(args, failure->args, sizeof(args));
	if (_i & 1 && !args[ARGS - 2])
		args[ARGS - 2] = "--check";
	ck_assert_int_eq(run(args), 1);
	assert_line(failure->why);
	ck_assert_uint_eq(fake_syscalls(), 0);
}
END_TEST

/* What only Xen can tell. */
static const struct usage strangers[] = {
	{ { "--domain", "9", "--blk", "bdf=00:06.0,null=1M" }, "domain 9" },
	{ { "--domain", "nobody", "--blk", "bdf=00:06.0,null=1M" }, "no such domain" },
};

START_TEST(a_domain_that_is_not_there_ends_with_1)
{
	ck_assert_int_eq(run(strangers[_i].args), 1);
	assert_line(strangers[_i].why);
}
END_TEST

START_TEST(without_xenstore_a_number_does)
{
	static const char *const by_name[ARGS] = { "--domain", FAKE_DOMAIN, "--blk",
						   "bdf=00:06.0,null=1M" };

	fake_fail(FAKE_XS_OPEN, 1, ECONNREFUSED);
	ck_assert_int_eq(run(by_name), 1);
	assert_line("cannot reach xenstore");
	fake_fail(FAKE_XS_OPEN, 1, ECONNREFUSED);
	child = fake_spawn(xenvirtiod_main, GOOD, NULL);
	ck_assert(!fake_failed(FAKE_XS_OPEN));
	ck_assert_int_eq(fake_terminate(child), 0);
}
END_TEST

START_TEST(who_must_not_look_for_names_gives_a_number)
{
	static const char *const by_name[ARGS] = { "--domain", FAKE_DOMAIN, "--blk",
						   "bdf=00:06.0,null=1M" };

	fake_fail(FAKE_XS_DIRECTORY, 1, EACCES);
	ck_assert_int_eq(run(by_name), 1);
	assert_line("cannot look for it in xenstore: Permission denied (a number needs none)");
}
END_TEST

/* Xen's policy forbids one call, or Linux all of them. */
static const struct refusal {
	enum fake_call call;
	int err;
	bool by_linux;
	const char *why;
} refusals[] = {
	{ FAKE_DM_NR_VCPUS, EPERM, true, "(by this domain's Linux: boot it with xen_privcmd.un" },
	{ FAKE_DM_NR_VCPUS, EPERM, false, "serve it: Operation not permitted (Xen refuses: the " },
	{ FAKE_DM_NR_VCPUS, EACCES, false, "Permission denied (by FLASK's policy: this domain's" },
	{ FAKE_DM_NR_VCPUS, EINVAL, false, "(not an HVM, PVH or Arm guest?)" },
	{ FAKE_DM_NR_VCPUS, ENOSYS, false, "(Xen has no IOREQ servers" },
	{ FAKE_DM_NR_VCPUS, ENOMEM, false, "serve it: Cannot allocate memory\n" },
	{ FAKE_DM_CREATE, EPERM, false,
	  "create an IOREQ server: Operation not permitted (Xen is "
	  "in SILO mode" },
	{ FAKE_DM_CREATE, EACCES, false, "(by FLASK's policy; or this is a PVH or HVM domain" },
	{ FAKE_DM_CREATE, ENOSPC, false, "(a domain can have 8" },
	{ FAKE_RESOURCE_MAP, EACCES, false, "map the page of the IOREQ server: Permission denied" },
};

START_TEST(who_refuses_is_said_in_one_line)
{
	static const char *const args[ARGS] = { GOOD };
	const struct refusal *refusal = &refusals[_i];

	fake_fail(refusal->call, 1, refusal->err);
	if (refusal->by_linux)
		fake_fail(FAKE_HYPERCALL, 1, EPERM);
	ck_assert_int_eq(run(args), 1);
	assert_line("domain 7: cannot ");
	assert_line(refusal->why);
	ck_assert_uint_eq(fake_servers(), 0);
}
END_TEST

/* ---- what is asked for -------------------------------------------------------------- */

START_TEST(check_opens_everything_but_xen)
{
	static const char *const good[ARGS] = { DOMAIN, "--blk",
						"bdf=00:06.0,path=image,readonly=on,serial=x",
						"--check" };
	static const char *const warned[ARGS] = { DOMAIN, "--blk", "bdf=00:06.0,path=odd",
						  "--check" };

	ck_assert_int_eq(run(good), 0);
	ck_assert_str_eq(fake_log(child), "the configuration is good\n");
	ck_assert_int_eq(run(warned), 0);
	ck_assert_ptr_nonnull(strstr(fake_log(child), "the last 1 bytes are not a whole sector"));
	ck_assert_uint_eq(fake_syscalls(), 0);
}
END_TEST

/* A file is checked as flags are. */
START_TEST(check_takes_a_file)
{
	static const char *const args[ARGS] = { "--config", "guest.conf", "--check" };
	FILE *file = fopen("guest.conf", "w");

	ck_assert_ptr_nonnull(file);
	fputs("domain=7\nblk bdf=00:06.0,path=image\n", file);
	fclose(file);
	ck_assert_int_eq(run(args), 0);
	ck_assert_str_eq(fake_log(child), "the configuration is good\n");
	ck_assert_int_eq(rename("guest.conf", "other.conf"), 0);
	ck_assert_int_eq(run(args), 2);
	assert_line("--config: guest.conf: No such file");
	unlink("other.conf");
	ck_assert_uint_eq(fake_syscalls(), 0);
}
END_TEST

/* What is not there yet is named, and is no error where it will be waited for. */
START_TEST(check_does_not_wait)
{
	static const char *const args[ARGS] = { DOMAIN, "--blk",
						"bdf=00:06.0,path=missing,wait=online", "--check" };

	ck_assert_int_eq(run(args), 0);
	ck_assert_str_eq(fake_log(child), "xenvirtiod: 7: 00:06.0 blk: waiting for missing: "
					  "No such file or directory\n"
					  "the configuration is good\n");
	ck_assert_uint_eq(fake_syscalls(), 0);
}
END_TEST

/* The limits themselves are good. */
START_TEST(values_that_are_good)
{
	static const char *const values[][2] = {
		{ "--bounce", "256K" },
		{ "--bounce", "1G" },
		{ "--window", "64K" },
		{ "--window", "65536" },
		{ "--window", "16M" },
		{ "--report-writes", "on" },
		{ "--report-writes", "off" },
		{ "--blk", "bdf=00:07.0,null=1M,map-from=0" },
		{ "--blk", "bdf=00:07.0,null=1M,map-from=4K" },
	};

	child = fake_spawn_nowait(xenvirtiod_main, GOOD, values[_i][0], values[_i][1], "--check");
	ck_assert_int_eq(fake_wait_exit(child, 10000), 0);
	ck_assert_str_eq(fake_log(child), "the configuration is good\n");
	ck_assert_uint_eq(fake_syscalls(), 0);
}
END_TEST

START_TEST(version_is_one_line)
{
	static const char *const args[ARGS] = { "--version" };

	ck_assert_int_eq(run(args), 0);
	ck_assert_str_eq(fake_log(child), "xenvirtiod " XENVIRTIOD_VERSION "\n");
}
END_TEST

static void assert_named(const char *prefix, const char *key)
{
	char text[64];

	snprintf(text, sizeof(text), "\n  %s%s", prefix, key);
	ck_assert_msg(strstr(fake_log(child), text) != NULL, "no%s in %s", text, fake_log(child));
}

START_TEST(help_names_every_option)
{
	static const char *const flags[] = { "domain",  "name",          "workers",   "bounce",
					     "window",  "report-writes", "log-level", "check",
					     "version", "help" };
	static const char *const args[ARGS] = { "--help" };
	const struct option_spec *spec;
	unsigned i;

	ck_assert_int_eq(run(args), 0);
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		assert_named("--", flags[i]);
	ck_assert_ptr_nonnull(strstr(fake_log(child), "\n--blk:"));
	assert_named("", "bdf=");
	assert_named("", "memory=");
	assert_named("", "map-from=");
	assert_named("", "wait=");
	for (spec = virtio_blk.options; spec->key; spec++)
		assert_named("", spec->key);
}
END_TEST

/* Asked for help or the version, nothing else matters. */
START_TEST(help_and_version_come_first)
{
	static const char *const help[ARGS] = { "--domain", "7", "--help" };
	static const char *const version[ARGS] = { "--version", "--nonsense" };

	ck_assert_int_eq(run(help), 0);
	ck_assert_int_eq(run(version), 0);
	ck_assert_uint_eq(fake_syscalls(), 0);
}
END_TEST

/* One line says that it serves; that is all there is at this level. */
START_TEST(serving_is_one_line)
{
	child = fake_spawn(xenvirtiod_main, GOOD, "--name", "mine", "--own-domid", "0", NULL);
	assert_line("mine: ready: domain 7, 1 device");
	ck_assert_int_eq(fake_terminate(child), 0);
}
END_TEST

START_TEST(a_level_hides_what_is_less_urgent)
{
	child = fake_spawn_nowait(xenvirtiod_main, GOOD, "--log-level", "warning", NULL);
	ck_assert(wait_for(fake_servers() == 1));
	ck_assert(wait_for(fake_ranges((unsigned)fake_server_id(), FAKE_RANGE_PCI) == 1));
	ck_assert_int_eq(fake_terminate(child), 0);
	ck_assert_str_eq(fake_log(child), "");
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(words_at_fault_end_with_2, ARRAY_SIZE(usages)),
		TIMES(the_world_at_fault_ends_with_1, 2 * ARRAY_SIZE(failures)),
		TIMES(a_domain_that_is_not_there_ends_with_1, ARRAY_SIZE(strangers)),
		ONCE(without_xenstore_a_number_does),
		ONCE(who_must_not_look_for_names_gives_a_number),
		TIMES(who_refuses_is_said_in_one_line, ARRAY_SIZE(refusals)),
		ONCE(check_opens_everything_but_xen),
		ONCE(check_takes_a_file),
		ONCE(check_does_not_wait),
		TIMES(values_that_are_good, 9),
		ONCE(version_is_one_line),
		ONCE(help_names_every_option),
		ONCE(help_and_version_come_first),
		ONCE(serving_is_one_line),
		ONCE(a_level_hides_what_is_less_urgent),
	};

	return unit_main("cli", setup, teardown, tests, ARRAY_SIZE(tests));
}
