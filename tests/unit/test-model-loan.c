/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-model-loan.c: the whole daemon with files as disks, which are lent the
 * guest's memory: all data, the daemon's end, the guest's end.
 */
#include <check.h>
#include <signal.h>

#include "unit/model.h"
#include "unit/unit.h"

#define MAPPED "map-from=4096"

static struct fake_child *child;
static struct gblk *blk;

/* Through grants, or through windows of 64 KiB. */
static void start(bool granted)
{
	const struct gblk_config *config = granted ? &model_grants : &model_plain;

	guest_boot(granted ? FAKE_PVH : FAKE_HVM, MODEL_VCPUS, MODEL_RAM);
	child = fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--blk", model_disk(MAPPED),
			   "--window", "64K", "--bounce", "256K", "--report-writes", "on");
	blk = model_driver(config);
}

static void leave_in_flight(unsigned nr)
{
	while (nr--)
		gblk_submit(blk, nr % 3 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, nr * 128, 65536);
	gblk_kick(blk);
}

START_TEST(all_data_is_right)
{
	start(_i);
	ck_assert(gblk_load(blk, 500, 32));
	ck_assert_uint_eq(blk->errors, 0);
	ck_assert_uint_ge(fake_calls(FAKE_GRANT_MAP), _i ? 2 : 0);
	ck_assert_int_eq(fake_calls(FAKE_DM_MODIFIED) > 0, !_i); /* Xen sees grants itself */
	gblk_remove(blk);
	ck_assert_uint_eq(fake_maps(), 0);
	ck_assert_int_eq(fake_terminate(child), 0);
}
END_TEST

/* Neither maps of data nor reports, unless they are asked for. */
START_TEST(grants_are_copied_and_nothing_reported_by_default)
{
	child = model_start(_i ? FAKE_PVH : FAKE_HVM, model_disk(NULL));
	blk = model_driver(_i ? &model_grants : &model_plain);
	ck_assert(gblk_load(blk, 100, 16));
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_MAP), _i); /* the ring */
	ck_assert_uint_eq(fake_calls(FAKE_DM_MODIFIED), 0);
}
END_TEST

/* One request maps a window or two of that size, and the ring. */
START_TEST(a_window_is_as_large_as_asked_for)
{
	static const char *const sizes[] = { "64K", "2M", "16M" };
	static const unsigned pages[] = { 16, 512, 4096 };
	unsigned mapped;

	guest_boot(FAKE_HVM, MODEL_VCPUS, MODEL_RAM);
	child = fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--blk", model_disk(NULL),
			   "--window", sizes[_i]);
	blk = model_driver(&model_plain);
	ck_assert_uint_eq(gblk_io(blk, VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
	mapped = fake_foreign_mapped();
	ck_assert_uint_ge(mapped, pages[_i]);
	ck_assert_uint_le(mapped, 8 * pages[_i]);
}
END_TEST

/* Xen runs out of what maps take, and gets it back. */
START_TEST(without_maps_there_are_copies)
{
	unsigned turn;

	start(true);
	ck_assert(gblk_load(blk, 20, 4));
	for (turn = 0; turn < 10; turn++) {
		fake_maptrack(guest_random(64));
		ck_assert(gblk_load(blk, 50, 16));
	}
	fake_maptrack(UINT32_MAX);
	ck_assert(gblk_load(blk, 50, 16));
	ck_assert_uint_eq(blk->errors, 0);
}
END_TEST

START_TEST(a_dead_domain_ends_the_daemon_with_0)
{
	start(_i & 1);
	leave_in_flight(32);
	unit_nap_us((unsigned)(_i / 2) * 300);
	fake_domain_destroy();
	ck_assert_int_eq(fake_wait_exit(child, 10000), 0);
	ck_assert_uint_eq(fake_maps(), 0);
}
END_TEST

START_TEST(sigterm_under_load_leaves_nothing)
{
	start(_i);
	ck_assert(gblk_load(blk, 50, 16));
	leave_in_flight(32);
	ck_assert_int_eq(fake_terminate(child), 0);
	ck_assert_uint_eq(fake_maps(), 0);
	ck_assert_uint_eq(fake_foreign_mapped(), 0);
}
END_TEST

/* What the dead one had mapped is gone; the next one serves. */
START_TEST(after_sigkill_the_next_daemon_serves)
{
	start(_i);
	leave_in_flight(32);
	fake_kill9(child);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	model_again(model_disk(MAPPED));
	gblk_remove(blk);
	gblk_restart(blk, _i ? &model_grants : &model_plain);
	ck_assert(gblk_load(blk, 100, 16));
}
END_TEST

START_TEST(resets_under_load_leave_nothing)
{
	unsigned turn;

	start(_i);
	for (turn = 0; turn < 30; turn++) {
		leave_in_flight(guest_random(32));
		unit_nap_us(guest_random(2000));
		gblk_remove(blk);
		ck_assert_uint_eq(fake_maps(), 0);
		gblk_restart(blk, _i ? &model_grants : &model_plain);
	}
	ck_assert(gblk_load(blk, 50, 16));
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(all_data_is_right, 2),
		TIMES(grants_are_copied_and_nothing_reported_by_default, 2),
		TIMES(a_window_is_as_large_as_asked_for, 3),
		ONCE(without_maps_there_are_copies),
		TIMES(a_dead_domain_ends_the_daemon_with_0, 10),
		TIMES(sigterm_under_load_leaves_nothing, 2),
		TIMES(after_sigkill_the_next_daemon_serves, 2),
		TIMES(resets_under_load_leave_nothing, 2),
	};

	return unit_main("model-loan", model_setup, model_teardown, tests, ARRAY_SIZE(tests));
}
