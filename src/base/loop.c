/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loop.c: the event loop on io_uring. */
#include "base/loop.h"

#include "base/log.h"
#include "base/util.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RING_ENTRIES 256
#define COMPLETIONS  8192 /* 16 full queues on one worker, twice */
#define NS_PER_S     1000000000ULL

#define UNSUBMITTED_TURNS 4

struct loop {
	struct io_uring ring;
	struct loop_op wake_op;
	uint64_t wake_count;
	int wake_fd;
	struct iovec registered;
	_Atomic(struct loop_work *) posted; /* newest first */
	struct loop_work *deferred, **deferred_tail;
	struct loop_timer *timers; /* soonest first */
	struct loop_poll *polls;
	struct loop_op timeout_op, ignored_op;
	struct __kernel_timespec timeout;
	uint64_t timeout_due;
	bool timeout_armed;
	unsigned unsubmitted; /* turns since the last call */
	atomic_bool stop;
};

static _Thread_local struct loop *own_loop;

uint64_t loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

struct io_uring_sqe *loop_sqe(struct loop *loop)
{
	struct io_uring_sqe *sqe;

	while (!(sqe = io_uring_get_sqe(&loop->ring))) {
		int submitted = io_uring_submit(&loop->ring);

		if (submitted < 0)
			log_guest("io_uring: %s", strerror(-submitted));
	}
	return sqe;
}

void loop_sqe_for(struct io_uring_sqe *sqe, struct loop_op *op)
{
	io_uring_sqe_set_data(sqe, op);
}

void loop_cancel(struct loop *loop, struct loop_op *op)
{
	struct io_uring_sqe *sqe = loop_sqe(loop);

	io_uring_prep_cancel(sqe, op, 0);
	loop_sqe_for(sqe, &loop->ignored_op);
}

int loop_register(struct loop *loop, void *base, size_t length)
{
	const struct iovec all = { .iov_base = base, .iov_len = length };
	int err = io_uring_register_buffers(&loop->ring, &all, 1);

	if (!err)
		loop->registered = all;
	return err;
}

bool loop_registered(const struct loop *loop, const void *base, size_t length)
{
	uintptr_t first = (uintptr_t)loop->registered.iov_base;
	uintptr_t offset = (uintptr_t)base - first;

	return offset < loop->registered.iov_len && length <= loop->registered.iov_len - offset;
}

static void arm_wake(struct loop *loop)
{
	struct io_uring_sqe *sqe = loop_sqe(loop);

	io_uring_prep_read(sqe, loop->wake_fd, &loop->wake_count, sizeof(loop->wake_count), 0);
	loop_sqe_for(sqe, &loop->wake_op);
}

static void timeout_done(struct loop_op *op, int result)
{
	(void)result;
	container_of(op, struct loop, timeout_op)->timeout_armed = false;
}

/* What changes another operation: where it was too late for that, that one is done as well. */
static void ignore(struct loop_op *op, int result)
{
	(void)op, (void)result;
}

static void woken(struct loop_op *op, int result)
{
	(void)result;
	arm_wake(container_of(op, struct loop, wake_op));
}

static int open_ring(struct loop *loop, unsigned flags)
{
	struct io_uring_params params = { .flags = IORING_SETUP_CQSIZE | flags,
					  .cq_entries = COMPLETIONS };

	return io_uring_queue_init_params(RING_ENTRIES, &loop->ring, &params);
}

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int err;

	if (!loop)
		return NULL;
	loop->deferred_tail = &loop->deferred;
	loop->wake_op.done = woken;
	loop->timeout_op.done = timeout_done;
	loop->ignored_op.done = ignore;
	loop->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (loop->wake_fd < 0)
		goto fail_free;
	err = open_ring(loop, IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER |
				      IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG);
	if (err == -EINVAL) /* before Linux 6.1 */
		err = open_ring(loop, IORING_SETUP_R_DISABLED);
	if (err) {
		errno = -err;
		goto fail_close;
	}
	arm_wake(loop);
	return loop;

fail_close:
	close(loop->wake_fd);
fail_free:
	free(loop);
	return NULL;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	io_uring_queue_exit(&loop->ring);
	close(loop->wake_fd);
	free(loop);
}

/* One-shot polls that are armed again make the watch level-triggered, and the
 * arming costs no call of its own: it goes in with the next turn's wait. */
static void arm_watch(struct loop_watch *watch)
{
	struct io_uring_sqe *sqe = loop_sqe(watch->loop);

	io_uring_prep_poll_add(sqe, watch->fd, POLLIN);
	loop_sqe_for(sqe, &watch->op);
	watch->armed = true;
}

static void watch_ready(struct loop_op *op, int result)
{
	struct loop_watch *watch = container_of(op, struct loop_watch, op);

	watch->armed = false;
	if (watch->ended)
		return;
	if (result < 0 && result != -EINTR && result != -EAGAIN) {
		log_error("poll of descriptor %d: %s", watch->fd, strerror(-result));
		return;
	}
	if (result > 0)
		watch->ready(watch);
	if (!watch->ended)
		arm_watch(watch);
}

void loop_watch(struct loop *loop, struct loop_watch *watch)
{
	watch->loop = loop;
	watch->op.done = watch_ready;
	watch->ended = false;
	arm_watch(watch);
}

bool loop_unwatch(struct loop_watch *watch)
{
	if (watch->armed && !watch->ended)
		loop_cancel(watch->loop, &watch->op);
	watch->ended = true;
	return !watch->armed;
}

static void wake(struct loop *loop)
{
	static const uint64_t one = 1;

	if (write(loop->wake_fd, &one, sizeof(one)) < 0)
		log_error("wake-up of a thread: %s", strerror(errno));
}

