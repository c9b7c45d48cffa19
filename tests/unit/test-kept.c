/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-kept.c: devices that were attached to a running guest are there after the death of the
 * daemon, as those of the configuration are, whenever it dies.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/runtime.h"
#include "ctl.h"
#include "restart.h"
#include "unit/unit.h"

#define SECOND  "00:07.0"
#define KILLED  (128 + SIGKILL)
#define WAIT_MS 5000
#define GONE    "neither by the configuration nor by what was attached"
#define OTHER   "bdf=00:08.0,null=1M"

static struct fake_child *child;
static struct gblk *blk, *blk2;

static const struct gblk_config second_plain = { .bdf = MODEL_BDF2, .irq = GIRQ_INTX };

static void start(void)
{
	child = model_start(FAKE_PVH, model_disk(NULL));
	blk = model_driver(&model_grants);
}

static void start_hvm(void)
{
	child = model_start(FAKE_HVM, model_disk(NULL));
	blk = model_driver(&model_plain);
}

static void serve_again(void)
{
	child = model_again(model_disk(NULL));
}

static void die(void)
{
	fake_kill9(child);
	serve_again();
}

static void teardown(void)
{
	blk = blk2 = NULL;
	model_teardown();
}

static void end(void)
{
	ck_assert(gblk_load(blk, 20, 4));
	ck_assert_int_eq(fake_terminate(child), 0);
}

static void attach(const char *options)
{
	ck_assert_msg(!ctl("attach", "blk", (char *)options), "%s", ctl_errors());
}

static void detach(char *bdf)
{
	ck_assert_msg(!ctl("detach", bdf), "%s", ctl_errors());
}

static void start_with_second(void)
{
	start();
	attach(model_disk2(NULL));
	blk2 = model_driver(&model_grants2);
	ck_assert(gblk_load(blk2, 50, 8));
}

/* Once more, with the same device in the same place. */
static void check_it_can_go_and_come(void)
{
	model_end_driver(blk2);
	detach(SECOND);
	ck_assert(!model_finds(MODEL_BDF2));
	attach(model_disk2(NULL));
	blk2 = model_driver(&model_grants2);
	ck_assert(gblk_load(blk2, 50, 8));
}

/* ---- the record ----------------------------------------------------------------------- */

static const char *record(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/" FAKE_DOMAIN ".attached", runtime_directory());
	return path;
}

static bool is_recorded(const char *text)
{
	char contents[4096] = "";
	FILE *file = fopen(record(), "r");

	if (!file)
		return false;
	contents[fread(contents, 1, sizeof(contents) - 1, file)] = '\0';
	fclose(file);
	return strstr(contents, text);
}

