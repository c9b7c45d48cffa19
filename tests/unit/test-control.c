/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-control.c: the control socket of the whole daemon and xenvirtioctl, which asks at
 * it, while the model guest works.
 */
#include <check.h>
#include <errno.h>
#include <linux/virtio_blk.h>
#include <poll.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl.h"
#include "model.h"
#include "unit/unit.h"

#define BDF     "00:06.0"
#define CALLS   8     /* that the daemon takes at a time */
#define SILENCE 12000 /* ms, after which the daemon has lost its patience */

static struct fake_child *child;
static struct gblk *blk;

static void start(void)
{
	child = model_start(FAKE_PVH, model_disk(NULL));
	blk = model_driver(&model_grants);
}

static void teardown(void)
{
	blk = NULL;
	model_teardown();
}

static void end(void)
{
	ck_assert(gblk_load(blk, 20, 4));
	ck_assert_int_eq(fake_terminate(child), 0);
}

/* ---- what is counted ---------------------------------------------------------------- */

static unsigned long long queue_sum(const char *key)
{
	unsigned long long sum = 0;
	char name[40];
	int i;

	for (i = 0; i < MODEL_VCPUS; i++) {
		snprintf(name, sizeof(name), "queue.%d.%s", i, key);
		sum += ctl_figure(BDF, name);
	}
	return sum;
}

