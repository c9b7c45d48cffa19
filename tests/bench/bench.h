/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench.h: how the cost of requests is counted: the daemon's system calls, and
 * when it rests.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#define TRACE_KINDS 512 /* system calls by number; the last takes all above */

struct trace_counts {
	atomic_uint own[TRACE_KINDS]; /* the daemon's */
	atomic_uint asked;            /* polls and reads of event channels, by whomever */
};

/* Counts from here on, until the daemon has ended. */
const struct trace_counts *trace_start(pid_t daemon);

/* The daemon has ended. */
void trace_end(void);

/* Waits until all threads of @daemon wait for something to happen; false after ten seconds. */
bool idle_wait(pid_t daemon);

#endif
