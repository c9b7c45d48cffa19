/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-run-guest.c: xenvirtioctl start and run, with an xl that is a script and instances that
 * are this program: what is started for which guest, in which order, and what is done when
 * something ends. xl's actions and the instances' are lines in a file.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/runtime.h"
#include "daemon/service.h"
#include "fake/fake.h"
#include "unit/unit.h"

int xenvirtioctl_main(int argc, char **argv);

static char dir[] = "/tmp/run-XXXXXX";
static struct fake_child *child;

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file) /* Check's assertions are not for the instance */
		abort();
	fputs(text, file);
	fclose(file);
}

/* ---- the instance, in a process that was started as "xenvirtiod --config FILE" ------- */

static void add_event(const char *what, const char *name)
{
	FILE *file = fopen("events", "a");

	fprintf(file, "%s %s\n", what, name);
	fclose(file);
}

static void take_record(const char *path, unsigned domid)
{
	uint32_t head[2] = { 0, domid };
	static int fd; /* and with it the lock: until the end */

	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) || write(fd, head, sizeof(head)) < 0)
		exit(1);
}

static unsigned number_in(const char *path)
{
	FILE *file = fopen(path, "r");
	unsigned number = 0;

	if (file) {
		if (fscanf(file, "%u", &number) != 1)
			number = 0;
		fclose(file);
	}
	return number;
}

static bool holds(const char *path, const char *text)
{
	char content[4096] = "";
	FILE *file = fopen(path, "r");

	if (file) {
		content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
		fclose(file);
	}
	return strstr(content, text) != NULL;
}

/* It ends when another domain is there, or none. */
static int instance_main(const char *config)
{
	unsigned domid = number_in("domid");
	char name[64], record[128], pid[16];

	snprintf(name, sizeof(name), "%.*s", (int)strlen(config) - 5 - 5, config + 5);
	snprintf(record, sizeof(record), "%s.state", name);
	snprintf(pid, sizeof(pid), "%d", getpid());
	write_file("pid", pid);
	add_event("start", name);
	if (holds(config, "broken"))
		return 1;
	take_record(record, domid);
	if (!holds(config, "slow"))
		service_notify("READY=1");
	while (number_in("domid") == domid) {
		if (!unlink("leave"))
			return RUNTIME_LEFT;
		unit_nap_us(10000);
	}
	add_event("end", name);
	unlink(record);
	return 0;
}

/* ---- the toolstack ------------------------------------------------------------------- */

static const char xl[] =
	"#!/bin/sh\n"
	"case $1 in\n"
	"create)\n"
	"	for file; do :; done\n"
	"	. ./$file\n"
	"	if [ $3 = --dryrun ]; then\n"
	"		echo '{ \"config\": { \"c_info\": { \"name\": \"'$name'\" },'\n"
	"		for when in poweroff reboot crash watchdog soft_reset; do\n"
	"			eval \"action=\\${on_$when-}\"\n"
	"			[ ! $action ] || echo \"\\\"on_$when\\\": \\\"$action\\\",\"\n"
	"		done\n"
	"	else\n"
	"		echo \"create $name $3 $4\" >> events\n"
	"		echo $(($(cat last) + 1)) > last\n"
	"		cp last domid\n"
	"		echo --p--- > state\n"
	"	fi ;;\n"
	"domid) cat domid ;;\n"
	"list)\n"
	"	echo 'Name ID Mem VCPUs State Time(s)'\n"
	"	[ ! -e domid ] || echo \"a $(cat domid) 192 1 $(cat state) 0.1\" ;;\n"
	"unpause) echo -b---- > state; echo \"unpause $2\" >> events ;;\n"
	"destroy) echo \"destroy $2\" >> events; rm domid ;;\n"
	"*) echo \"$*\" >> events ;;\n"
	"esac\n";

static void setup(void)
{
	char path[512];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(mkdir("bin", 0700) || mkdir("conf", 0700), 0);
	write_file("bin/xl", xl);
	ck_assert_int_eq(chmod("bin/xl", 0700), 0);
	path[readlink("/proc/self/exe", path, sizeof(path) - 1)] = '\0';
	ck_assert_int_eq(symlink(path, "bin/xenvirtiod"), 0);
	snprintf(path, sizeof(path), "%s/bin:%s", dir, getenv("PATH"));
	setenv("PATH", path, 1);
	setenv("RUNTIME_DIRECTORY", dir, 1);
	write_file("last", "6");
	fake_start(FAKE_HVM, 1, 256);
}

