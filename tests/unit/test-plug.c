/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-plug.c: devices that come and go while the whole daemon serves a running guest, by
 * xenvirtioctl.
 */
#include <check.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/virtio_blk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "model.h"
#include "unit/unit.h"

#define FIRST  "00:06.0"
#define SECOND "00:07.0"

static struct fake_child *child;
static struct gblk *blk, *blk2;

static void start(void)
{
	child = model_start(FAKE_PVH, model_disk(NULL));
	blk = model_driver(&model_grants);
}

static void start_with_workers(const char *workers)
{
	child = model_start_with(FAKE_PVH, workers, model_disk(NULL), NULL);
	blk = model_driver(&model_grants);
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

static void attach_second(void)
{
	char options[256];

	snprintf(options, sizeof(options), "%s", model_disk2(NULL));
	ck_assert_msg(!ctl("attach", "blk", options), "%s", ctl_errors());
}

/* Requests that are under way while something else is done. */
static void begin_load(void)
{
	unsigned i;

	for (i = 0; i < 16; i++)
		gblk_submit(blk, i % 2 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, 64 * i, 16384);
	gblk_kick(blk);
}

static bool has_one_device(void)
{
	return ctl_figure("-", "devices") == 1;
}

static bool was_asked(void)
{
	return strstr(fake_log(child), SECOND " blk: is to be detached");
}

static bool may_stay(void)
{
	return strstr(fake_log(child), SECOND " blk: stays");
}

static bool is_locked(const char *path)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_OFD_GETLK, &lock), 0);
	close(fd);
	return lock.l_type != F_UNLCK;
}

/* ---- coming ------------------------------------------------------------------------- */

START_TEST(an_attached_disk_works_like_any)
{
	start();
	ck_assert(!model_finds(MODEL_BDF2));
	attach_second();
	ck_assert_ptr_nonnull(strstr(ctl_output(), "echo 1 > /sys/bus/pci/rescan"));
	ck_assert(model_finds(MODEL_BDF2));
	blk2 = model_driver(&model_grants2);
	ck_assert(gblk_load(blk2, 200, 16));
	ck_assert_int_eq(ctl("list"), 0);
	ck_assert_ptr_nonnull(strstr(ctl_output(), SECOND "(blk, running)"));
	end();
}
END_TEST

/* With each number of workers: on main, one, and more than there are queues. */
static char *const workers[] = { "0", "1", "2", "8" };

START_TEST(twenty_rounds_of_attach_and_detach_under_load)
{
	int i;

	start_with_workers(workers[_i]);
	for (i = 0; i < 20; i++) {
		begin_load();
		attach_second();
		blk2 = model_driver(&model_grants2);
		ck_assert(gblk_load(blk2, 50, 16));
		model_end_driver(blk2);
		ck_assert_msg(!ctl("detach", SECOND), "%s", ctl_errors());
		ck_assert(!model_finds(MODEL_BDF2));
		ck_assert(!is_locked(model_image2()));
		ck_assert(gblk_finish(blk, 5000));
	}
	end();
}
END_TEST

static const struct {
	char *words[3];
	const char *why;
} wrong[] = {
	{ { "attach", "blk", "bdf=00:07.0,path=/nowhere/disk" }, "/nowhere/disk: No such file" },
	{ { "attach", "blk", "bdf=00:07.0,path=/dev/null" }, "neither a file nor a block device" },
	{ { "attach", "blk", "bdf=00:07.0" }, "path=" },
	{ { "attach", "blk", "path=/dev/null" }, "\"bdf=\" is missing" },
	{ { "attach", "blk", "bdf=00:07.0,null=1M,wait=rrs" }, "\"wait=\" is only for" },
	{ { "attach", "blk", "bdf=00:00.0,null=1M" }, "must be from 00:01.0" },
	{ { "attach", "blk", "bdf=" FIRST ",null=1M" }, "there is a device already" },
	{ { "attach", "blk", "bdf=00:07.0,nbd=unix:/nowhere/socket" }, "/nowhere/socket" },
	{ { "attach", "net", "bdf=00:07.0,fd=3" }, "\"fd=\" is only for" },
	{ { "attach", "net", "bdf=00:07.0,passt=/nowhere/socket" }, "/nowhere/socket: No such" },
	{ { "attach", "tape", "bdf=00:07.0" }, "there is no type of device \"tape\"" },
	{ { "detach", "00:09.0" }, "there is no device 00:09.0" },
};

