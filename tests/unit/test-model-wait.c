/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-model-wait.c: the daemon with wait=rrs and wait=online under firmware and
 * drivers that come before the disk's image does.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model.h"
#include "unit/unit.h"

#define RETRY 0xffff0001u
#define IDS   0x10421af4u

/* One guest of each platform. */
static const struct guest_kind {
	enum fake_platform platform;
	struct gblk_config config;
} kinds[] = {
	{ FAKE_HVM, { .bdf = MODEL_BDF, .irq = GIRQ_PIRQ } },
	{ FAKE_PVH, { .bdf = MODEL_BDF, .dma = GDMA_GRANTS, .irq = GIRQ_MSIX } },
	{ FAKE_ARM, { .bdf = MODEL_BDF, .dma = GDMA_GRANTS, .irq = GIRQ_INTX } },
};

#define KINDS ((int)ARRAY_SIZE(kinds))

static struct fake_child *start_waiting(const struct guest_kind *kind, const char *wait)
{
	struct fake_child *child;

	model_hide_image(true);
	child = model_start(kind->platform, model_disk(wait));
	ck_assert(strstr(fake_log(child), "1 device, 1 of them waiting"));
	return child;
}

static void assert_there(struct fake_child *child)
{
	ck_assert(fake_wait_log(child, "is there: 4194304 bytes", 5000));
}

static unsigned times_in_log(struct fake_child *child, const char *text)
{
	const char *at = fake_log(child);
	unsigned times = 0;

	while ((at = strstr(at, text))) {
		times++;
		at += strlen(text);
	}
	return times;
}

static uint32_t ids(unsigned size)
{
	return (uint32_t)vcpu_config_read(0, MODEL_BDF, PCI_VENDOR_ID, size);
}

static void nap_ms(unsigned ms)
{
	unit_nap_us(ms * 1000);
}

/* ---- rrs ---------------------------------------------------------------------- */

START_TEST(rrs_the_guest_asks_again_until_the_image_is_there)
{
	const struct guest_kind *kind = &kinds[_i];
	struct fake_child *child = start_waiting(kind, "wait=rrs");

	nap_ms(500);
	ck_assert_uint_eq(ids(4), RETRY);
	ck_assert_uint_eq(ids(2), IDS & 0xffff);
	model_hide_image(false);
	ck_assert(gblk_load(model_driver(&kind->config), 100, 8)); /* it begins with the wait */
	assert_there(child);
	ck_assert_uint_eq(ids(4), IDS);
}
END_TEST

/* So that Linux finds the BARs placed, as it expects of firmware. */
START_TEST(rrs_hvmloader_places_the_bars_of_a_device_that_waits)
{
	const uint64_t base = 0xf1000000;
	struct gpci pci = { 0 };

	start_waiting(&kinds[0], "wait=rrs");
	ck_assert(gpci_hvmloader(&pci, 0, MODEL_BDF, base));
	ck_assert_uint_eq(pci.vendor, IDS & 0xffff);
	ck_assert_uint_eq(pci.bar[0].base, base);
	ck_assert_uint_gt(pci.bar[0].size, 0);
	ck_assert(fake_claimed(FAKE_RANGE_MEMORY, base, base + pci.bar[0].size - 1));
	gpci_seabios(&pci);
	ck_assert_uint_eq(ids(4), RETRY);
	model_hide_image(false);
	memset(&pci, 0, sizeof(pci));
	ck_assert(gpci_linux(&pci, 0, MODEL_BDF, 0));
	ck_assert_uint_eq(pci.bar[0].base, base);
	ck_assert(gblk_load(model_driver(&model_plain), 20, 4));
}
END_TEST

/* ---- online -------------------------------------------------------------------- */

START_TEST(online_the_driver_is_told_when_the_image_is_there)
{
	const struct guest_kind *kind = &kinds[_i];
	struct fake_child *child = start_waiting(kind, "wait=online");
	struct gblk *blk = model_early_driver(&kind->config);
	uint32_t generation = gvirtio_read(&blk->v, gvirtio_field(config_generation), 1);

	ck_assert_uint_eq(blk->capacity, 0);
	ck_assert(!gblk_config_changed(blk, 500));
	model_hide_image(false);
	ck_assert(gblk_config_changed(blk, 5000));
	ck_assert_uint_eq(blk->capacity, MODEL_DISK / 512);
	ck_assert_uint_ne(gvirtio_read(&blk->v, gvirtio_field(config_generation), 1), generation);
	assert_there(child);
	model_verify(blk);
	ck_assert(gblk_load(blk, 100, 8));
}
END_TEST