void loop_post(struct loop *loop, struct loop_work *work)
{
	struct loop_work *head;

	if (atomic_exchange(&work->queued, true))
		return;
	head = atomic_load(&loop->posted);
	do
		work->next = head;
	while (!atomic_compare_exchange_weak(&loop->posted, &head, work));
	if (!head && loop != own_loop)
		wake(loop);
}

void loop_defer(struct loop *loop, struct loop_work *work)
{
	if (atomic_exchange(&work->queued, true))
		return;
	work->next = NULL;
	*loop->deferred_tail = work;
	loop->deferred_tail = &work->next;
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer **at;

	if (!timer->armed)
		return;
	for (at = &loop->timers; *at != timer; at = &(*at)->next)
		;
	*at = timer->next;
	timer->armed = false;
}

void loop_timer(struct loop *loop, struct loop_timer *timer, uint64_t ns)
{
	struct loop_timer **at;

	loop_timer_cancel(loop, timer);
	timer->due = loop_now() + ns;
	timer->armed = true;
	for (at = &loop->timers; *at && (*at)->due <= timer->due; at = &(*at)->next)
		;
	timer->next = *at;
	*at = timer;
}

void loop_poll(struct loop *loop, struct loop_poll *poll)
{
	if (poll->polling)
		return;
	poll->next = loop->polls;
	loop->polls = poll;
	poll->polling = true;
}

void loop_poll_end(struct loop *loop, struct loop_poll *poll)
{
	struct loop_poll **at;

	if (!poll->polling)
		return;
	for (at = &loop->polls; *at != poll; at = &(*at)->next)
		;
	*at = poll->next;
	poll->polling = false;
}

static void run_work(struct loop_work *work)
{
	/* From here on it may be posted again, even by itself. */
	atomic_store(&work->queued, false);
	work->run(work);
}

static void run_posted(struct loop *loop)
{
	struct loop_work *work = atomic_exchange(&loop->posted, NULL);
	struct loop_work *oldest_first = NULL, *next;

	for (; work; work = next) {
		next = work->next;
		work->next = oldest_first;
		oldest_first = work;
	}
	for (work = oldest_first; work; work = next) {
		next = work->next;
		run_work(work);
	}
}

static void run_deferred(struct loop *loop)
{
	struct loop_work *work;

	while ((work = loop->deferred)) {
		loop->deferred = work->next;
		if (!loop->deferred)
			loop->deferred_tail = &loop->deferred;
		run_work(work);
	}
}

static void run_timers(struct loop *loop)
{
	uint64_t now;

	if (!loop->timers)
		return;
	now = loop_now();
	while (loop->timers && loop->timers->due <= now) {
		struct loop_timer *timer = loop->timers;

		loop->timers = timer->next;
		timer->armed = false;
		timer->fire(timer);
	}
}

static void run_polls(struct loop *loop)
{
	struct loop_poll *poll, *next;

	for (poll = loop->polls; poll; poll = next) {
		next = poll->next;
		poll->look(poll);
	}
}

/* Enters the kernel only where it says that something has to be done there. */
static void run_completions(struct loop *loop)
{
	struct io_uring_cqe *cqe;

	while (!io_uring_peek_cqe(&loop->ring, &cqe)) {
		struct loop_op *op = io_uring_cqe_get_data(cqe);
		int result = cqe->res;

		io_uring_cqe_seen(&loop->ring, cqe);
		op->done(op, result);
	}
}

/* One timeout in the ring, moved only when a timer comes that is due before. */
static void arm_timeout(struct loop *loop)
{
	struct io_uring_sqe *sqe;

	if (!loop->timers || (loop->timeout_armed && loop->timeout_due <= loop->timers->due))
		return;
	sqe = loop_sqe(loop);
	loop->timeout_due = loop->timers->due;
	loop->timeout.tv_sec = (long long)(loop->timeout_due / NS_PER_S);
	loop->timeout.tv_nsec = (long long)(loop->timeout_due % NS_PER_S);
	if (loop->timeout_armed) {
		io_uring_prep_timeout_update(sqe, &loop->timeout, (uintptr_t)&loop->timeout_op,
					     IORING_TIMEOUT_ABS);
		loop_sqe_for(sqe, &loop->ignored_op);
		return;
	}
	io_uring_prep_timeout(sqe, &loop->timeout, 0, IORING_TIMEOUT_ABS);
	loop_sqe_for(sqe, &loop->timeout_op);
	loop->timeout_armed = true;
}

/* While there is work, what was prepared may wait for a call that is made anyway,
 * but not for long. */
static void wait_for_something(struct loop *loop)
{
	bool busy = atomic_load(&loop->posted) || atomic_load(&loop->stop);

	arm_timeout(loop);
	if (busy && ++loop->unsubmitted < UNSUBMITTED_TURNS)
		return;
	if (busy || loop->polls)
		io_uring_submit(&loop->ring); /* no call if there is nothing */
	else
		io_uring_submit_and_wait(&loop->ring, 1);
	loop->unsubmitted = 0;
}

/* The ring is this thread's from here on. (liburing 2.3 forgot to export its
 * io_uring_enable_rings().) */
static void enable_ring(struct loop *loop)
{
	syscall(__NR_io_uring_register, loop->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

void loop_run(struct loop *loop)
{
	own_loop = loop;
	enable_ring(loop);
	while (!atomic_load(&loop->stop)) {
		wait_for_something(loop);
		run_completions(loop);
		run_posted(loop);
		run_timers(loop);
		run_polls(loop);
		run_deferred(loop);
	}
	own_loop = NULL;
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->stop, true);
	wake(loop);
}
