/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-model-life.c: beginning and end of the daemon under a guest that goes
 * on: withdrawal, the guest's death, SIGKILL and adoption, resets, firmware.
 */
#include <check.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime.h"
#include "model.h"
#include "restart.h"
#include "unit/unit.h"

static uint8_t status(struct gblk *blk)
{
	return (uint8_t)gvirtio_read(&blk->v, gvirtio_field(device_status), 1);
}

/* Queue requests and ring the doorbell; nobody waits for the answers. */
static void leave_in_flight(struct gblk *blk, unsigned int nr)
{
	while (nr--)
		gblk_submit(blk, VIRTIO_BLK_T_IN, nr * 64, 32768);
	gblk_kick(blk);
}

/* The same on one vCPU, without waiting for the doorbell's answer either. */
static void kick_and_go(struct gblk *blk)
{
	struct fake_io io = { .type = FAKE_MMIO, .size = 2, .addr = blk->v.ring[0]->notify };

	vcpu_begin(1, &io);
}

/* ---- the end -------------------------------------------------------------------- */

START_TEST(sigterm_under_load_leaves_nothing)
{
	struct fake_child *child = model_start(FAKE_PVH, model_disk(NULL));
	struct gblk *blk = model_driver(&model_grants);

	ck_assert(gblk_load(blk, 50, 16));
	leave_in_flight(blk, 32);
	ck_assert_int_eq(fake_terminate(child), 0);
	ck_assert_uint_eq(fake_servers(), 0);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	ck_assert_uint_eq(gpci_read(&blk->v.pci, PCI_VENDOR_ID, 2), 0xffff);
}
END_TEST

/* Many times: the doorbell goes to its queue's worker in the turn in which all ends. */
START_TEST(sigterm_answers_who_waits)
{
	struct fake_child *child = model_start(FAKE_HVM, model_disk(NULL));
	struct gblk *blk = model_driver(&model_plain);

	ck_assert_int_eq(kill(fake_pid(child), SIGSTOP), 0);
	kick_and_go(blk);
	kill(fake_pid(child), SIGTERM);
	kill(fake_pid(child), SIGCONT);
	ck_assert(vcpu_finish(1).answered);
	ck_assert_int_eq(fake_wait_exit(child, 5000), 0);
}
END_TEST

START_TEST(a_dead_domain_ends_the_daemon_with_0)
{
	struct fake_child *child = model_start(_i ? FAKE_PVH : FAKE_HVM, model_disk(NULL));
	struct gblk *blk = model_driver(_i ? &model_grants : &model_plain);

	leave_in_flight(blk, 32);
	fake_domain_destroy();
	ck_assert_int_eq(fake_wait_exit(child, 10000), 0);
}
END_TEST

/* ---- SIGKILL and adoption --------------------------------------------------------- */

/* To a guest with a stuck vCPU all reads all-ones, so what has gone wrong until now comes
 * first. */
static void check_goes_on(struct gblk *blk)
{
	fake_check();
	restart_goes_on(blk);
}

/* After a reset. */
static void check_works_again(struct gblk *blk, const struct gblk_config *config)
{
	fake_check();
	ck_assert_uint_eq(status(blk) & VIRTIO_CONFIG_S_DRIVER_OK, 0);
	gblk_remove(blk);
	gblk_restart(blk, config);
	ck_assert(gblk_load(blk, 50, 16));
}

START_TEST(after_sigkill_a_new_daemon_adopts_the_server)
{
	const struct gblk_config *config = _i ? &model_grants : &model_plain;
	struct fake_child *child = model_start(_i ? FAKE_PVH : FAKE_HVM, model_disk(NULL));
	struct gblk *blk = model_driver(config);
	int id = fake_server_id();

	ck_assert(gblk_load(blk, 50, 16));
	leave_in_flight(blk, 16);
	fake_kill9(child);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	model_again(model_disk(NULL));
	ck_assert_int_eq(fake_server_id(), id);
	ck_assert_uint_eq(fake_servers(), 1);
	check_goes_on(blk);
}
END_TEST