START_TEST(online_a_request_before_is_an_error_and_leaves_nothing)
{
	const struct guest_kind *kind = &kinds[_i];
	struct gblk *blk;

	start_waiting(kind, "wait=online");
	blk = model_early_driver(&kind->config);
	ck_assert_uint_eq(gblk_io(blk, VIRTIO_BLK_T_IN, 0, 4096), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(gblk_io(blk, VIRTIO_BLK_T_OUT, 8, 512), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(gblk_io(blk, VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_IOERR);
	ck_assert_int_ne(access(model_image(), F_OK), 0);
	gblk_remove(blk);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	model_hide_image(false);
	gblk_restart(blk, &kind->config);
	if (!blk->capacity)
		ck_assert(gblk_config_changed(blk, 5000));
	model_verify(blk);
	ck_assert(gblk_load(blk, 50, 8));
}
END_TEST

/* Each device for itself. */
START_TEST(a_device_that_waits_holds_no_other_up)
{
	static const struct gblk_config other = { .bdf = MODEL_BDF2, .irq = GIRQ_PIRQ };
	struct fake_child *child;

	model_hide_image(true);
	child = model_start_with(FAKE_HVM, "1", model_disk("wait=rrs"), model_disk2("wait=rrs"));
	ck_assert(strstr(fake_log(child), "2 devices, 1 of them waiting"));
	ck_assert(gblk_load(model_driver(&other), 100, 8));
	ck_assert_uint_eq(ids(4), RETRY);
	model_hide_image(false);
	ck_assert(gblk_load(model_driver(&model_plain), 100, 8));
}
END_TEST

/* ---- what is waited for, and what is said ------------------------------------------ */

/* The daemon inherits the descriptor, as a child: closing it is not enough. */
static void lock_image(int fd, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
}

START_TEST(a_lock_of_another_process_is_waited_for)
{
	int fd = open(model_image(), O_RDWR | O_CLOEXEC);
	struct fake_child *child;

	lock_image(fd, F_WRLCK);
	child = model_start(FAKE_HVM, model_disk("wait=rrs"));
	ck_assert(strstr(fake_log(child), "disk.img: in use by another process\n"));
	ck_assert_uint_eq(ids(4), RETRY);
	nap_ms(500);
	ck_assert_uint_eq(ids(4), RETRY);
	lock_image(fd, F_UNLCK);
	close(fd);
	ck_assert(gblk_load(model_driver(&model_plain), 50, 8));
}
END_TEST

/* At once, without a moment in which the path is nothing. */
static void make_image_a_link_to(const char *target)
{
	char link[128];

	snprintf(link, sizeof(link), "%s.link", model_image());
	ck_assert_int_eq(symlink(target, link), 0);
	ck_assert_int_eq(rename(link, model_image()), 0);
}

START_TEST(each_reason_is_one_line)
{
	struct fake_child *child = start_waiting(&kinds[0], "wait=rrs");
	char empty[128];

	snprintf(empty, sizeof(empty), "%s.empty", model_image());
	close(open(empty, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	nap_ms(700);
	make_image_a_link_to(empty);
	ck_assert(fake_wait_log(child, "disk.img: empty\n", 5000));
	nap_ms(700);
	make_image_a_link_to("/dev/null"); /* what no waiting cures */
	ck_assert(fake_wait_log(child, "neither a file nor a block device\n", 5000));
	nap_ms(700);
	model_hide_image(false);
	assert_there(child);
	nap_ms(500);
	ck_assert_uint_eq(times_in_log(child, "waiting for /"), 3);
	ck_assert_uint_eq(times_in_log(child, "is there"), 1);
	ck_assert_uint_eq(count_lines(fake_log(child)), 5);
	ck_assert(gblk_load(model_driver(&model_plain), 20, 4));
}
END_TEST

/* There is nothing to wait for. */
START_TEST(with_the_image_there_waiting_changes_nothing)
{
	const struct guest_kind *kind = &kinds[_i / 2];
	struct fake_child *child =
		model_start(kind->platform, model_disk(_i & 1 ? "wait=rrs" : "wait=online"));

	ck_assert_uint_eq(ids(4), IDS);
	ck_assert_uint_eq(count_lines(fake_log(child)), 1);
	ck_assert(strstr(fake_log(child), "1 device, IOREQ server"));
	ck_assert(gblk_load(model_driver(&kind->config), 50, 8));
}
END_TEST

/* ---- beginning and end --------------------------------------------------------------- */

START_TEST(wait_no_is_an_error_at_once)
{
	struct fake_child *child;

	if (_i)
		model_hide_image(true);
	else
		lock_image(open(model_image(), O_RDWR | O_CLOEXEC), F_WRLCK);
	guest_boot(FAKE_HVM, 1, 64);
	child = fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--blk",
				  model_disk("wait=no"));
	ck_assert_int_eq(fake_wait_exit(child, 5000), 1);
	ck_assert_uint_eq(count_lines(fake_log(child)), 1);
	ck_assert_uint_eq(fake_syscalls(), 0);
}
END_TEST

START_TEST(what_no_waiting_cures_is_an_error_at_once)
{
	static const char *const disks[] = {
		"bdf=00:06.0,path=/tmp,wait=rrs",
		"bdf=00:06.0,path=/dev/null,wait=online",
		"bdf=00:06.0,path=/dev/null/disk,wait=rrs",
		"bdf=00:06.0,null=100,wait=rrs",
	};
	struct fake_child *child;

	guest_boot(FAKE_HVM, 1, 64);
	child = fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--blk", disks[_i]);
	ck_assert_int_eq(fake_wait_exit(child, 5000), 1);
	ck_assert_uint_eq(count_lines(fake_log(child)), 1);
	ck_assert_uint_eq(fake_syscalls(), 0);
}
END_TEST

START_TEST(sigterm_while_waiting_leaves_nothing)
{
	const struct guest_kind *kind = &kinds[_i / 2];
	struct fake_child *child = start_waiting(kind, _i & 1 ? "wait=rrs" : "wait=online");

	if (!(_i & 1))
		model_early_driver(&kind->config);
	ck_assert_int_eq(fake_terminate(child), 0);
	ck_assert_uint_eq(fake_servers(), 0);
	model_hide_image(false);
}
END_TEST

START_TEST(a_dead_domain_ends_who_waits)
{
	struct fake_child *child = start_waiting(&kinds[_i], "wait=rrs");

	fake_domain_destroy();
	ck_assert_int_eq(fake_wait_exit(child, 5000), 0);
	model_hide_image(false);
}
END_TEST

START_TEST(a_daemon_killed_while_waiting_waits_again)
{
	const struct guest_kind *kind = &kinds[_i];
	struct fake_child *child = start_waiting(kind, "wait=rrs");

	fake_kill9(child);
	child = model_again(model_disk("wait=rrs"));
	ck_assert(strstr(fake_log(child), "adopted"));
	ck_assert(strstr(fake_log(child), "1 of them waiting"));
	ck_assert_uint_eq(ids(4), RETRY);
	fake_kill9(child);
	model_hide_image(false);
	model_again(model_disk("wait=rrs"));
	ck_assert_uint_eq(ids(4), IDS);
	ck_assert(gblk_load(model_driver(&kind->config), 50, 8));
}
END_TEST

/* The guest may have read the configuration before, so its number is a new one. */
START_TEST(a_disk_that_came_while_nobody_served_shows_another_generation)
{
	const struct guest_kind *kind = &kinds[_i];
	struct fake_child *child = start_waiting(kind, "wait=online");
	struct gblk *blk = model_early_driver(&kind->config);
	uint32_t generation = gvirtio_read(&blk->v, gvirtio_field(config_generation), 1);

	fake_kill9(child);
	model_hide_image(false);
	model_again(model_disk("wait=online"));
	ck_assert_uint_ne(gvirtio_read(&blk->v, gvirtio_field(config_generation), 1), generation);
	gblk_remove(blk);
	gblk_restart(blk, &kind->config);
	model_verify(blk);
	ck_assert(gblk_load(blk, 50, 8));
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(rrs_the_guest_asks_again_until_the_image_is_there, KINDS),
		ONCE(rrs_hvmloader_places_the_bars_of_a_device_that_waits),
		TIMES(online_the_driver_is_told_when_the_image_is_there, KINDS),
		TIMES(online_a_request_before_is_an_error_and_leaves_nothing, KINDS),
		ONCE(a_device_that_waits_holds_no_other_up),
		ONCE(a_lock_of_another_process_is_waited_for),
		ONCE(each_reason_is_one_line),
		TIMES(with_the_image_there_waiting_changes_nothing, 2 * KINDS),
		TIMES(wait_no_is_an_error_at_once, 2),
		TIMES(what_no_waiting_cures_is_an_error_at_once, 4),
		TIMES(sigterm_while_waiting_leaves_nothing, 2 * KINDS),
		TIMES(a_dead_domain_ends_who_waits, KINDS),
		TIMES(a_daemon_killed_while_waiting_waits_again, KINDS),
		TIMES(a_disk_that_came_while_nobody_served_shows_another_generation, KINDS),
	};

	return unit_main("model-wait", model_setup, model_teardown, tests, ARRAY_SIZE(tests));
}