static void append(const char *text)
{
	FILE *file = fopen(record(), "a");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static bool nothing_is_recorded(void)
{
	return access(record(), F_OK);
}

/* ---- a death at any time -------------------------------------------------------------- */

START_TEST(what_was_attached_goes_on_after_a_death)
{
	unsigned i;

	start_with_second();
	for (i = 0; i < 3; i++) {
		restart_die_waiting(child, blk2);
		serve_again();
		ck_assert_ptr_null(strstr(fake_log(child), GONE));
		ck_assert(vcpu_finish(1).answered);
		restart_goes_on(blk2);
		restart_goes_on(blk);
	}
	check_it_can_go_and_come();
	end();
}
END_TEST

START_TEST(what_is_under_way_is_done_by_the_next_process)
{
	unsigned i;

	start_with_second();
	ck_assert_int_eq(ctl("pause", SECOND), 0);
	for (i = 0; i < 16; i++)
		gblk_submit(blk2, i % 2 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, 64 * i, 16384);
	gblk_kick(blk2);
	die();
	ck_assert(gblk_finish(blk2, WAIT_MS));
	end();
}
END_TEST

START_TEST(several_devices_are_kept)
{
	start_with_second();
	attach(OTHER);
	die();
	restart_goes_on(blk2);
	ck_assert(model_finds(0x40));
	detach("00:08.0");
	die();
	restart_goes_on(blk2);
	ck_assert(!model_finds(0x40));
	end();
}
END_TEST

static bool was_asked(void)
{
	return strstr(fake_log(child), SECOND " blk: is to be detached");
}

START_TEST(a_device_that_was_to_be_detached_stays)
{
	start_with_second();
	ctl_begin("detach", SECOND);
	ck_assert(wait_for(was_asked()));
	die();
	ck_assert_int_eq(ctl_end(), 1);
	ck_assert_ptr_nonnull(strstr(ctl_errors(), "it ended without an answer"));
	restart_goes_on(blk2);
	check_it_can_go_and_come();
	end();
}
END_TEST

START_TEST(a_device_that_was_being_attached_is_there)
{
	char options[256];

	start();
	snprintf(options, sizeof(options), "%s", model_disk2(NULL));
	fake_die(FAKE_DM_MAP_PCIDEV, 1);
	ck_assert_int_eq(ctl("attach", "blk", options), 1);
	ck_assert_int_eq(fake_wait_exit(child, WAIT_MS), KILLED);
	serve_again();
	blk2 = model_driver(&model_grants2);
	check_it_can_go_and_come();
	end();
}
END_TEST

static void attach_second_by_acpi(void)
{
	struct gacpi_event event;

	ctl_begin("attach", "blk", (char *)model_disk2(NULL));
	ck_assert(gacpi_serve(0, WAIT_MS, &event));
	ck_assert_uint_eq(event.come, 1u << 7);
	ck_assert_msg(!ctl_end(), "%s", ctl_errors());
}

static void be_asked_to_eject(void)
{
	struct gacpi_event event;

	ctl_begin("detach", SECOND);
	ck_assert(gacpi_serve(0, WAIT_MS, &event));
	ck_assert_uint_eq(event.go, 1u << 7);
}

static void eject(void)
{
	be_asked_to_eject();
	gacpi_eject(0, 7);
	ck_assert_msg(!ctl_end(), "%s", ctl_errors());
	ck_assert(!model_finds(MODEL_BDF2));
}

static const struct {
	enum fake_call call;
	bool is_there;
} ends[] = {
	{ FAKE_DM_UNMAP_PCIDEV, true }, /* the guest has just said so */
	{ FAKE_FOREIGN_UNMAP, false },
};

START_TEST(a_device_that_was_just_going_is_there_or_gone)
{
	start_hvm();
	attach_second_by_acpi();
	blk2 = model_driver(&second_plain);
	be_asked_to_eject();
	fake_die(ends[_i].call, 1);
	gacpi_eject(0, 7);
	ck_assert_int_eq(fake_wait_exit(child, WAIT_MS), KILLED);
	ck_assert_int_eq(ctl_end(), 1);
	serve_again();
	ck_assert_ptr_null(strstr(fake_log(child), GONE));
	ck_assert(model_finds(MODEL_BDF2) == ends[_i].is_there);
	if (ends[_i].is_there)
		eject();
	gblk_forget(blk2);
	end();
}
END_TEST

static const struct {
	enum fake_call call;
	unsigned nth;
} deaths[] = {
	{ FAKE_DM_MAP_PCIDEV, 1 },
	{ FAKE_DM_MAP_RANGE, 1 },
	{ FAKE_DM_MAP_RANGE, 2 },
	{ FAKE_DM_ISA, 1 },
};

/* The guest is told by the next process, be it for the second time. */
START_TEST(a_death_during_an_attach_by_acpi_does_not_keep_it_from_the_guest)
{
	struct gacpi_event event;

	start_hvm();
	fake_die(deaths[_i].call, deaths[_i].nth);
	ctl_begin("attach", "blk", (char *)model_disk2(NULL));
	ck_assert_int_eq(fake_wait_exit(child, WAIT_MS), KILLED);
	ck_assert_int_eq(ctl_end(), 1);
	serve_again();
	ck_assert(gacpi_serve(0, WAIT_MS, &event));
	ck_assert_uint_eq(event.come, 1u << 7);
	blk2 = model_driver(&second_plain);
	ck_assert(gblk_load(blk2, 50, 8));
	model_end_driver(blk2);
	blk2 = NULL;
	eject();
	end();
}
END_TEST

START_TEST(once_told_the_guest_is_not_told_again)
{
	struct gacpi_event event;

	start_hvm();
	attach_second_by_acpi();
	blk2 = model_driver(&second_plain);
	die();
	ck_assert(gblk_load(blk2, 50, 8));
	ck_assert(!gacpi_serve(0, 300, &event));
	end();
}
END_TEST

/* A server that says nothing keeps it waiting. */
START_TEST(what_was_still_being_opened_is_not_there)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char options[200];

	start();
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/mute", runtime_directory());
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 8), 0);
	snprintf(options, sizeof(options), "bdf=" SECOND ",nbd=unix:%s", address.sun_path);
	ctl_begin("attach", "blk", options);
	close(accept(listener, NULL, NULL));
	die();
	ck_assert_int_eq(ctl_end(), 1);
	close(listener);
	ck_assert(!model_finds(MODEL_BDF2));
	ck_assert_ptr_null(strstr(fake_log(child), "mute"));
	attach(model_disk2(NULL));
	die();
	ck_assert(model_finds(MODEL_BDF2));
	end();
}
END_TEST

