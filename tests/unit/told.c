/* SPDX-License-Identifier: GPL-2.0-or-later */
/* told.c: see told.h. */
#include "told.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND 1000000000ull

struct teller teller = { .server_id = IOREQ_NO_SERVER };

static char directory[] = "/tmp/hotplug-XXXXXX";

/* --- the process ----------------------------------------------------------------- */

static void nothing(void *arg)
{
	(void)arg;
}

static void *thread_main(void *arg)
{
	loop_run(arg);
	return NULL;
}

int teller_open(enum hotplug_way way)
{
	static const struct ioreq_events events = { .invalidate = nothing, .gone = nothing };

	teller.loop = loop_new();
	ck_assert_ptr_nonnull(teller.loop);
	ck_assert_int_eq(ioreq_server_open(teller.loop, FAKE_DOMID, unit_platform(),
					   &teller.server_id, &events, &teller.server),
			 0);
	ck_assert_int_eq(ioreq_server_enable(teller.server), 0);
	return hotplug_open(teller.loop, teller.server, FAKE_DOMID, way, &teller.hotplug);
}

void teller_run(void)
{
	ioreq_server_resume(teller.server);
	ck_assert_int_eq(pthread_create(&teller.thread, NULL, thread_main, teller.loop), 0);
}

void teller_start(enum fake_platform platform, enum hotplug_way way)
{
	fake_start(platform, 2, 256);
	ck_assert_int_eq(teller_open(way), 0);
	teller_run();
}

void teller_start_hvm(void)
{
	teller_start(FAKE_HVM, HOTPLUG_AUTO);
}

static void close_all(void)
{
	ioreq_server_close(teller.server);
	loop_free(teller.loop);
	teller.loop = NULL;
}

static void end(void *arg)
{
	(void)arg;
	hotplug_close(teller.hotplug);
	teller.hotplug = NULL;
	ioreq_server_withdraw(teller.server);
	loop_stop(teller.loop);
}

void teller_stop(void)
{
	unit_call(teller.loop, end, NULL);
	pthread_join(teller.thread, NULL);
	close_all();
}

static void stop_loop(void *arg)
{
	(void)arg;
	loop_stop(teller.loop);
}

void teller_die(void)
{
	static struct hotplug *volatile lost; /* for LeakSanitizer */

	unit_call(teller.loop, stop_loop, NULL);
	pthread_join(teller.thread, NULL);
	lost = teller.hotplug;
	(void)lost;
	close_all();
}

void told_setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	setenv("RUNTIME_DIRECTORY", directory, 1);
}

void told_teardown(void)
{
	if (teller.loop)
		teller_stop();
	ck_assert(!fake_isa_level(GACPI_IRQ));
	fake_end();
	ck_assert_int_eq(rmdir(directory), 0);
}

/* --- events ------------------------------------------------------------------------ */

void told_done(struct hotplug_event *event, int err)
{
	struct told *told = container_of(event, struct told, event);

	ck_assert(pthread_equal(pthread_self(), teller.thread));
	told->err = err;
	told->times++;
}

void tell_now(void *arg)
{
	struct told *told = arg;

	hotplug_tell(teller.hotplug, &told->event);
	ck_assert_uint_eq(told->times, 0);
}

void cancel_now(void *arg)
{
	struct told *told = arg;

	hotplug_cancel(teller.hotplug, &told->event);
}

void tell(struct told *told)
{
	unit_call(teller.loop, tell_now, told);
}

static void tell_both_now(void *arg)
{
	struct told *told = arg;

	tell_now(&told[0]);
	tell_now(&told[1]);
}

void tell_both(struct told told[2])
{
	unit_call(teller.loop, tell_both_now, told);
}

void cancel(struct told *told)
{
	unit_call(teller.loop, cancel_now, told);
}

bool came_to(struct told *told, int err)
{
	return wait_for(atomic_load(&told->times)) && told->times == 1 && told->err == err;
}

struct look {
	const struct told *told;
	enum hotplug_stage stage;
};

static void look_now(void *arg)
{
	struct look *look = arg;

	look->stage = look->told->event.stage;
}

enum hotplug_stage stage(struct told *told)
{
	struct look look = { .told = told };

	unit_call(teller.loop, look_now, &look);
	return look.stage;
}

struct patience {
	struct told *told;
	uint64_t left; /* ns */
};

static void end_now(void *arg)
{
	struct patience *patience = arg;
	struct hotplug_event *event = &patience->told->event;

	patience->left = event->due - loop_now();
	event->due = 0;
}

void time_is_up(struct told *told, int seconds)
{
	struct patience patience = { .told = told };
	uint64_t most = (unsigned)seconds * SECOND;

	unit_call(teller.loop, end_now, &patience);
	ck_assert_uint_le(patience.left, most);
	ck_assert_uint_ge(patience.left, most - 2 * SECOND);
}

/* --- what the guest sees -------------------------------------------------------------- */

bool given_back(void)
{
	return !fake_claimed(SLOT_PORTS) && !fake_claimed(EVENT_PORTS);
}

void expect_event(uint32_t come, uint32_t go)
{
	struct gacpi_event event;

	ck_assert(gacpi_serve(0, TOLD_SOON_MS, &event));
	ck_assert_uint_eq(event.come, come);
	ck_assert_uint_eq(event.go, go);
}

void expect_no_event(void)
{
	ck_assert(!gacpi_begin(0, 300));
}
