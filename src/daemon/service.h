/* SPDX-License-Identifier: GPL-2.0-or-later */
/* service.h: tells the service manager how we are (sd_notify(3)'s protocol). */
#pragma once
#include "base/loop.h"

/* Sends e.g. "READY=1"; nothing without $NOTIFY_SOCKET. */
void service_notify(const char *message);

/* The same as "STATUS=...", which people read. What the manager has no room for now is lost:
 * main does not wait. */
void service_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct service_watchdog {
	struct loop *loop;
	struct loop_timer timer;
	uint64_t interval; /* ns */
};

/* If the manager wants to hear from us every $WATCHDOG_USEC, it does so twice as often, for as
 * long as @loop runs turns; else it kills us. */
void service_watch(struct service_watchdog *watchdog, struct loop *loop);
