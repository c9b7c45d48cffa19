/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker.h: a thread that owns virtqueues: its loop, its ways to guest memory
 * and its bounce buffers. */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

struct worker {
	struct loop *loop;
	struct grants *grants;
	struct foreign *foreign;
	struct bounce *bounce;
	struct loop_work trim;
	pthread_t thread;
	bool own_thread;
};

/* Opens the handles for the domain's memory and starts the thread; with @loop
 * given, no thread is started and that loop does the work. 0 or -errno. */
int worker_start(struct worker *worker, unsigned index, uint32_t domid, struct loop *loop);

/* Ends the thread; no queue may be running on it. */
void worker_stop(struct worker *worker);

/* From any thread: guest-physical mappings made until now are stale. */
void worker_invalidate(struct worker *worker);
