/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-blk-killed.c: the daemon is killed while something about its disks changes: how they are
 * cached, how large they are, whether they are there.
 */
#include <check.h>
#include <linux/pci_regs.h>
#include <linux/virtio_blk.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "model.h"
#include "restart.h"
#include "unit/unit.h"

#define FIRST  "00:06.0"
#define SECOND "00:07.0"

static struct fake_child *child;
static struct gblk *blk;

static void start(void)
{
	child = model_start(FAKE_PVH, model_disk(NULL));
	blk = model_driver(&model_grants);
}

static void die(void)
{
	fake_kill9(child);
	child = model_again(model_disk(NULL));
}

/* ---- what it is like -------------------------------------------------------------------- */

static uint32_t writes_back(void)
{
	return gvirtio_config(&blk->v, offsetof(struct virtio_blk_config, wce), 1);
}

/* Until its driver resets it. */
START_TEST(the_cache_is_as_the_driver_has_set_it)
{
	uint32_t first;

	start();
	first = writes_back();
	die();
	ck_assert_uint_eq(writes_back(), first);
	gvirtio_set_config(&blk->v, offsetof(struct virtio_blk_config, wce), 1, !first);
	die();
	ck_assert_uint_eq(writes_back(), !first);
	die();
	ck_assert_uint_eq(writes_back(), !first);
	restart_works(blk, &model_grants);
	ck_assert_uint_eq(writes_back(), first);
}
END_TEST

START_TEST(a_disk_that_was_made_larger_meanwhile_says_so)
{
	child = model_start(FAKE_PVH, model_disk(NULL));
	blk = model_early_driver(&model_grants);
	fake_kill9(child);
	ck_assert_int_eq(truncate(model_image(), MODEL_DISK + 4096), 0);
	child = model_again(model_disk(NULL));
	ck_assert(gblk_config_changed(blk, 5000));
	ck_assert_uint_eq(blk->capacity, (MODEL_DISK + 4096) / 512);
	ck_assert(gblk_load(blk, 30, 8));
	ck_assert_int_eq(truncate(model_image(), MODEL_DISK), 0);
}
END_TEST

/* It dies when it tells the driver so. */
START_TEST(the_news_of_a_larger_disk_is_not_lost)
{
	child = model_start(FAKE_PVH, model_disk(NULL));
	blk = model_early_driver(&model_grants);
	fake_keep_alive(child);
	fake_die(FAKE_DM_MSI, 1);
	ck_assert_int_eq(truncate(model_image(), MODEL_DISK + 4096), 0);
	kill(fake_pid(child), SIGHUP);
	ck_assert(gblk_config_changed(blk, 5000));
	ck_assert(fake_failed(FAKE_DM_MSI));
	ck_assert_uint_eq(blk->capacity, (MODEL_DISK + 4096) / 512);
	ck_assert_int_eq(truncate(model_image(), MODEL_DISK), 0);
}
END_TEST

/* Nothing is news to the driver of a disk that is what it was. */
START_TEST(a_disk_that_is_the_same_says_nothing)
{
	start();
	die();
	restart_goes_on(blk);
	ck_assert(!gvirtio_config_changed(&blk->v, 200));
}
END_TEST

/* ---- coming and going -------------------------------------------------------------------- */

/* Who asked is told that nobody serves any more. */
START_TEST(death_while_a_disk_is_to_go_keeps_it)
{
	start();
	ctl_begin("detach", FIRST);
	ck_assert(wait_for(strstr(fake_log(child), "is to be detached")));
	die();
	ck_assert_int_eq(ctl_end(), 1);
	restart_goes_on(blk);
	ctl_begin("detach", FIRST);
	model_end_driver(blk);
	ck_assert_int_eq(ctl_end(), 0);
}
END_TEST

/* What the configuration says counts again. */
START_TEST(a_disk_that_was_detached_is_there_again)
{
	start();
	model_end_driver(blk);
	ck_assert_int_eq(ctl("detach", FIRST), 0);
	die();
	blk = model_driver(&model_grants);
	ck_assert(gblk_load(blk, 30, 8));
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(the_cache_is_as_the_driver_has_set_it),
		ONCE(a_disk_that_was_made_larger_meanwhile_says_so),
		ONCE(the_news_of_a_larger_disk_is_not_lost),
		ONCE(a_disk_that_is_the_same_says_nothing),
		ONCE(death_while_a_disk_is_to_go_keeps_it),
		ONCE(a_disk_that_was_detached_is_there_again),
	};

	return unit_main("blk-killed", model_setup, model_teardown, tests, ARRAY_SIZE(tests));
}
