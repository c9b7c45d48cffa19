/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-hotplug-turns.c: the ports by which a guest is told of devices are ours for the
 * length of an event, one process's at a time, and QEMU's again whatever happens.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/turn.h"
#include "told.h"

#define SECOND 1000000000ull

static bool are_ours(void)
{
	return fake_claimed(SLOT_PORTS) && fake_claimed(EVENT_PORTS);
}

/* --- whose the ports are ---------------------------------------------------------------- */

START_TEST(ports_are_given_back_when_they_rest)
{
	static struct told told = COMES(6);
	uint64_t last;

	teller_start_hvm();
	tell(&told);
	ck_assert(gacpi_serve(0, TOLD_SOON_MS, &(struct gacpi_event){ 0 }));
	ck_assert(came_to(&told, 0));
	unit_nap_us(700000);
	ck_assert(are_ours());
	last = fake_now_ns();
	ck_assert_uint_eq(vcpu_pio_read(0, GACPI_SLOTS + 4, 4), 0);
	ck_assert(wait_for(given_back()));
	ck_assert_uint_ge(fake_now_ns() - last, SECOND);
	ck_assert_uint_lt(fake_now_ns() - last, 2 * SECOND);
}
END_TEST

START_TEST(only_slots_stay_ours_while_a_device_leaves)
{
	static struct told told = GOES(6);

	teller_start_hvm();
	tell(&told);
	expect_event(0, 1 << 6);
	ck_assert(wait_for(!fake_claimed(EVENT_PORTS)));
	unit_nap_us(900000);
	ck_assert(fake_claimed(SLOT_PORTS));
	gacpi_eject(0, 6);
	ck_assert(came_to(&told, 0));
	ck_assert(wait_for(given_back()));
}
END_TEST

START_TEST(an_event_after_a_rest_is_told_as_well)
{
	static struct told goes = GOES(6), comes = COMES(7);

	teller_start_hvm();
	tell(&goes);
	expect_event(0, 1 << 6);
	ck_assert(wait_for(!fake_claimed(EVENT_PORTS)));
	tell(&comes);
	expect_event(1 << 7, 0);
	gacpi_eject(0, 6);
	ck_assert(came_to(&comes, 0) && came_to(&goes, 0));
	ck_assert(wait_for(given_back()));
}
END_TEST

START_TEST(a_guest_that_does_not_rest_does_not_keep_the_ports)
{
	uint64_t began;
	static struct told told = COMES(6);

	teller_start_hvm();
	tell(&told);
	expect_event(1 << 6, 0);
	for (began = fake_now_ns(); are_ours() && fake_now_ns() - began < 10 * SECOND;)
		vcpu_pio_read(0, GACPI_SLOTS, 4);
	ck_assert(given_back());
	ck_assert_uint_ge(fake_now_ns() - began, 4 * SECOND);
}
END_TEST

/* Else a device of QEMU's might be ejected, or its events be disabled. */
START_TEST(who_comes_late_reads_what_does_no_harm)
{
	struct fake_io go = { .read = true, .addr = GACPI_SLOTS + 4, .size = 4 };
	struct fake_io enabled = { .read = true, .addr = GACPI_EVENTS + 2, .size = 1 };
	struct fake_io eject = { .addr = GACPI_SLOTS + 8, .size = 4, .data = UINT32_MAX };
	static struct told told = COMES(6);

	teller_start_hvm();
	tell(&told);
	expect_event(1 << 6, 0);
	ck_assert(wait_for(given_back()));
	vcpu_begin_stale(0, (unsigned)teller.server_id, &go);
	ck_assert_uint_eq(vcpu_finish(0).data, 0);
	vcpu_begin_stale(0, (unsigned)teller.server_id, &enabled);
	ck_assert_uint_eq(vcpu_finish(0).data, 6);
	vcpu_begin_stale(0, (unsigned)teller.server_id, &eject);
	ck_assert(vcpu_finish(0).answered);
}
END_TEST

START_TEST(processes_take_turns)
{
	static struct told told = COMES(6);
	struct turn other;

	teller_start_hvm();
	ck_assert_int_eq(turn_open(&other, FAKE_DOMID), 0);
	ck_assert(turn_take(&other));
	tell(&told);
	expect_no_event();
	ck_assert(given_back());
	turn_give(&other);
	expect_event(1 << 6, 0);
	ck_assert(!turn_take(&other));
	ck_assert(wait_for(turn_take(&other)));
	ck_assert(given_back());
	turn_close(&other);
}
END_TEST

START_TEST(each_guest_has_turns_of_its_own)
{
	static struct told told = COMES(6);
	struct turn other;

	teller_start_hvm();
	ck_assert_int_eq(turn_open(&other, FAKE_DOMID + 1), 0);
	ck_assert(turn_take(&other));
	tell(&told);
	expect_event(1 << 6, 0);
	turn_close(&other);
}
END_TEST

