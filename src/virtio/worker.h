/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker.h: a thread that owns virtqueues: its loop, its ways to guest memory
 * and its bounce buffers. */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/stats.h"
#include "memory/foreign.h"
#include "memory/own.h"

struct worker {
	struct loop *loop;
	struct own own;
	struct grants *grants;
	struct foreign *foreign;
	struct bounce *bounce;
	struct loop_work trim;
	pthread_t thread;
	bool own_thread;
};

/* How workers reach guest memory. */
struct worker_options {
	uint32_t domid;
	uint64_t bounce_bytes;
	struct foreign_options foreign;
};

/* Opens the handles for the domain's memory and starts the thread; with @loop
 * given, no thread is started and that loop does the work. 0 or -errno. */
int worker_start(struct worker *worker, unsigned index, const struct worker_options *options,
		 struct loop *loop);

/* On main: has the worker's thread do this, behind what was posted to it, and waits: for a turn
 * of its, which is soon. */
void worker_call(struct worker *worker, void (*run)(void *arg), void *arg);

/* Ends the threads; no queue may be running on them. They may still post to each other,
 * so all end before the first loop is freed; and what was posted to a queue may have been
 * under way, so queues are freed afterwards. */
void workers_quit(struct worker *workers, unsigned count);

/* The same for one, if it has not been done, and frees what the queues had of the
 * worker's. */
void worker_stop(struct worker *worker);

/* What its ways to guest memory have cost; part "worker" of @stats. */
void worker_stats(const struct worker *worker, unsigned index, const struct stats *stats);

/* From any thread: guest-physical mappings made until now are stale. */
void worker_invalidate(struct worker *worker);