START_TEST(told_to_leave_all_to_the_next_process_it_ends_and_withdraws_nothing)
{
	struct fake_child *child = model_start(FAKE_PVH, model_disk(NULL));
	struct gblk *blk = model_driver(&model_grants);

	leave_in_flight(blk, 16);
	kill(fake_pid(child), SIGUSR1);
	ck_assert_int_eq(fake_wait_exit(child, 5000), RUNTIME_LEFT);
	ck_assert_uint_eq(fake_servers(), 1);
	model_again(model_disk(NULL));
	check_goes_on(blk);
}
END_TEST

START_TEST(an_access_left_open_by_a_killed_daemon_is_answered)
{
	struct fake_child *child = model_start(FAKE_HVM, model_disk(NULL));
	struct gblk *blk = model_driver(&model_plain);
	struct fake_answer answer;

	kill(fake_pid(child), SIGSTOP);
	kick_and_go(blk);
	ck_assert(!vcpu_try_finish(1, 50, &answer));
	fake_kill9(child);
	ck_assert(!vcpu_try_finish(1, 50, &answer));
	model_again(model_disk(NULL));
	ck_assert(vcpu_finish(1).answered);
}
END_TEST

START_TEST(many_kills_at_random_moments)
{
	struct fake_child *child = model_start(FAKE_PVH, model_disk(NULL));
	struct gblk *blk = model_driver(&model_grants);
	uint64_t end;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		leave_in_flight(blk, 24);
		kick_and_go(blk);
		end = fake_now_ns() + guest_random(2000) * 1000;
		while (fake_now_ns() < end)
			;
		fake_kill9(child);
		child = model_again(model_disk(NULL));
		ck_assert(vcpu_finish(1).answered);
		check_goes_on(blk);
	}
}
END_TEST

/* Most of them die before they serve. */
START_TEST(kills_that_do_not_wait_until_it_serves)
{
	struct fake_child *child = model_start(FAKE_PVH, model_disk(NULL));
	struct gblk *blk = model_driver(&model_grants);
	struct fake_answer answer;
	unsigned int i;

	kick_and_go(blk);
	for (i = 0; i < 60; i++) {
		gblk_submit(blk, VIRTIO_BLK_T_IN, i * 64, 32768);
		if (vcpu_try_finish(1, 0, &answer))
			kick_and_go(blk);
		unit_nap_us(guest_random(100000));
		fake_kill9(child);
		child = restart_begin(model_disk(NULL));
	}
	ck_assert(restart_serves(child));
	ck_assert(vcpu_finish(1).answered);
	check_goes_on(blk);
	ck_assert_uint_eq(fake_servers(), 1);
}
END_TEST

/* ---- death at every kind of call, with a supervisor -------------------------------- */

static const enum fake_call start_calls[] = {
	FAKE_DM_OPEN,   FAKE_FOREIGN_OPEN, FAKE_EVTCHN_OPEN, FAKE_GRANT_OPEN,  FAKE_DM_NR_VCPUS,
	FAKE_DM_CREATE, FAKE_RESOURCE_MAP, FAKE_DM_STATE,    FAKE_EVTCHN_BIND, FAKE_DM_MAP_PCIDEV,
};

START_TEST(death_at_start_up_is_mended_by_the_next_start)
{
	struct fake_child *child;

	guest_boot(FAKE_PVH, MODEL_VCPUS, MODEL_RAM);
	fake_die(start_calls[_i], 1);
	child = fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--blk",
				  model_disk(NULL));
	fake_keep_alive(child);
	ck_assert(fake_wait_log(child, "ready", 10000));
	ck_assert(fake_failed(start_calls[_i]));
	ck_assert(gblk_load(model_driver(&model_grants), 50, 8));
}
END_TEST

static const enum fake_call run_calls[] = {
	FAKE_EVTCHN_PENDING, FAKE_EVTCHN_NOTIFY,  FAKE_EVTCHN_UNMASK, FAKE_GRANT_COPY,
	FAKE_DM_MSI,         FAKE_DM_UNMAP_RANGE, FAKE_DM_MAP_RANGE,  FAKE_GRANT_UNMAP,
};

