/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * told.h: a process that serves a guest without devices, and events that it tells the
 * guest of, for the suites of daemon/hotplug.c. The test's thread plays the guest.
 */
#ifndef TOLD_H
#define TOLD_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/hotplug.h"
#include "guest/guest.h"
#include "ioreq/server.h"
#include "unit/unit.h"

#define TOLD_SOON_MS 5000 /* a wait that is not expected to end by itself */

/* For fake_claimed(). */
#define SLOT_PORTS  FAKE_RANGE_PORT, GACPI_SLOTS, GACPI_SLOTS + 15
#define EVENT_PORTS FAKE_RANGE_PORT, GACPI_EVENTS, GACPI_EVENTS + 3

struct teller {
	struct loop *loop;
	struct ioreq_server *server;
	struct hotplug *hotplug;
	int32_t server_id;
	pthread_t thread;
};

extern struct teller teller;

/* Fixture of each test; whatever it does nothing of it is left. */
void told_setup(void);
void told_teardown(void);

/* The process, in a world that there is; what hotplug_open() says. It runs from teller_run() on. */
int teller_open(enum hotplug_way way);
void teller_run(void);

/* The world, and both. */
void teller_start(enum fake_platform platform, enum hotplug_way way);
void teller_start_hvm(void);

/* Its end; or its handles go, and what it did in Xen stays. */
void teller_stop(void);
void teller_die(void);

/* An event, and what was said of it. It outlives its test, at whose end something may be said, too:
 * static. */
struct told {
	struct hotplug_event event;
	atomic_uint times;
	int err;
};

void told_done(struct hotplug_event *event, int err);

#define COMES(number)                                             \
	{                                                         \
		.event = {.device = (number), .done = told_done } \
	}
#define GOES(number)                                                             \
	{                                                                        \
		.event = {.eject = true, .device = (number), .done = told_done } \
	}

/* Run on main; @arg is a struct told. */
void tell_now(void *arg);
void cancel_now(void *arg);

void tell(struct told *told);
void tell_both(struct told told[2]);
void cancel(struct told *told);

/* Waits for done(): once, with this. */
bool came_to(struct told *told, int err);
enum hotplug_stage stage(struct told *told);

/* As if its patience were at an end, which was to be in about so many seconds. */
void time_is_up(struct told *told, int seconds);

bool given_back(void);

/* The guest serves the next event, and sees these. */
void expect_event(uint32_t come, uint32_t go);
void expect_no_event(void);

#endif