/* As before a reboot, say, by an administrator who wants it then, too. */
START_TEST(what_is_in_the_configuration_by_now_is_served_by_that)
{
	start_with_second();
	fake_kill9(child);
	child = fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--own-domid", "0", "--blk",
			   model_disk(NULL), "--blk", model_disk2(NULL));
	restart_goes_on(blk2);
	check_it_can_go_and_come();
	end();
}
END_TEST

START_TEST(what_is_withdrawn_is_not_kept)
{
	start_with_second();
	model_end_driver(blk2);
	model_end_driver(blk);
	blk2 = NULL;
	ck_assert_int_eq(fake_terminate(child), 0);
	ck_assert(nothing_is_recorded());
	serve_again();
	ck_assert(!model_finds(MODEL_BDF2));
	blk = model_driver(&model_grants);
	end();
}
END_TEST

/* Somebody has taken away what Xen had of the dead process. */
START_TEST(a_new_server_has_none_of_it)
{
	start_with_second();
	fake_kill9(child);
	fake_fail(FAKE_RESOURCE_MAP, 1, ENOENT);
	serve_again();
	ck_assert_ptr_null(strstr(fake_log(child), "adopted"));
	ck_assert_uint_eq(ctl_figure("-", "devices"), 1);
	fake_kill9(child);
	gblk_forget(blk);
	gblk_forget(blk2);
}
END_TEST

/* ---- what is in the record ---------------------------------------------------------------- */

START_TEST(what_is_detached_or_refused_is_not_on_record)
{
	start();
	attach(OTHER);
	attach(model_disk2(NULL));
	ck_assert(is_recorded("blk " OTHER "\n"));
	ck_assert_int_eq(ctl("attach", "blk", "bdf=00:08.0,null=2M"), 1);
	ck_assert_int_eq(ctl("attach", "blk", OTHER), 1);
	ck_assert(!is_recorded("null=2M"));
	ck_assert(is_recorded(OTHER));
	detach("0:8.0");
	ck_assert(!is_recorded(OTHER));
	ck_assert(is_recorded(model_disk2(NULL)));
	detach(SECOND);
	ck_assert(nothing_is_recorded());
	end();
}
END_TEST

START_TEST(a_name_is_recorded_as_it_is_good_from_any_directory)
{
	start();
	ck_assert_ptr_nonnull(model_disk2(NULL));
	ck_assert_int_eq(chdir(runtime_directory()), 0);
	attach("bdf=00:07.0,serial=second.img,path=second.img");
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert(is_recorded(",serial=second.img,path=/"));
	die();
	blk2 = model_driver(&model_grants2);
	ck_assert(gblk_load(blk2, 50, 8));
	end();
}
END_TEST

START_TEST(a_line_that_the_state_does_not_know_means_nothing)
{
	start_with_second();
	append("blk bdf=00:08.0,path=/etc/shadow\n\n# no=line\ntape bdf=00:09.0\nblk\n\001\xff\n"
	       "blk bdf=" SECOND ",path=/etc/shadow\nblk bdf=00:0a.0,null=1M");
	die();
	ck_assert_ptr_null(strstr(fake_log(child), "shadow"));
	restart_goes_on(blk2);
	ck_assert_uint_eq(ctl_figure("-", "devices"), 2);
	end();
}
END_TEST

START_TEST(a_record_that_was_tampered_with_has_nothing_opened)
{
	struct gblk *lost;

	start();
	attach(model_disk2(NULL));
	lost = gblk_start(&model_grants2);
	ck_assert_int_eq(unlink(record()), 0);
	append("blk bdf=" SECOND ",path=/etc/shadow\n");
	die();
	ck_assert_ptr_nonnull(strstr(fake_log(child), SECOND ": it is served " GONE));
	ck_assert_ptr_null(strstr(fake_log(child), "shadow"));
	ck_assert_uint_eq(ctl_figure("-", "devices"), 1);
	gblk_free(lost);
	attach(model_disk2(NULL));
	blk2 = model_driver(&model_grants2);
	die();
	restart_goes_on(blk2);
	end();
}
END_TEST

