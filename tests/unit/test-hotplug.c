/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-hotplug.c: an HVM guest is told of devices that come and go by the registers that
 * QEMU tells it by; other guests are told nothing.
 */
#include <errno.h>
#include <string.h>

#include "ioreq/irq.h"
#include "model.h"
#include "told.h"

/* --- telling ------------------------------------------------------------------------ */

START_TEST(the_guest_learns_of_a_device_that_has_come)
{
	static struct told told = COMES(6);

	teller_start_hvm();
	ck_assert(given_back());
	tell(&told);
	expect_event(1 << 6, 0);
	ck_assert(came_to(&told, 0));
	expect_no_event();
}
END_TEST

START_TEST(a_device_has_gone_when_the_guest_ejects_it)
{
	static struct told told = GOES(31);

	teller_start_hvm();
	tell(&told);
	expect_event(0, 1u << 31);
	ck_assert_int_eq(stage(&told), HOTPLUG_LEAVING);
	ck_assert_uint_eq(told.times, 0);
	gacpi_eject(1, 31);
	ck_assert(came_to(&told, 0));
}
END_TEST

START_TEST(a_guest_may_eject_before_it_enables_events_again)
{
	struct gacpi_event event;
	static struct told told = GOES(6);

	teller_start_hvm();
	tell(&told);
	ck_assert(gacpi_begin(0, TOLD_SOON_MS));
	gacpi_method(0, &event);
	gacpi_eject(1, 6);
	ck_assert(came_to(&told, 0));
	gacpi_end(0);
	expect_no_event();
}
END_TEST

START_TEST(a_guest_that_does_not_disable_events_has_looked_when_it_is_quiet)
{
	struct gacpi_event event;
	static struct told told = COMES(6);

	teller_start_hvm();
	tell(&told);
	ck_assert(wait_for(fake_isa_level(GACPI_IRQ)));
	vcpu_pio_write(0, GACPI_EVENTS, 1, 2);
	gacpi_method(0, &event);
	ck_assert_uint_eq(event.come, 1 << 6);
	ck_assert(came_to(&told, 0));
}
END_TEST

START_TEST(events_at_once_are_one_interrupt)
{
	static struct told told[] = { COMES(6), GOES(9) };

	teller_start_hvm();
	tell_both(told);
	expect_event(1 << 6, 1 << 9);
	gacpi_eject(0, 9);
	ck_assert(came_to(&told[0], 0) && came_to(&told[1], 0));
	expect_no_event();
}
END_TEST

START_TEST(an_event_that_comes_while_the_guest_looks_is_the_next)
{
	static struct told first = COMES(6), second = COMES(7);
	struct gacpi_event event;

	teller_start_hvm();
	tell(&first);
	ck_assert(gacpi_begin(0, TOLD_SOON_MS));
	tell(&second);
	gacpi_method(0, &event);
	ck_assert_uint_eq(event.come, 1 << 6);
	gacpi_end(0);
	ck_assert(came_to(&first, 0));
	expect_event(1 << 7, 0);
	ck_assert(came_to(&second, 0));
}
END_TEST

START_TEST(devices_come_while_others_leave)
{
	static struct told goes = GOES(6), comes = COMES(7);

	teller_start_hvm();
	tell(&goes);
	expect_event(0, 1 << 6);
	tell(&comes);
	expect_event(1 << 7, 0);
	ck_assert(came_to(&comes, 0));
	ck_assert_uint_eq(goes.times, 0);
	gacpi_eject(0, 6);
	ck_assert(came_to(&goes, 0));
}
END_TEST

START_TEST(a_guest_lets_go_of_what_it_was_asked_for_only)
{
	static struct told goes = GOES(6), comes = COMES(7);

	teller_start_hvm();
	tell(&goes);
	expect_event(0, 1 << 6);
	gacpi_eject(0, 7);
	vcpu_pio_write(0, GACPI_SLOTS + 8, 4, ~(1u << 6));
	vcpu_pio_write(0, GACPI_SLOTS + 9, 1, 1 << 6);
	tell(&comes);
	ck_assert(wait_for(fake_isa_level(GACPI_IRQ)));
	gacpi_eject(0, 7);
	ck_assert_int_eq(stage(&goes), HOTPLUG_LEAVING);
	ck_assert_int_eq(stage(&comes), HOTPLUG_SHOWN);
	vcpu_pio_write(0, GACPI_SLOTS + 8, 1, 1 << 6); /* a part of the register will do */
	ck_assert(came_to(&goes, 0));
}
END_TEST

/* --- the registers -------------------------------------------------------------------- */

static uint64_t slice(const uint8_t *bytes, unsigned offset, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, bytes + offset, size);
	return value;
}

static void check_reads(uint16_t port, const void *bytes, unsigned length)
{
	unsigned size, offset;

	for (size = 1; size <= 4; size *= 2)
		for (offset = 0; offset + size <= length; offset++) {
			struct fake_io io = {
				.type = FAKE_PIO, .read = true, .addr = port + offset, .size = size
			};
			struct fake_answer answer = vcpu_io(0, &io);

			ck_assert(answer.claimed && answer.answered);
			ck_assert_uint_eq(answer.data, slice(bytes, offset, size));
		}
}