START_TEST(what_cannot_be_attached_is_said_in_one_line_and_leaves_nothing)
{
	char *argv[5] = { "xenvirtioctl" };

	start();
	memcpy(argv + 1, wrong[_i].words, sizeof(wrong[_i].words));
	ck_assert_int_eq(ctl_run(argv), 1);
	ck_assert_msg(strstr(ctl_errors(), wrong[_i].why) != NULL, "%s", ctl_errors());
	ck_assert_uint_eq(count_lines(ctl_errors()), 1);
	ck_assert(!model_finds(MODEL_BDF2));
	attach_second();
	end();
}
END_TEST

START_TEST(a_slot_that_is_free_again_can_be_used)
{
	int i;

	start();
	for (i = 0; i < 40; i++) {
		ck_assert_int_eq(ctl("attach", "blk", "bdf=00:08.0,null=1M"), 0);
		ck_assert_int_eq(ctl("detach", "00:08.0"), 0);
	}
	end();
}
END_TEST

/* ---- going -------------------------------------------------------------------------- */

START_TEST(detach_waits_until_the_driver_has_let_go)
{
	start();
	attach_second();
	blk2 = model_driver(&model_grants2);
	ctl_begin("detach", SECOND);
	usleep(300000);
	ck_assert(!ctl_ended());
	ck_assert(gblk_load(blk2, 50, 8));
	gblk_remove(blk2);
	ck_assert_int_eq(ctl_end(), 0);
	ck_assert(!model_finds(MODEL_BDF2));
	end();
}
END_TEST

/* A device that was there from the start goes as well. */
START_TEST(the_last_device_can_go_and_another_one_come)
{
	start();
	model_end_driver(blk);
	ck_assert_int_eq(ctl("detach", FIRST), 0);
	ck_assert(!model_finds(MODEL_BDF));
	ck_assert_uint_eq(ctl_figure("-", "devices"), 0);
	ck_assert_int_eq(ctl("attach", "blk", (char *)model_disk(NULL)), 0);
	blk = model_driver(&model_grants);
	end();
}
END_TEST

START_TEST(who_asked_may_leave_and_the_device_stays)
{
	start();
	attach_second();
	blk2 = model_driver(&model_grants2);
	ctl_begin("detach", SECOND);
	ck_assert(wait_for(was_asked()));
	ctl_kill();
	ck_assert(wait_for(may_stay()));
	gblk_remove(blk2);
	gblk_restart(blk2, &model_grants2);
	ck_assert(gblk_load(blk2, 50, 8));
	end();
}
END_TEST

/* ---- by ACPI ------------------------------------------------------------------------ */

static const struct gblk_config second_plain = { .bdf = MODEL_BDF2, .irq = GIRQ_INTX };
static const struct gblk_config second_by_pirqs = { .bdf = MODEL_BDF2, .irq = GIRQ_PIRQ };
static const struct gblk_config native = { .bdf = MODEL_BDF, .irq = GIRQ_MSIX };
static const struct gblk_config second_native = { .bdf = MODEL_BDF2, .irq = GIRQ_MSIX };

static void start_hvm_driven(const struct gblk_config *driver)
{
	child = model_start(FAKE_HVM, model_disk(NULL));
	blk = model_driver(driver);
}

static void start_hvm(void)
{
	start_hvm_driven(&model_plain);
}

static void attach_by_acpi(const char *more)
{
	struct gacpi_event event;

	ctl_begin("attach", "blk", (char *)model_disk2(more));
	ck_assert(gacpi_serve(0, 5000, &event));
	ck_assert_uint_eq(event.come, 1u << 7);
	ck_assert_msg(!ctl_end(), "%s", ctl_errors());
	ck_assert_str_eq(ctl_output(), "");
}

static void attach_second_by_acpi(void)
{
	attach_by_acpi(NULL);
}

static bool has_msix(uint16_t bdf)
{
	const struct gpci pci = { .bdf = bdf };

	return gpci_find_cap(&pci, PCI_CAP_ID_MSIX, 0);
}

START_TEST(what_comes_takes_no_pirqs_of_a_guest_that_uses_them)
{
	start_hvm();
	attach_second_by_acpi();
	ck_assert(has_msix(MODEL_BDF));
	ck_assert(!has_msix(MODEL_BDF2));
	blk2 = model_driver(&second_plain);
	ck_assert(gblk_load(blk2, 50, 8));
	end();
}
END_TEST

START_TEST(what_comes_takes_them_if_it_is_to)
{
	start_hvm();
	attach_by_acpi("msix=on");
	blk2 = model_driver(&second_by_pirqs);
	ck_assert(gblk_load(blk2, 50, 8));
	end();
}
END_TEST

START_TEST(what_comes_has_messages_in_a_guest_that_uses_no_pirqs)
{
	start_hvm_driven(&native);
	attach_second_by_acpi();
	blk2 = model_driver(&second_native);
	ck_assert(gblk_load(blk2, 50, 8));
	end();
}
END_TEST