START_TEST(a_record_of_another_guest_is_removed)
{
	guest_boot(FAKE_PVH, MODEL_VCPUS, MODEL_RAM);
	append("blk " OTHER "\n");
	serve_again();
	ck_assert_uint_eq(ctl_figure("-", "devices"), 1);
	ck_assert(nothing_is_recorded());
	blk = model_driver(&model_grants);
	end();
}
END_TEST

START_TEST(what_cannot_be_recorded_is_not_attached)
{
	start();
	ck_assert_int_eq(mkdir(record(), 0700), 0);
	ck_assert_int_eq(ctl("attach", "blk", OTHER), 1);
	ck_assert_ptr_nonnull(strstr(ctl_errors(), ".attached: "));
	ck_assert_uint_eq(count_lines(ctl_errors()), 1);
	ck_assert_uint_eq(ctl_figure("-", "devices"), 1);
	ck_assert_int_eq(rmdir(record()), 0);
	end();
}
END_TEST

/* ---- what it serves -------------------------------------------------------------------------- */

START_TEST(a_store_that_is_gone_takes_its_device_along_and_no_other)
{
	char away[160];

	start_with_second();
	snprintf(away, sizeof(away), "%s.away", model_image2());
	fake_kill9(child);
	ck_assert_int_eq(rename(model_image2(), away), 0);
	serve_again();
	ck_assert_ptr_nonnull(strstr(fake_log(child), "second.img: No such file"));
	ck_assert_ptr_nonnull(strstr(fake_log(child), SECOND ": it is served " GONE));
	restart_goes_on(blk);
	ck_assert(!model_finds(MODEL_BDF2));
	ck_assert_int_eq(rename(away, model_image2()), 0);
	gblk_forget(blk2);
	end();
}
END_TEST

static pid_t hold_lock(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	pid_t holder = fork();

	if (!holder) {
		fcntl(open(model_image2(), O_RDWR | O_CLOEXEC), F_OFD_SETLK, &lock);
		raise(SIGSTOP);
	}
	ck_assert_int_eq(waitpid(holder, NULL, WUNTRACED), holder);
	return holder;
}

/* As a killed process's descriptors may be, for a while. */
START_TEST(a_store_that_is_let_go_of_late_is_waited_for)
{
	pid_t holder;

	start_with_second();
	fake_kill9(child);
	holder = hold_lock();
	child = restart_begin(model_disk(NULL));
	ck_assert(!fake_wait_log(child, "ready", 1500));
	kill(holder, SIGKILL);
	ck_assert_int_eq(waitpid(holder, NULL, 0), holder);
	ck_assert(restart_serves(child));
	restart_goes_on(blk2);
	end();
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(what_was_attached_goes_on_after_a_death),
		ONCE(what_is_under_way_is_done_by_the_next_process),
		ONCE(several_devices_are_kept),
		ONCE(a_device_that_was_to_be_detached_stays),
		ONCE(a_device_that_was_being_attached_is_there),
		TIMES(a_device_that_was_just_going_is_there_or_gone, ARRAY_SIZE(ends)),
		TIMES(a_death_during_an_attach_by_acpi_does_not_keep_it_from_the_guest,
		      ARRAY_SIZE(deaths)),
		ONCE(once_told_the_guest_is_not_told_again),
		ONCE(what_was_still_being_opened_is_not_there),
		ONCE(what_is_in_the_configuration_by_now_is_served_by_that),
		ONCE(what_is_withdrawn_is_not_kept),
		ONCE(a_new_server_has_none_of_it),
		ONCE(what_is_detached_or_refused_is_not_on_record),
		ONCE(a_name_is_recorded_as_it_is_good_from_any_directory),
		ONCE(a_line_that_the_state_does_not_know_means_nothing),
		ONCE(a_record_that_was_tampered_with_has_nothing_opened),
		ONCE(a_record_of_another_guest_is_removed),
		ONCE(what_cannot_be_recorded_is_not_attached),
		ONCE(a_store_that_is_gone_takes_its_device_along_and_no_other),
		ONCE(a_store_that_is_let_go_of_late_is_waited_for),
	};

	return unit_main("kept", model_setup, teardown, tests, ARRAY_SIZE(tests));
}