START_TEST(who_never_has_its_turn_hears_so)
{
	static struct told told = COMES(6);
	struct turn other;

	teller_start_hvm();
	ck_assert_int_eq(turn_open(&other, FAKE_DOMID), 0);
	ck_assert(turn_take(&other));
	tell(&told);
	time_is_up(&told, 60);
	ck_assert(came_to(&told, -EBUSY));
	ck_assert(given_back());
	turn_close(&other);
}
END_TEST

START_TEST(the_last_process_takes_the_lock_file_away)
{
	struct turn first, second;

	teller_start_hvm();
	ck_assert_int_eq(turn_open(&first, 9), 0);
	ck_assert_int_eq(turn_open(&second, 9), 0);
	turn_close(&first);
	ck_assert_int_eq(access(second.path, F_OK), 0);
	ck_assert_int_eq(turn_open(&first, 9), 0);
	ck_assert(turn_take(&first) && !turn_take(&second));
	turn_close(&second);
	turn_close(&first);
	ck_assert_int_eq(access(first.path, F_OK), -1);
}
END_TEST

/* --- what goes wrong --------------------------------------------------------------------- */

START_TEST(a_guest_that_does_not_look_is_given_up)
{
	static struct told told = COMES(6);

	teller_start_hvm();
	tell(&told);
	ck_assert(wait_for(are_ours()));
	ck_assert_int_eq(stage(&told), HOTPLUG_SHOWN);
	time_is_up(&told, 5);
	ck_assert(came_to(&told, -ETIMEDOUT));
	ck_assert(wait_for(given_back()));
	ck_assert(!fake_isa_level(GACPI_IRQ));
}
END_TEST

START_TEST(a_guest_that_does_not_let_go_is_given_up)
{
	static struct told told = GOES(6);

	teller_start_hvm();
	tell(&told);
	expect_event(0, 1 << 6);
	ck_assert_int_eq(stage(&told), HOTPLUG_LEAVING);
	time_is_up(&told, 30);
	ck_assert(came_to(&told, -ETIMEDOUT));
	ck_assert(wait_for(given_back()));
}
END_TEST

START_TEST(what_xen_refuses_is_said)
{
	static struct told told = COMES(6), again = COMES(6);

	teller_start_hvm();
	fake_fail(FAKE_DM_MAP_RANGE, (unsigned)_i + 1, ENOSPC);
	tell(&told);
	ck_assert(came_to(&told, -ENOSPC));
	ck_assert(given_back());
	tell(&again);
	expect_event(1 << 6, 0);
}
END_TEST

/* --- nobody wants it any more -------------------------------------------------------------- */

static void get_queued(struct told *told, struct turn *other)
{
	ck_assert(turn_take(other));
	tell(told);
	ck_assert_int_eq(stage(told), HOTPLUG_QUEUED);
}

static void get_shown(struct told *told, struct turn *other)
{
	(void)other;
	tell(told);
	ck_assert(wait_for(fake_isa_level(GACPI_IRQ)));
}

static void get_leaving(struct told *told, struct turn *other)
{
	(void)other;
	tell(told);
	expect_event(0, 1 << 6);
}

static void (*const stages[])(struct told *told, struct turn *other) = { get_queued, get_shown,
									 get_leaving };

START_TEST(what_is_cancelled_is_not_told_any_more)
{
	static struct told told = GOES(6), next = COMES(7);
	struct turn other;

	teller_start_hvm();
	ck_assert_int_eq(turn_open(&other, FAKE_DOMID), 0);
	stages[_i](&told, &other);
	cancel(&told);
	turn_give(&other);
	ck_assert(!fake_isa_level(GACPI_IRQ));
	ck_assert(wait_for(given_back()));
	tell(&next);
	expect_event(1 << 7, 0);
	gacpi_eject(0, 6);
	ck_assert(came_to(&next, 0));
	ck_assert_uint_eq(told.times, 0);
	turn_close(&other);
}
END_TEST

static void tell_and_cancel(void *arg)
{
	tell_now(arg);
	cancel_now(arg);
	cancel_now(arg); /* has no effect */
}

START_TEST(what_is_cancelled_at_once_is_never_told)
{
	static struct told told = COMES(6);

	teller_start_hvm();
	unit_call(teller.loop, tell_and_cancel, &told);
	expect_no_event();
	ck_assert_uint_eq(told.times, 0);
}
END_TEST