START_TEST(a_guest_with_acpi_is_told_and_asked)
{
	struct gacpi_event event;

	start_hvm();
	attach_second_by_acpi();
	blk2 = model_driver(&second_plain);
	ck_assert(gblk_load(blk2, 50, 8));
	ctl_begin("detach", SECOND);
	ck_assert(gacpi_serve(0, 5000, &event));
	ck_assert_uint_eq(event.go, 1u << 7);
	model_end_driver(blk2);
	usleep(300000);
	ck_assert(!ctl_ended());
	ck_assert(model_finds(MODEL_BDF2));
	gacpi_eject(0, 7);
	ck_assert_int_eq(ctl_end(), 0);
	ck_assert(!model_finds(MODEL_BDF2));
	ck_assert(!is_locked(model_image2()));
	end();
}
END_TEST

/* What the driver had under way is lost to it, as if the cable was pulled. */
START_TEST(a_device_that_is_ejected_with_its_driver_is_gone)
{
	struct gacpi_event event;

	start_hvm();
	attach_second_by_acpi();
	blk2 = model_driver(&second_plain);
	gblk_submit(blk2, VIRTIO_BLK_T_IN, 0, 4096);
	ctl_begin("detach", SECOND);
	ck_assert(gacpi_serve(0, 5000, &event));
	gblk_kick(blk2);
	gacpi_eject(0, 7);
	ck_assert_int_eq(ctl_end(), 0);
	ck_assert(!model_finds(MODEL_BDF2));
	ck_assert(!is_locked(model_image2()));
	end();
}
END_TEST

/* ---- by force ----------------------------------------------------------------------- */

START_TEST(by_force_requests_fail_and_the_image_is_free)
{
	char data[512] = "";

	start();
	attach_second();
	blk2 = model_driver(&model_grants2);
	ck_assert(gblk_load(blk2, 50, 8));
	ck_assert_int_eq(ctl("detach", "--force", SECOND), 0);
	ck_assert_ptr_nonnull(strstr(ctl_output(), "its requests fail from now on"));
	ck_assert(!is_locked(model_image2()));
	ck_assert_uint_eq(gblk_read(blk2, 0, data, sizeof(data)), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(gblk_write(blk2, 0, data, sizeof(data)), VIRTIO_BLK_S_IOERR);
	ck_assert(model_finds(MODEL_BDF2));
	ck_assert_int_eq(ctl("list"), 0);
	ck_assert_ptr_nonnull(strstr(ctl_output(), SECOND "(blk, forsaken)"));
	gblk_remove(blk2);
	ck_assert(wait_for(has_one_device()));
	ck_assert(!model_finds(MODEL_BDF2));
	end();
}
END_TEST

START_TEST(by_force_what_is_in_flight_gets_an_answer)
{
	struct gblk_req *requests[16];
	unsigned i;

	start();
	attach_second();
	blk2 = model_driver(&model_grants2);
	ck_assert_int_eq(ctl("pause", SECOND), 0);
	for (i = 0; i < ARRAY_SIZE(requests); i++)
		requests[i] = gblk_submit(blk2, VIRTIO_BLK_T_IN, 8 * i, 4096);
	gblk_kick(blk2);
	ck_assert_int_eq(ctl("resume", SECOND), 0);
	ck_assert_int_eq(ctl("detach", "--force", SECOND), 0);
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		ck_assert(gblk_wait(blk2, requests[i], 5000));
		gblk_put(blk2, requests[i]);
	}
	end();
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(an_attached_disk_works_like_any),
		TIMES(twenty_rounds_of_attach_and_detach_under_load, ARRAY_SIZE(workers)),
		TIMES(what_cannot_be_attached_is_said_in_one_line_and_leaves_nothing,
		      ARRAY_SIZE(wrong)),
		ONCE(a_slot_that_is_free_again_can_be_used),
		ONCE(detach_waits_until_the_driver_has_let_go),
		ONCE(the_last_device_can_go_and_another_one_come),
		ONCE(who_asked_may_leave_and_the_device_stays),
		ONCE(what_comes_takes_no_pirqs_of_a_guest_that_uses_them),
		ONCE(what_comes_takes_them_if_it_is_to),
		ONCE(what_comes_has_messages_in_a_guest_that_uses_no_pirqs),
		ONCE(a_guest_with_acpi_is_told_and_asked),
		ONCE(a_device_that_is_ejected_with_its_driver_is_gone),
		ONCE(by_force_requests_fail_and_the_image_is_free),
		ONCE(by_force_what_is_in_flight_gets_an_answer),
	};

	return unit_main("plug", model_setup, teardown, tests, ARRAY_SIZE(tests));
}