/* QEMU's devices are pluggable, as its own register says, or a guest would drop them. */
START_TEST(reads_of_every_size_and_offset_are_answered)
{
	const uint32_t slots[] = { 1 << 6, 1 << 9, 0, UINT32_MAX };
	const uint16_t events[] = { 2, 6 };
	static struct told told[] = { COMES(6), GOES(9) };

	teller_start_hvm();
	tell_both(told);
	ck_assert(wait_for(fake_isa_level(GACPI_IRQ)));
	check_reads(GACPI_SLOTS, slots, sizeof(slots));
	check_reads(GACPI_EVENTS, events, sizeof(events));
}
END_TEST

START_TEST(writes_of_every_size_and_offset_are_answered)
{
	static struct told told = GOES(6);
	unsigned size, port;

	teller_start_hvm();
	tell(&told);
	ck_assert(wait_for(fake_isa_level(GACPI_IRQ)));
	for (size = 1; size <= 4; size *= 2) {
		for (port = GACPI_SLOTS; port + size <= GACPI_SLOTS + 16; port++)
			vcpu_pio_write(0, (uint16_t)port, size, 0);
		for (port = GACPI_EVENTS; port + size <= GACPI_EVENTS + 4; port++)
			vcpu_pio_write(0, (uint16_t)port, size, 0);
	}
	ck_assert(!fake_isa_level(GACPI_IRQ)); /* all events are off */
	vcpu_pio_write(0, GACPI_EVENTS, 4, 0xffff0000);
	ck_assert(fake_isa_level(GACPI_IRQ));
	vcpu_pio_write(0, GACPI_EVENTS, 4, 0xffffffff);
	ck_assert(!fake_isa_level(GACPI_IRQ));
}
END_TEST

static void lower(void *arg)
{
	(void)arg;
	ck_assert_int_eq(irq_sci(teller.server, false), 0);
}

START_TEST(the_interrupt_comes_although_others_drive_its_wire)
{
	static struct told told = COMES(6);

	teller_start_hvm();
	tell(&told);
	ck_assert(wait_for(fake_isa_level(GACPI_IRQ)));
	unit_call(teller.loop, lower, NULL);
	expect_event(1 << 6, 0);
}
END_TEST

/* Linux gives an interrupt up that comes for ever and that nobody serves. */
START_TEST(the_interrupt_rests_while_nobody_serves_it)
{
	static struct told told = COMES(6);

	teller_start_hvm();
	tell(&told);
	ck_assert(wait_for(fake_isa_level(GACPI_IRQ)));
	ck_assert(wait_for(!fake_isa_level(GACPI_IRQ)));
	expect_event(1 << 6, 0);
}
END_TEST

/* --- who is told --------------------------------------------------------------------------- */

static const struct untold {
	enum fake_platform platform;
	enum hotplug_way way, as;
} untold[] = {
	{ FAKE_PVH, HOTPLUG_AUTO, HOTPLUG_RESCAN },   { FAKE_ARM, HOTPLUG_AUTO, HOTPLUG_RESCAN },
	{ FAKE_HVM, HOTPLUG_RESCAN, HOTPLUG_RESCAN }, { FAKE_HVM, HOTPLUG_NONE, HOTPLUG_NONE },
	{ FAKE_PVH, HOTPLUG_NONE, HOTPLUG_NONE },
};

START_TEST(guests_without_acpi_are_told_nothing)
{
	static struct told told = COMES(6);

	teller_start(untold[_i].platform, untold[_i].way);
	ck_assert_int_eq(hotplug_way(teller.hotplug), untold[_i].as);
	tell(&told);
	ck_assert(came_to(&told, -EOPNOTSUPP));
	ck_assert_uint_eq(fake_calls(FAKE_DM_ISA), 0);
	ck_assert_uint_eq(fake_calls(FAKE_DM_MAP_RANGE), 0);
}
END_TEST

START_TEST(a_guest_that_has_not_booted_is_told_nothing_yet)
{
	static const enum hotplug_way ways[] = { HOTPLUG_AUTO, HOTPLUG_ACPI };
	static struct told early = COMES(6), late = COMES(7);

	fake_start(FAKE_HVM, 2, 256);
	fake_acpi(false);
	ck_assert_int_eq(teller_open(ways[_i]), 0);
	teller_run();
	ck_assert_int_eq(hotplug_way(teller.hotplug), HOTPLUG_RESCAN);
	tell(&early);
	ck_assert(came_to(&early, -EOPNOTSUPP));
	fake_acpi(true);
	ck_assert_int_eq(hotplug_way(teller.hotplug), HOTPLUG_ACPI);
	tell(&late);
	expect_event(1 << 7, 0);
}
END_TEST