static void teardown(void)
{
	char command[64];

	fake_end();
	snprintf(command, sizeof(command), "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* What xl says of the guest from now on, and xenstored says that there is news. */
static void guest_is(const char *state)
{
	write_file("state", state);
	fake_domain_destroy();
}

static void assert_events(const char *events)
{
	char text[4096] = "";
	FILE *file = fopen("events", "r");

	if (file) {
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		fclose(file);
	}
	ck_assert_str_eq(text, events);
}

static void spawn(const char *verb, const char *operand)
{
	child = fake_spawn_nowait(xenvirtioctl_main, verb, "--directory", "conf", operand, NULL);
}

static void run_until(const char *event)
{
	spawn("run", "a.cfg");
	ck_assert_msg(wait_for(holds("events", event)), "%s", fake_log(child));
}

static int ends_with(void)
{
	return fake_wait_exit(child, 10000);
}

/* ---- start --------------------------------------------------------------------------- */

START_TEST(what_serves_a_guest_is_started_bridges_first)
{
	write_file("domid", "7");
	write_file("conf/a.conf", "blk bdf=00:06.0,path=/a\n");
	write_file("conf/other.conf", "domain=b\n");
	write_file("conf/z-host.conf", "# domain=b\n  domain = a \t\nbridge=give-up=60\n");
	write_file("conf/more.conf", "domain a\n");
	write_file("conf/a.conf.old", "domain=a\n");
	spawn("start", "a");
	ck_assert_int_eq(ends_with(), 0);
	assert_events("start z-host\nstart a\nstart more\n");
	unlink("domid");
	ck_assert(wait_for(access("a.state", F_OK) && access("more.state", F_OK) &&
			   access("z-host.state", F_OK)));
}
END_TEST

START_TEST(what_serves_already_is_not_started)
{
	write_file("domid", "7");
	write_file("conf/a.conf", "");
	spawn("start", "a");
	ck_assert_int_eq(ends_with(), 0);
	spawn("start", "a");
	ck_assert_int_eq(ends_with(), 0);
	assert_events("start a\n");
	unlink("domid");
	ck_assert(wait_for(access("a.state", F_OK)));
}
END_TEST

/* The last guest of this name is gone, which its instance is about to notice. */
START_TEST(what_serves_the_last_guest_is_waited_for)
{
	write_file("domid", "7");
	write_file("conf/a.conf", "");
	spawn("start", "a");
	ck_assert_int_eq(ends_with(), 0);
	write_file("domid", "8");
	spawn("start", "a");
	ck_assert_int_eq(ends_with(), 0);
	assert_events("start a\nend a\nstart a\n");
	unlink("domid");
	ck_assert(wait_for(access("a.state", F_OK)));
}
END_TEST

START_TEST(what_cannot_be_started_is_said)
{
	const struct {
		const char *file, *domid, *why;
	} cases[] = {
		{ "domain=b\n", "7", "conf: no *.conf has domain=a" },
		{ "", "", "a: no guest" },
		{ "broken\n", "7", "instance a: ended before it was ready" },
	};

	write_file("conf/a.conf", cases[_i].file);
	write_file("domid", cases[_i].domid);
	spawn("start", "a");
	ck_assert_int_eq(ends_with(), 1);
	ck_assert_msg(strstr(fake_log(child), cases[_i].why), "%s", fake_log(child));
	ck_assert_int_ne(access("a.notify", F_OK), 0);
}
END_TEST

START_TEST(wrong_words_are_refused)
{
	spawn("start", "--wrong");
	ck_assert_int_eq(ends_with(), 2);
	child = fake_spawn_nowait(xenvirtioctl_main, "run", NULL);
	ck_assert_int_eq(ends_with(), 2);
	ck_assert_msg(strstr(fake_log(child), "GUEST.cfg is wanted"), "%s", fake_log(child));
}
END_TEST

/* ---- run ----------------------------------------------------------------------------- */

static void configure(const char *actions)
{
	char text[256];

	snprintf(text, sizeof(text), "name=a\n%s\n", actions);
	write_file("a.cfg", text);
	write_file("conf/a.conf", "");
}

START_TEST(a_guest_that_powers_off_is_the_end)
{
	configure("");
	run_until("unpause 7");
	guest_is("---s--");
	ck_assert_int_eq(ends_with(), 0);
	assert_events("create a -p -e\nstart a\nunpause 7\ndestroy 7\nend a\n");
}
END_TEST

START_TEST(a_guest_that_reboots_is_created_anew)
{
	configure("on_reboot=restart");
	run_until("unpause 7");
	guest_is("---sr-");
	ck_assert(wait_for(holds("events", "unpause 8")));
	guest_is("---s--");
	ck_assert_int_eq(ends_with(), 0);
	assert_events("create a -p -e\nstart a\nunpause 7\ndestroy 7\nend a\n"
		      "create a -p -e\nstart a\nunpause 8\ndestroy 8\nend a\n");
}
END_TEST

START_TEST(a_crash_is_done_with_as_configured)
{
	const struct {
		const char *action, *events;
		int status;
	} cases[] = {
		{ "on_crash=destroy", "destroy 7\nend a\n", 1 },
		{ "on_crash=coredump_destroy",
		  "dump-core 7 /var/lib/xen/dump/a\ndestroy 7\nend a\n", 1 },
		{ "on_crash=preserve", "", 0 },
	};
	char events[256];

	configure(cases[_i].action);
	run_until("unpause 7");
	guest_is("---sc-");
	ck_assert_int_eq(ends_with(), cases[_i].status);
	snprintf(events, sizeof(events), "create a -p -e\nstart a\nunpause 7\n%s",
		 cases[_i].events);
	assert_events(events);
	unlink("domid");
	ck_assert(wait_for(access("a.state", F_OK)));
}
END_TEST

START_TEST(a_signal_shuts_the_guest_down_a_second_one_destroys_it)
{
	configure("on_poweroff=restart");
	run_until("unpause 7");
	kill(fake_pid(child), SIGINT);
	ck_assert(wait_for(holds("events", "shutdown -F 7")));
	if (_i == 0) {
		guest_is("---s--");
	} else {
		kill(fake_pid(child), SIGINT);
		ck_assert(wait_for(holds("events", "destroy 7")));
		fake_domain_destroy();
	}
	ck_assert_int_eq(ends_with(), 0);
	assert_events("create a -p -e\nstart a\nunpause 7\nshutdown -F 7\ndestroy 7\nend a\n");
}
END_TEST

START_TEST(a_guest_destroyed_by_others_is_the_end)
{
	configure("on_poweroff=restart");
	run_until("unpause 7");
	unlink("domid");
	fake_domain_destroy();
	ck_assert_int_eq(ends_with(), 0);
	assert_events("create a -p -e\nstart a\nunpause 7\nend a\n");
}
END_TEST

START_TEST(a_guest_without_what_serves_it_does_not_run)
{
	configure("");
	write_file("conf/a.conf", "broken\n");
	spawn("run", "a.cfg");
	ck_assert_int_eq(ends_with(), 1);
	assert_events("create a -p -e\nstart a\ndestroy 7\n");
}
END_TEST

START_TEST(a_signal_meanwhile_is_heard)
{
	configure("");
	write_file("conf/a.conf", "slow\n");
	run_until("start a");
	kill(fake_pid(child), SIGTERM);
	ck_assert_int_eq(ends_with(), 1);
	ck_assert(holds("events", "destroy 7"));
	ck_assert(!holds("events", "unpause"));
}
END_TEST

/* Its predecessor may not be gone yet, or a store not be free. */
START_TEST(what_was_killed_is_started_until_it_serves)
{
	configure("");
	run_until("unpause 7");
	write_file("conf/a.conf", "broken\n");
	ck_assert_int_eq(kill((pid_t)number_in("pid"), SIGKILL), 0);
	ck_assert(fake_wait_log(child, "ended before it was ready", 5000));
	unlink("a.state");
	write_file("conf/a.conf", "");
	ck_assert(wait_for(!access("a.state", F_OK)));
	guest_is("---s--");
	ck_assert_int_eq(ends_with(), 0);
	ck_assert(holds("events", "destroy 7\nend a\n"));
}
END_TEST

START_TEST(what_was_killed_or_told_to_leave_is_started_again)
{
	configure("");
	run_until("unpause 7");
	if (_i)
		write_file("leave", "");
	else
		ck_assert_int_eq(kill((pid_t)number_in("pid"), SIGKILL), 0);
	ck_assert(fake_wait_log(child, "starting it again", 5000));
	guest_is("---s--");
	ck_assert_int_eq(ends_with(), 0);
	assert_events("create a -p -e\nstart a\nunpause 7\nstart a\ndestroy 7\nend a\n");
}
END_TEST

START_TEST(a_second_guest_by_the_way_is_refused)
{
	configure("on_reboot=rename_restart");
	spawn("run", "a.cfg");
	ck_assert_int_eq(ends_with(), 1);
	ck_assert_msg(strstr(fake_log(child), "on_reboot may be"), "%s", fake_log(child));
	assert_events("");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		ONCE(what_serves_a_guest_is_started_bridges_first),
		ONCE(what_serves_already_is_not_started),
		ONCE(what_serves_the_last_guest_is_waited_for),
		TIMES(what_cannot_be_started_is_said, 3),
		ONCE(wrong_words_are_refused),
		ONCE(a_guest_that_powers_off_is_the_end),
		ONCE(a_guest_that_reboots_is_created_anew),
		TIMES(a_crash_is_done_with_as_configured, 3),
		TIMES(a_signal_shuts_the_guest_down_a_second_one_destroys_it, 2),
		ONCE(a_guest_destroyed_by_others_is_the_end),
		ONCE(a_guest_without_what_serves_it_does_not_run),
		ONCE(a_signal_meanwhile_is_heard),
		TIMES(what_was_killed_or_told_to_leave_is_started_again, 2),
		ONCE(what_was_killed_is_started_until_it_serves),
		ONCE(a_second_guest_by_the_way_is_refused),
	};

	if (argc == 3 && !strcmp(argv[1], "--config"))
		return instance_main(argv[2]);
	return unit_main("run-guest", setup, teardown, tests, ARRAY_SIZE(tests));
}