/* I/O, decoding off and on, a reset: each makes calls while a vCPU waits. */
static void exercise(struct gblk *blk)
{
	leave_in_flight(blk, 16);
	gvirtio_wait(&blk->v, blk->v.ring[0], 100);
	gpci_enable(&blk->v.pci, false);
	gpci_enable(&blk->v.pci, true);
	gvirtio_reset(&blk->v);
}

START_TEST(death_at_any_call_leaves_no_vcpu_waiting)
{
	enum fake_call call = run_calls[_i / 4];
	struct fake_child *child = model_start(FAKE_PVH, model_disk(NULL));
	struct gblk *blk = model_driver(&model_grants);

	fake_keep_alive(child);
	fake_die(call, 1 + (unsigned int)_i % 4 * 2);
	exercise(blk);
	ck_assert(fake_failed(call) || _i % 4);
	ck_assert(fake_alive(child)); /* again */
	fake_die(call, 0);
	check_works_again(blk, &model_grants);
}
END_TEST

static const struct line {
	enum fake_platform platform;
	enum fake_call call;
} lines[] = { { FAKE_HVM, FAKE_DM_INTX }, { FAKE_ARM, FAKE_DM_IRQ } };

/* The state says that the line is up, and Xen was not told. */
START_TEST(death_when_a_line_rises_or_falls_loses_no_interrupt)
{
	static const struct gblk_config by_line = { .bdf = MODEL_BDF, .irq = GIRQ_INTX };
	struct fake_child *child = model_start(lines[_i].platform, model_disk(NULL));
	struct gblk *blk = model_driver(&by_line);
	unsigned int death;

	fake_keep_alive(child);
	for (death = 1; death < 6; death++) {
		fake_die(lines[_i].call, death);
		ck_assert(gblk_load(blk, 50, 4));
		ck_assert(fake_failed(lines[_i].call));
	}
}
END_TEST

/* ---- several of them ------------------------------------------------------------------ */

START_TEST(an_instance_is_served_once)
{
	struct fake_child *second;

	model_start(FAKE_HVM, model_disk(NULL));
	second = fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--blk",
				   model_disk2(NULL));
	ck_assert_int_eq(fake_wait_exit(second, 5000), 1);
	ck_assert_uint_eq(fake_servers(), 1);
	ck_assert(gblk_load(model_driver(&model_plain), 20, 4));
}
END_TEST

START_TEST(two_daemons_serve_one_guest)
{
	static const struct gblk_config other = { .bdf = MODEL_BDF2, .irq = GIRQ_PIRQ };
	struct gblk *first, *second;

	model_start(FAKE_HVM, model_disk(NULL));
	fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--name", "second", "--blk",
		   "bdf=00:07.0,null=1M");
	first = model_driver(&model_plain);
	second = gblk_start(&other);
	ck_assert_uint_eq(fake_servers(), 2);
	ck_assert(gblk_load(first, 100, 8));
	ck_assert(gblk_load(second, 100, 8));
	gblk_remove(second);
	gblk_free(second);
}
END_TEST

START_TEST(one_daemon_serves_two_disks)
{
	static const struct gblk_config other = { .bdf = MODEL_BDF2, .irq = GIRQ_PIRQ };
	struct gblk *first, *second;

	guest_boot(FAKE_HVM, MODEL_VCPUS, MODEL_RAM);
	fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--blk", model_disk(NULL), "--blk",
		   "bdf=00:07.0,null=1M");
	first = model_driver(&model_plain);
	second = gblk_start(&other);
	ck_assert_uint_eq(fake_servers(), 1);
	ck_assert(gblk_load(first, 100, 8));
	ck_assert(gblk_load(second, 100, 8));
	gblk_remove(second);
	gblk_free(second);
}
END_TEST

/* ---- start-up that fails ------------------------------------------------------------ */

static const enum fake_call fallible[] = {
	FAKE_DM_OPEN,     FAKE_FOREIGN_OPEN, FAKE_EVTCHN_OPEN,  FAKE_GRANT_OPEN,
	FAKE_DM_NR_VCPUS, FAKE_DM_CREATE,    FAKE_RESOURCE_MAP, FAKE_DM_STATE,
	FAKE_EVTCHN_BIND, FAKE_XS_OPEN,      FAKE_XS_READ,      FAKE_DM_MAP_PCIDEV,
};

