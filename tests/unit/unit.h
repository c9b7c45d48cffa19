/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unit.h: what every suite shares: its main(), the log as text, and a call on a
 * loop's thread.
 */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/util.h"
#include "ioreq/server.h"

struct unit_test {
	const TTest *test;
	int loops; /* with _i from 0 on; 0: once */
};

/* Runs the tests, each in a process of its own between @setup and @teardown. */
#define ONCE(test)      \
	{               \
		test, 0 \
	}
#define TIMES(test, loops)  \
	{                   \
		test, loops \
	}

int unit_main(const char *name, SFun setup, SFun teardown, const struct unit_test *tests,
	      unsigned ntests);

/* What is written to stderr from here on; the text is good until the next begin. */
void log_capture_begin(void);
const char *log_capture_end(void);
unsigned count_lines(const char *text);

/* What the daemon would be told of the fake's platform. */
const struct ioreq_platform *unit_platform(void);

/* The same random numbers in each process. */
uint32_t unit_random(uint32_t below);

/* Waits until @condition; false after ten seconds. */
#define wait_for(condition)                               \
	({                                                \
		unsigned tries_ = 0;                      \
		while (!(condition) && tries_++ < 100000) \
			unit_nap_us(100);                 \
		(condition);                              \
	})

void unit_nap_us(unsigned us);

/* Runs @fn on the loop's thread, which is another, and waits for it. */
void unit_call(struct loop *loop, void (*fn)(void *arg), void *arg);

#endif