START_TEST(acpi_is_refused_where_there_is_none)
{
	fake_start(_i ? FAKE_ARM : FAKE_PVH, 1, 256);
	log_capture_begin();
	ck_assert_int_eq(teller_open(HOTPLUG_ACPI), -EINVAL);
	ck_assert_ptr_nonnull(strstr(log_capture_end(), "domain 7 is no HVM guest"));
	teller_run();
}
END_TEST

/* A domain that Linux lets do only what concerns its target. */
START_TEST(who_may_not_ask_goes_by_what_he_is_told)
{
	static const enum hotplug_way ways[] = { HOTPLUG_AUTO, HOTPLUG_ACPI };
	static const enum hotplug_way as[] = { HOTPLUG_RESCAN, HOTPLUG_ACPI };

	fake_start(FAKE_HVM, 1, 256);
	fake_fail(FAKE_HYPERCALL, 1, EPERM);
	ck_assert_int_eq(teller_open(ways[_i]), 0);
	fake_fail(FAKE_HYPERCALL, 1, EPERM);
	ck_assert_int_eq(hotplug_way(teller.hotplug), as[_i]);
	teller_run();
}
END_TEST

START_TEST(the_daemon_says_where_it_cannot_be_by_acpi)
{
	struct fake_child *child;

	fake_start(_i ? FAKE_ARM : FAKE_PVH, 1, 256);
	child = fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--hotplug", "acpi",
				  _i ? "--ecam" : "--name", _i ? "0x10000000" : "a", "--blk",
				  "bdf=00:06.0,null=1M");
	ck_assert_int_eq(fake_wait_exit(child, TOLD_SOON_MS), _i ? 2 : 1);
	ck_assert_ptr_nonnull(strstr(fake_log(child), _i ? "--hotplug: a guest on Arm has no ACPI"
							 : "--hotplug: domain 7 is no HVM guest"));
	ck_assert_uint_eq(fake_servers(), 0);
}
END_TEST

/* --- QEMU's server --------------------------------------------------------------------- */

/* Else QEMU would be asked and not us. */
START_TEST(qemu_may_come_after_us)
{
	static struct told told = COMES(6);
	struct fake_child *other;

	fake_start_alone(2, 256);
	other = fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--name", "other", "--blk",
			   "bdf=00:09.0,null=1M");
	ck_assert_int_eq(teller_open(HOTPLUG_AUTO), 0);
	fake_device_model_starts();
	ck_assert_uint_eq(fake_servers(), 2);
	ck_assert_int_gt(teller.server_id, 0);
	teller_run();
	tell(&told);
	expect_event(1 << 6, 0);
	ck_assert_int_eq(fake_terminate(other), 0);
}
END_TEST

/* There is room for no more servers while the guest is made. */
START_TEST(a_guest_is_told_nothing_where_qemu_comes_first)
{
	static struct told told = COMES(6);

	fake_start_alone(2, 256);
	fake_fail(FAKE_DM_CREATE, 2, ENOSPC);
	ck_assert_int_eq(teller_open(HOTPLUG_AUTO), 0);
	fake_device_model_starts();
	teller_run();
	ck_assert_int_eq(hotplug_way(teller.hotplug), HOTPLUG_RESCAN);
	tell(&told);
	ck_assert(came_to(&told, -EOPNOTSUPP));
}
END_TEST

START_TEST(no_place_is_left_where_no_qemu_comes)
{
	teller_start(_i ? FAKE_ARM : FAKE_PVH, HOTPLUG_AUTO);
	ck_assert_int_eq(teller.server_id, 0);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(the_guest_learns_of_a_device_that_has_come),
		ONCE(a_device_has_gone_when_the_guest_ejects_it),
		ONCE(a_guest_may_eject_before_it_enables_events_again),
		ONCE(a_guest_that_does_not_disable_events_has_looked_when_it_is_quiet),
		ONCE(events_at_once_are_one_interrupt),
		ONCE(an_event_that_comes_while_the_guest_looks_is_the_next),
		ONCE(devices_come_while_others_leave),
		ONCE(a_guest_lets_go_of_what_it_was_asked_for_only),
		ONCE(reads_of_every_size_and_offset_are_answered),
		ONCE(writes_of_every_size_and_offset_are_answered),
		ONCE(the_interrupt_comes_although_others_drive_its_wire),
		ONCE(the_interrupt_rests_while_nobody_serves_it),
		TIMES(guests_without_acpi_are_told_nothing, ARRAY_SIZE(untold)),
		TIMES(a_guest_that_has_not_booted_is_told_nothing_yet, 2),
		TIMES(acpi_is_refused_where_there_is_none, 2),
		TIMES(who_may_not_ask_goes_by_what_he_is_told, 2),
		TIMES(the_daemon_says_where_it_cannot_be_by_acpi, 2),
		ONCE(qemu_may_come_after_us),
		ONCE(a_guest_is_told_nothing_where_qemu_comes_first),
		TIMES(no_place_is_left_where_no_qemu_comes, 2),
	};

	return unit_main("hotplug", told_setup, told_teardown, tests, ARRAY_SIZE(tests));
}