START_TEST(a_xen_call_that_fails_at_start_leaves_nothing)
{
	struct fake_child *child;
	unsigned int nth;

	guest_boot(FAKE_HVM, MODEL_VCPUS, MODEL_RAM);
	for (nth = 1; nth < 4; nth++) {
		fake_fail(fallible[_i], nth, EIO);
		child = fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--blk",
					  model_disk(NULL));
		while (fake_alive(child) && !fake_wait_log(child, "ready", 20))
			;
		if (strstr(fake_log(child), "ready"))
			ck_assert_int_eq(fake_terminate(child), 0);
		else
			ck_assert_int_eq(fake_wait_exit(child, 5000), 1);
		ck_assert_uint_eq(fake_servers(), 0);
	}
}
END_TEST

static const char *const usage_errors[][4] = {
	{ NULL },
	{ "--domain", FAKE_DOMAIN },
	{ "--domain", FAKE_DOMAIN, "--blk", "bdf=00:06.0,null=1M,colour=red" },
	{ "--domain", FAKE_DOMAIN, "--blk", "bdf=00:06.9,null=1M" },
	{ "--domain", FAKE_DOMAIN, "--blk", "bdf=00:06.0,null=1X" },
	{ "--domain", FAKE_DOMAIN, "--blk", "null=1M" },
	{ "--domain", FAKE_DOMAIN, "--blk", "bdf=00:06.0,null=1M,block-size=4096" },
	{ "--domain", FAKE_DOMAIN, "--blk", "bdf=00:06.0,path=/dev/null,block-size=1024" },
	{ "--nonsense" },
};

START_TEST(a_usage_error_ends_with_2_before_xen_is_touched)
{
	const char *const *a = usage_errors[_i];
	struct fake_child *child;

	guest_boot(FAKE_HVM, 1, 64);
	child = fake_spawn_nowait(xenvirtiod_main, a[0], a[1], a[2], a[3]);
	ck_assert_int_eq(fake_wait_exit(child, 5000), 2);
	ck_assert_uint_eq(fake_syscalls(), 0);
	ck_assert_ptr_nonnull(strchr(fake_log(child), '\n'));
}
END_TEST

START_TEST(a_missing_file_ends_with_1_before_xen_is_touched)
{
	struct fake_child *child;

	guest_boot(FAKE_HVM, 1, 64);
	child = fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--blk",
				  "bdf=00:06.0,path=/does/not/exist");
	ck_assert_int_eq(fake_wait_exit(child, 5000), 1);
	ck_assert_uint_eq(fake_syscalls(), 0);
}
END_TEST

/* ---- reset ------------------------------------------------------------------------------ */

START_TEST(the_driver_is_bound_again_under_load)
{
	const struct gblk_config *config = _i ? &model_grants : &model_plain;
	struct gblk *blk;
	unsigned int i;

	model_start(_i ? FAKE_PVH : FAKE_HVM, model_disk(NULL));
	blk = model_driver(config);
	for (i = 0; i < 30; i++) {
		ck_assert(gblk_load(blk, 20, 8));
		leave_in_flight(blk, guest_random(40));
		gblk_remove(blk);
		ck_assert_uint_eq(blk->v.dma.grants, 0);
		gblk_restart(blk, config);
	}
}
END_TEST

/* What SeaBIOS does: plain frames, no interrupts, a reset that nobody polls for. */
static void boot_from_it(struct gblk *blk)
{
	struct gvirtio *v = &blk->v;

	gvirtio_write(v, gvirtio_field(device_status), 1, 0);
	ck_assert(gvirtio_negotiate(v,
				    1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_ACCESS_PLATFORM));
	ck_assert(gvirtio_setup_queues(v, 1, 256));
	gring_disable_cb(v->ring[0]);
	gvirtio_driver_ok(v);
	ck_assert(gblk_load(blk, 50, 1));
}

/* The next daemon does not raise a line that nobody would lower. */
static struct fake_child *die_while_polled(struct fake_child *child, struct gblk *blk)
{
	gring_disable_cb(blk->v.ring[0]);
	vcpu_mmio_read(0, blk->v.isr, 1);
	leave_in_flight(blk, 1);
	fake_kill9(child);
	child = model_again(model_disk(NULL));
	while (!gring_more(blk->v.ring[0]))
		;
	ck_assert(!fake_intx_level(MODEL_BDF >> 3, 0));
	ck_assert(gblk_finish(blk, 5000));
	return child;
}