START_TEST(stats_are_what_the_guest_did)
{
	unsigned long long writes, chains;
	char data[4096] = "";
	int i;

	start();
	writes = ctl_figure(BDF, "writes");
	chains = queue_sum("chains");
	for (i = 0; i < 10; i++)
		ck_assert_uint_eq(gblk_write(blk, 8, data, sizeof(data)), VIRTIO_BLK_S_OK);
	for (i = 0; i < 7; i++)
		ck_assert_uint_eq(gblk_read(blk, 8, data, 1024), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(gblk_io(blk, VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(ctl_figure(BDF, "writes") - writes, 10);
	ck_assert_uint_eq(ctl_figure(BDF, "written-bytes") % 4096, 0);
	ck_assert_uint_ge(ctl_figure(BDF, "written-bytes"), 10 * 4096);
	ck_assert_uint_ge(ctl_figure(BDF, "reads"), 7);
	ck_assert_uint_ge(ctl_figure(BDF, "read-bytes"), 7 * 1024);
	ck_assert_uint_eq(ctl_figure(BDF, "flushes"), 1);
	ck_assert_uint_eq(ctl_figure(BDF, "failed"), 0);
	ck_assert_uint_eq(queue_sum("chains") - chains, 18);
	ck_assert_uint_eq(queue_sum("used"), queue_sum("chains"));
	ck_assert_uint_ge(queue_sum("doorbells"), 18);
	ck_assert_uint_ge(queue_sum("interrupts"), 18);
	ck_assert_uint_ge(ctl_figure("-", "worker.0.grant-copies"), 3);
	ck_assert_uint_gt(ctl_figure(BDF, "latency-ns"), 0);
	end();
}
END_TEST

START_TEST(requests_of_a_reset_are_not_in_flight_for_good)
{
	int i;

	start();
	for (i = 0; i < 8; i++)
		gblk_submit(blk, VIRTIO_BLK_T_IN, 0, 32768);
	gblk_kick(blk);
	gblk_remove(blk);
	gblk_restart(blk, &model_grants);
	ck_assert_uint_eq(queue_sum("used"), queue_sum("chains"));
	end();
}
END_TEST

START_TEST(list_and_show_name_what_there_is)
{
	start();
	ck_assert_int_eq(ctl("list"), 0);
	ck_assert_ptr_nonnull(strstr(ctl_output(), BDF "(blk, running)"));
	ck_assert_int_eq(ctl("show", BDF), 0);
	ck_assert_ptr_nonnull(strstr(ctl_output(), "running\n"));
	ck_assert_int_eq(ctl("show", "00:09.0"), 1);
	ck_assert_ptr_nonnull(strstr(ctl_errors(), "there is no device 00:09.0"));
	end();
	ck_assert_int_eq(ctl("list"), 0);
	ck_assert_str_eq(ctl_output(), "");
}
END_TEST

/* Strings and brackets go in pairs, and a comma is never last. */
static bool is_json(const char *text)
{
	bool quoted = false;
	int depth = 0;
	char last = 0;

	for (; *text; text++) {
		if (*text == '\\') {
			text++;
		} else if (*text == '"') {
			quoted = !quoted;
		} else if (!quoted && *text != ' ' && *text != '\n') {
			depth += (*text == '{') - (*text == '}');
			if (last == ',' && *text == '}')
				return false;
			last = *text;
		}
	}
	return !quoted && !depth && last == '}';
}

START_TEST(json_has_an_object_for_each_device)
{
	start();
	ck_assert_int_eq(ctl("stats", "--json"), 0);
	ck_assert_msg(is_json(ctl_output()), "%s", ctl_output());
	ck_assert_ptr_nonnull(strstr(ctl_output(), "\"instance\": {"));
	ck_assert_ptr_nonnull(strstr(ctl_output(), "\"" BDF "\": {"));
	ck_assert_ptr_nonnull(strstr(ctl_output(), "\"type\": \"blk\""));
	end();
}
END_TEST

/* The grammar of the text format 0.0.4. */
START_TEST(metrics_are_in_prometheus_format)
{
	const char *name = "^(# (HELP [a-z_]+ .+|TYPE [a-z_]+ (counter|gauge|histogram))|"
			   "xenvirtiod_[a-z_]+\\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*\\} "
			   "[0-9]+(\\.[0-9]+)?)$";
	char *text, *line, *rest;
	regex_t form;

	start();
	ck_assert(gblk_load(blk, 50, 8));
	ck_assert_int_eq(ctl("metrics"), 0);
	ck_assert_int_eq(regcomp(&form, name, REG_EXTENDED | REG_NOSUB), 0);
	text = strdup(ctl_output());
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		ck_assert_msg(!regexec(&form, line, 0, NULL, 0), "%s", line);
	free(text);
	regfree(&form);
	ck_assert_ptr_nonnull(strstr(ctl_output(), "le=\"+Inf\""));
	ck_assert_ptr_nonnull(strstr(ctl_output(), "xenvirtiod_reads_total{instance="));
	end();
}
END_TEST

START_TEST(top_prints_so_many_tables)
{
	start();
	ck_assert_int_eq(ctl("top", "--iterations", "2"), 0);
	ck_assert_uint_eq(count_lines(ctl_output()), 2 * 3);
	ck_assert_ptr_nonnull(strstr(ctl_output(), BDF));
	end();
}
END_TEST

/* ---- what is done ------------------------------------------------------------------- */

START_TEST(quit_withdraws_and_ends_with_0)
{
	start();
	ck_assert(gblk_load(blk, 50, 16));
	ck_assert_int_eq(ctl("quit"), 0);
	ck_assert_int_eq(fake_wait_exit(child, 5000), 0);
	ck_assert_uint_eq(fake_servers(), 0);
}
END_TEST

START_TEST(a_paused_disk_keeps_its_guest_waiting_and_loses_nothing)
{
	struct gblk_req *request;
	char data[512] = "after";

	start();
	ck_assert_int_eq(ctl("pause", BDF), 0);
	request = gblk_submit(blk, VIRTIO_BLK_T_IN, 0, 4096);
	gblk_kick(blk);
	ck_assert(!gblk_wait(blk, request, 300));
	ck_assert_int_eq(ctl("list"), 0);
	ck_assert_ptr_nonnull(strstr(ctl_output(), "paused"));
	ck_assert_int_eq(ctl("resume", BDF), 0);
	ck_assert(gblk_wait(blk, request, 5000));
	gblk_put(blk, request);
	ck_assert_uint_eq(gblk_write(blk, 0, data, sizeof(data)), VIRTIO_BLK_S_OK);
	end();
}
END_TEST

START_TEST(a_paused_disk_can_be_reset)
{
	start();
	ck_assert_int_eq(ctl("pause", BDF), 0);
	gblk_submit(blk, VIRTIO_BLK_T_IN, 0, 4096);
	gblk_kick(blk);
	gblk_remove(blk);
	ck_assert_int_eq(ctl("resume", BDF), 0);
	gblk_restart(blk, &model_grants);
	end();
}
END_TEST

START_TEST(a_disk_has_no_link)
{
	start();
	ck_assert_int_eq(ctl("link", BDF, "down"), 1);
	ck_assert_ptr_nonnull(strstr(ctl_errors(), "has no link"));
	end();
}
END_TEST

START_TEST(resize_tells_the_guest)
{
	child = model_start(FAKE_PVH, model_disk(NULL));
	blk = model_early_driver(&model_grants);
	ck_assert_int_eq(truncate(model_image(), MODEL_DISK + 4096), 0);
	ck_assert_int_eq(ctl("resize", BDF), 0);
	ck_assert(gblk_config_changed(blk, 5000));
	ck_assert_uint_eq(ctl_figure(BDF, "size"), MODEL_DISK + 4096);
	ck_assert_int_eq(truncate(model_image(), MODEL_DISK), 0);
	ck_assert_int_eq(fake_terminate(child), 0);
}
END_TEST

START_TEST(a_log_level_is_one_of_four)
{
	start();
	ck_assert_int_eq(ctl("log-level", "error"), 0);
	ck_assert_int_eq(ctl("pause", BDF), 0);
	ck_assert_ptr_null(strstr(fake_log(child), "pauses"));
	ck_assert_int_eq(ctl("log-level", "info"), 0);
	ck_assert_int_eq(ctl("resume", BDF), 0);
	ck_assert_ptr_nonnull(strstr(fake_log(child), "goes on"));
	ck_assert_int_eq(ctl("log-level", "loud"), 1);
	end();
}
END_TEST

/* ---- words at fault ----------------------------------------------------------------- */

static const struct {
	char *words[4];
	int status;
	const char *why;
} wrong[] = {
	{ { "resize" }, 2, "resize: BDF is wanted" },
	{ { "resize", "a", "b" }, 2, "\"b\" is too much" },
	{ { "resize", "6" }, 1, "\"6\" is not a PCI address" },
	{ { "resize", "00:09.0" }, 1, "there is no device 00:09.0 here" },
	{ { "resize", "--name", "nobody", BDF }, 1, "no such xenvirtiod is running" },
	{ { "resize", "--bdf", BDF }, 2, "there is no flag --bdf" },
	{ { "show", "6" }, 2, "\"6\" is not a PCI address" },
	{ { "link", BDF }, 2, "link: BDF up|down is wanted" },
	{ { "top", "--interval", "0" }, 2, "is not a number from 1 to 3600" },
	{ { "stats", "--json=on" }, 2, "--json" },
	{ { "nothing" }, 2, "there is no subcommand \"nothing\"" },
};

START_TEST(what_is_wrong_is_said_in_one_line)
{
	char *argv[6] = { "xenvirtioctl" };

	start();
	memcpy(argv + 1, wrong[_i].words, sizeof(wrong[_i].words));
	ck_assert_int_eq(ctl_run(argv), wrong[_i].status);
	ck_assert_msg(strstr(ctl_errors(), wrong[_i].why) != NULL, "%s", ctl_errors());
	ck_assert_uint_eq(count_lines(ctl_errors()), 1);
	ck_assert_int_eq(fake_terminate(child), 0);
}
END_TEST

START_TEST(without_a_daemon_that_is_said)
{
	ck_assert_int_eq(ctl("stats"), 1);
	ck_assert_ptr_nonnull(strstr(ctl_errors(), "no xenvirtiod is running"));
}
END_TEST

/* ---- instances ---------------------------------------------------------------------- */

START_TEST(of_two_instances_one_has_to_be_named)
{
	struct fake_child *second;

	start();
	second = fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--own-domid", "0", "--name",
			    "second", "--blk", model_disk2(NULL));
	ck_assert_int_eq(ctl("list"), 0);
	ck_assert_ptr_nonnull(strstr(ctl_output(), BDF "(blk, running)"));
	ck_assert_ptr_nonnull(strstr(ctl_output(), "00:07.0(blk, idle)"));
	ck_assert_int_eq(ctl("stats"), 1);
	ck_assert_ptr_nonnull(strstr(ctl_errors(), "Give --name, one of " FAKE_DOMAIN ", second"));
	ck_assert_int_eq(ctl("show", "--name", "second", "00:07.0"), 0);
	ck_assert_int_eq(ctl("show", "--name", "second", BDF), 1);
	ck_assert_int_eq(fake_terminate(second), 0);
	ck_assert_int_eq(ctl("show", BDF), 0);
	end();
}
END_TEST

START_TEST(a_name_too_long_for_a_socket_is_refused)
{
	char name[100] = "";

	memset(name, 'n', sizeof(name) - 1);
	guest_boot(FAKE_PVH, MODEL_VCPUS, MODEL_RAM);
	child = fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--name", name, "--blk",
				  model_disk(NULL));
	ck_assert_int_eq(fake_wait_exit(child, 5000), 1);
	ck_assert_ptr_nonnull(strstr(fake_log(child), "a socket's name has at most 107"));
	ck_assert_uint_eq(fake_servers(), 0);
}
END_TEST

/* ---- the socket --------------------------------------------------------------------- */

static int connect_to_daemon(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" FAKE_DOMAIN ".sock",
		 getenv("RUNTIME_DIRECTORY"));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* All that comes until the daemon hangs up, which it does. */
static const char *answer_of(int fd)
{
	static char text[65536];
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	size_t length = 0;
	ssize_t got;

	do {
		ck_assert_int_eq(poll(&poll_fd, 1, SILENCE), 1);
		got = read(fd, text + length, sizeof(text) - 1 - length);
		length += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	text[length] = '\0';
	close(fd);
	return text;
}

static void say(int fd, const char *text, size_t length)
{
	ck_assert_int_eq(send(fd, text, length, MSG_NOSIGNAL), (ssize_t)length);
}

START_TEST(a_line_may_come_in_pieces)
{
	int fd;

	start();
	fd = connect_to_daemon();
	say(fd, "log-", 4);
	ck_assert(gblk_load(blk, 5, 1));
	say(fd, "level info\nmore", 15);
	ck_assert_str_eq(answer_of(fd), "ok\n");
	end();
}
END_TEST

START_TEST(nonsense_is_refused)
{
	static const char nul[] = "stats\0\n", *const texts[] = { "\n", " \n", "halt\n" };
	char *huge = malloc(10000);
	unsigned i;
	int fd;

	start();
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		fd = connect_to_daemon();
		say(fd, texts[i], strlen(texts[i]));
		ck_assert_ptr_nonnull(strstr(answer_of(fd), "error there is no command"));
	}
	fd = connect_to_daemon();
	say(fd, nul, sizeof(nul) - 1);
	ck_assert_ptr_nonnull(strstr(answer_of(fd), "ok\n"));
	memset(huge, 'x', 10000);
	fd = connect_to_daemon();
	say(fd, huge, 10000);
	free(huge);
	ck_assert_msg(!strncmp(answer_of(fd), "error the request is too long", 29), "not refused");
	end();
}
END_TEST

START_TEST(who_goes_early_is_no_harm)
{
	int i, fd;

	start();
	for (i = 0; i < 100; i++) {
		fd = connect_to_daemon();
		if (i % 2)
			say(fd, "stats\n", i % 4 == 1 ? 6 : 3);
		close(fd);
	}
	ck_assert_int_eq(ctl("list"), 0);
	end();
}
END_TEST

START_TEST(the_silent_are_few_and_not_for_long)
{
	int fds[CALLS], i, fd;

	start();
	for (i = 0; i < CALLS; i++)
		fds[i] = connect_to_daemon();
	fd = connect_to_daemon();
	ck_assert_ptr_nonnull(strstr(answer_of(fd), "too many ask"));
	ck_assert(gblk_load(blk, 50, 8));
	for (i = 0; i < CALLS; i++)
		ck_assert_str_eq(answer_of(fds[i]), "");
	ck_assert_int_eq(ctl("list"), 0);
	end();
}
END_TEST

/* Each says a byte now and then, or takes no answer. */
START_TEST(slow_clients_delay_no_vcpu)
{
	int fds[CALLS], i, turn;

	start();
	for (i = 0; i < CALLS; i++)
		fds[i] = connect_to_daemon();
	for (i = 0; i < CALLS / 2; i++)
		say(fds[i], "stats\n", 6);
	fake_calls_reset();
	for (turn = 0; turn < 20; turn++) {
		for (i = CALLS / 2; i < CALLS; i++)
			send(fds[i], "s", 1, MSG_NOSIGNAL); /* as long as it is listened to */
		ck_assert(gblk_load(blk, 20, 4));
	}
	ck_assert_uint_lt(fake_slowest_ns(), 500000000);
	for (i = 0; i < CALLS; i++)
		close(fds[i]);
	end();
}
END_TEST

START_TEST(the_socket_of_a_dead_process_is_replaced)
{
	start();
	fake_kill9(child);
	ck_assert(wait_for(!ctl("list"))); /* its io_uring ends a little later */
	ck_assert_str_eq(ctl_output(), "");
	child = model_again(model_disk(NULL));
	gblk_remove(blk);
	gblk_restart(blk, &model_grants);
	ck_assert_int_eq(ctl("show", BDF), 0);
	end();
}
END_TEST

START_TEST(the_socket_ends_with_the_process)
{
	char path[200];

	start();
	snprintf(path, sizeof(path), "%s/" FAKE_DOMAIN ".sock", getenv("RUNTIME_DIRECTORY"));
	ck_assert_int_eq(access(path, F_OK), 0);
	end();
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(stats_are_what_the_guest_did),
		ONCE(requests_of_a_reset_are_not_in_flight_for_good),
		ONCE(list_and_show_name_what_there_is),
		ONCE(json_has_an_object_for_each_device),
		ONCE(metrics_are_in_prometheus_format),
		ONCE(top_prints_so_many_tables),
		ONCE(quit_withdraws_and_ends_with_0),
		ONCE(a_paused_disk_keeps_its_guest_waiting_and_loses_nothing),
		ONCE(a_paused_disk_can_be_reset),
		ONCE(a_disk_has_no_link),
		ONCE(resize_tells_the_guest),
		ONCE(a_log_level_is_one_of_four),
		TIMES(what_is_wrong_is_said_in_one_line, ARRAY_SIZE(wrong)),
		ONCE(without_a_daemon_that_is_said),
		ONCE(of_two_instances_one_has_to_be_named),
		ONCE(a_name_too_long_for_a_socket_is_refused),
		ONCE(a_line_may_come_in_pieces),
		ONCE(nonsense_is_refused),
		ONCE(who_goes_early_is_no_harm),
		ONCE(the_silent_are_few_and_not_for_long),
		ONCE(slow_clients_delay_no_vcpu),
		ONCE(the_socket_of_a_dead_process_is_replaced),
		ONCE(the_socket_ends_with_the_process),
	};

	return unit_main("control", model_setup, teardown, tests, ARRAY_SIZE(tests));
}