START_TEST(others_are_told_when_one_is_cancelled)
{
	static struct told told[] = { COMES(6), COMES(7) };

	teller_start_hvm();
	tell_both(told);
	ck_assert(wait_for(fake_isa_level(GACPI_IRQ)));
	cancel(&told[0]);
	expect_event(1 << 7, 0);
	ck_assert(came_to(&told[1], 0));
	ck_assert_uint_eq(told[0].times, 0);
	expect_no_event();
}
END_TEST

START_TEST(the_end_in_the_middle_of_an_event_leaves_nothing)
{
	static struct told told = GOES(6);
	struct turn other;

	teller_start_hvm();
	ck_assert_int_eq(turn_open(&other, FAKE_DOMID), 0);
	stages[_i](&told, &other);
	teller_stop();
	ck_assert(given_back());
	ck_assert(!fake_isa_level(GACPI_IRQ));
	ck_assert_uint_eq(told.times, 0);
	ck_assert_uint_eq(fake_servers(), 0);
	turn_close(&other);
}
END_TEST

static void touch_and_end(void *arg)
{
	vcpu_begin(1, arg);
	hotplug_close(teller.hotplug);
	teller.hotplug = NULL;
	ioreq_server_withdraw(teller.server);
}

START_TEST(who_is_on_the_way_at_the_end_is_answered)
{
	struct fake_io go = { .read = true, .addr = GACPI_SLOTS + 4, .size = 4 };
	static struct told told = GOES(6);

	teller_start_hvm();
	tell(&told);
	ck_assert(wait_for(fake_isa_level(GACPI_IRQ)));
	unit_call(teller.loop, touch_and_end, &go);
	ck_assert_uint_eq(vcpu_finish(1).data, 0);
	ck_assert_uint_eq(fake_servers(), 0);
}
END_TEST

/* --- after a process that died --------------------------------------------------------------- */

/* The file of the turns is still there: the lost one has it open. */
static void forget_lost(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/domain-%d.lock", getenv("RUNTIME_DIRECTORY"), FAKE_DOMID);
	ck_assert_int_eq(unlink(path), 0);
}

/* A vCPU that waits is answered, and nothing of QEMU's is ejected by it. */
START_TEST(ports_that_a_dead_process_had_are_given_back)
{
	struct fake_io go = { .read = true, .addr = GACPI_SLOTS + 4, .size = 4 };
	static struct told told = GOES(6);

	teller_start_hvm();
	tell(&told);
	ck_assert(wait_for(fake_isa_level(GACPI_IRQ)));
	teller_die();
	ck_assert(are_ours());
	vcpu_begin(0, &go);
	ck_assert_int_eq(teller_open(_i ? HOTPLUG_RESCAN : HOTPLUG_AUTO), 0);
	ck_assert(ioreq_server_adopted(teller.server));
	ck_assert(given_back());
	ck_assert(!fake_isa_level(GACPI_IRQ));
	teller_run();
	ck_assert_uint_eq(vcpu_finish(0).data, 0);
	teller_stop();
	forget_lost();
}
END_TEST

START_TEST(an_interrupt_that_is_not_ours_stays)
{
	teller_start_hvm();
	teller_die();
	fake_calls_reset();
	ck_assert_int_eq(teller_open(HOTPLUG_AUTO), 0);
	ck_assert_uint_eq(fake_calls(FAKE_DM_ISA), 0);
	teller_run();
	teller_stop();
	forget_lost();
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(ports_are_given_back_when_they_rest),
		ONCE(only_slots_stay_ours_while_a_device_leaves),
		ONCE(an_event_after_a_rest_is_told_as_well),
		ONCE(a_guest_that_does_not_rest_does_not_keep_the_ports),
		ONCE(who_comes_late_reads_what_does_no_harm),
		ONCE(processes_take_turns),
		ONCE(each_guest_has_turns_of_its_own),
		ONCE(who_never_has_its_turn_hears_so),
		ONCE(the_last_process_takes_the_lock_file_away),
		ONCE(a_guest_that_does_not_look_is_given_up),
		ONCE(a_guest_that_does_not_let_go_is_given_up),
		TIMES(what_xen_refuses_is_said, 2),
		TIMES(what_is_cancelled_is_not_told_any_more, ARRAY_SIZE(stages)),
		ONCE(what_is_cancelled_at_once_is_never_told),
		ONCE(others_are_told_when_one_is_cancelled),
		TIMES(the_end_in_the_middle_of_an_event_leaves_nothing, ARRAY_SIZE(stages)),
		ONCE(who_is_on_the_way_at_the_end_is_answered),
		TIMES(ports_that_a_dead_process_had_are_given_back, 2),
		ONCE(an_interrupt_that_is_not_ours_stays),
	};

	return unit_main("hotplug-turns", told_setup, told_teardown, tests, ARRAY_SIZE(tests));
}