/* With deaths in between. */
START_TEST(firmware_boots_and_linux_takes_over_with_grants)
{
	static const struct gblk_config firmware = { .bdf = MODEL_BDF, .irq = GIRQ_NONE };
	static const struct gblk_config os = { .bdf = MODEL_BDF,
					       .dma = GDMA_GRANTS,
					       .irq = GIRQ_PIRQ };
	struct fake_child *child = model_start(FAKE_HVM, model_disk(NULL));
	struct gblk *blk = model_driver(&firmware);

	gblk_remove(blk);
	boot_from_it(blk);
	while (_i-- > 0)
		child = die_while_polled(child, blk);
	gring_free(blk->v.ring[0]);
	blk->v.nr_queues = 0;
	gblk_restart(blk, &os);
	ck_assert(gblk_load(blk, 200, 16));
}
END_TEST

/* ---- INVALIDATE ------------------------------------------------------------------------------ */

/* The balloon took the guest's free frames and gave others back. */
static void balloon_free_frames(void)
{
	uint64_t pfn = gpage_alloc(256) / FAKE_PAGE;
	unsigned int i;

	for (i = 0; i < 256; i++)
		fake_new_frame(pfn + i);
	gpage_free(pfn * FAKE_PAGE, 256);
}

START_TEST(after_invalidate_the_new_frames_are_used)
{
	struct gblk *blk;
	unsigned int i;

	model_start(FAKE_HVM, model_disk(NULL));
	blk = model_driver(&model_plain);
	for (i = 0; i < 8; i++) {
		ck_assert(gblk_load(blk, 40, 8));
		balloon_free_frames();
		vcpu_invalidate(i % MODEL_VCPUS);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("model-life");
	TCase *tc = tcase_create("life");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, model_setup, model_teardown);
	tcase_add_test(tc, sigterm_under_load_leaves_nothing);
	tcase_add_loop_test(tc, sigterm_answers_who_waits, 0, 30);
	tcase_add_loop_test(tc, a_dead_domain_ends_the_daemon_with_0, 0, 2);
	tcase_add_loop_test(tc, after_sigkill_a_new_daemon_adopts_the_server, 0, 2);
	tcase_add_test(tc, told_to_leave_all_to_the_next_process_it_ends_and_withdraws_nothing);
	tcase_add_test(tc, an_access_left_open_by_a_killed_daemon_is_answered);
	tcase_add_test(tc, many_kills_at_random_moments);
	tcase_add_test(tc, kills_that_do_not_wait_until_it_serves);
	tcase_add_loop_test(tc, death_at_start_up_is_mended_by_the_next_start, 0,
			    sizeof(start_calls) / sizeof(start_calls[0]));
	tcase_add_loop_test(tc, death_at_any_call_leaves_no_vcpu_waiting, 0,
			    4 * sizeof(run_calls) / sizeof(run_calls[0]));
	tcase_add_loop_test(tc, death_when_a_line_rises_or_falls_loses_no_interrupt, 0,
			    sizeof(lines) / sizeof(lines[0]));
	tcase_add_test(tc, an_instance_is_served_once);
	tcase_add_test(tc, two_daemons_serve_one_guest);
	tcase_add_test(tc, one_daemon_serves_two_disks);
	tcase_add_loop_test(tc, a_xen_call_that_fails_at_start_leaves_nothing, 0,
			    sizeof(fallible) / sizeof(fallible[0]));
	tcase_add_loop_test(tc, a_usage_error_ends_with_2_before_xen_is_touched, 0,
			    sizeof(usage_errors) / sizeof(usage_errors[0]));
	tcase_add_test(tc, a_missing_file_ends_with_1_before_xen_is_touched);
	tcase_add_loop_test(tc, the_driver_is_bound_again_under_load, 0, 2);
	tcase_add_loop_test(tc, firmware_boots_and_linux_takes_over_with_grants, 0, 3);
	tcase_add_test(tc, after_invalidate_the_new_frames_are_used);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
