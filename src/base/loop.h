/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loop.h: one thread's event loop, which is an io_uring.
 *
 * File descriptors to watch, file I/O, timers and messages from other threads
 * all meet in one wait: a turn is one io_uring_enter() that submits what the
 * last turn prepared and waits for what is next. Each turn runs completions,
 * then messages, then timers, then what was deferred to its end (where
 * batches are flushed).
 *
 * Only loop_post() and loop_stop() may be called from another thread. */
#pragma once
#include <liburing.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;

/* An operation in the io_uring. Embed it; done() gets the CQE's result. */
struct loop_op {
	void (*done)(struct loop_op *op, int result);
};

/* A descriptor: ready() runs in each turn in which it is readable. */
struct loop_watch {
	void (*ready)(struct loop_watch *watch);
	int fd;
	struct loop *loop;
	struct loop_op op;
	bool armed, ended;
};

/* Something to run later. Queued at most once at a time: a second post of the
 * same work before it has begun to run is the same as one. */
struct loop_work {
	void (*run)(struct loop_work *work);
	struct loop_work *next;
	atomic_bool queued;
};

/* Something that wakes nobody: look() runs in each turn, and the loop does not sleep. */
struct loop_poll {
	void (*look)(struct loop_poll *poll);
	struct loop_poll *next;
	bool polling;
};

struct loop_timer {
	void (*fire)(struct loop_timer *timer);
	uint64_t due; /* ns, CLOCK_MONOTONIC */
	struct loop_timer *next;
	bool armed;
};

/* NULL with errno set (ENOSYS, EPERM: this kernel or host forbids io_uring). */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* Runs turns on the calling thread until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Watches @watch->fd until the loop is freed, or the watch ends. */
void loop_watch(struct loop *loop, struct loop_watch *watch);

/* It ends. False while the io_uring still has it: ask again, in a later turn. */
bool loop_unwatch(struct loop_watch *watch);

/* An SQE, never NULL: prepare it by an io_uring_prep_*() call, then name the
 * operation that completes with it. It is submitted with the next turn. Before
 * loop_run() there is room for a few only. */
struct io_uring_sqe *loop_sqe(struct loop *loop);
void loop_sqe_for(struct io_uring_sqe *sqe, struct loop_op *op);

/* The operation, if it is in the io_uring, soon completes with -ECANCELED; or it does as it
 * would have. */
void loop_cancel(struct loop *loop, struct loop_op *op);

/* Makes memory known to the kernel beforehand, once: then the *_fixed operations
 * with buffer 0 may use it. 0 or -errno. */
int loop_register(struct loop *loop, void *base, size_t length);

/* True if all of it was registered. */
bool loop_registered(const struct loop *loop, const void *base, size_t length);

/* Runs @work on @loop's thread, in the order of posting. */
void loop_post(struct loop *loop, struct loop_work *work);

/* Runs @work at the end of this turn; deferred work may defer more. */
void loop_defer(struct loop *loop, struct loop_work *work);

/* Fires once, @ns from now; arming again moves it. */
void loop_timer(struct loop *loop, struct loop_timer *timer, uint64_t ns);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);

/* From here on, until the end, which look() may call for its own. A turn in which there is
 * nothing to do costs no system call. */
void loop_poll(struct loop *loop, struct loop_poll *poll);
void loop_poll_end(struct loop *loop, struct loop_poll *poll);

/* ns, CLOCK_MONOTONIC. */
uint64_t loop_now(void);
