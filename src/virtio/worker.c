/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker.c: start and end of worker threads. */
#include "virtio/worker.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "memory/bounce.h"
#include "memory/foreign.h"
#include "memory/grants.h"

static void *thread_main(void *arg)
{
	struct worker *worker = arg;

	loop_run(worker->loop);
	return NULL;
}

static void trim(struct loop_work *work)
{
	foreign_trim(container_of(work, struct worker, trim)->foreign);
}

/* Signals are the main thread's. */
static int start_thread(struct worker *worker, unsigned index)
{
	sigset_t all, before;
	char name[16];
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&worker->thread, NULL, thread_main, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	worker->own_thread = true;
	snprintf(name, sizeof(name), "worker/%u", index);
	pthread_setname_np(worker->thread, name);
	return 0;
}

static int open_memory(struct worker *worker, const struct worker_options *options)
{
	unsigned pages;
	void *rest;
	int err;

	own_open(&worker->own);
	err = grants_open(options->domid, &worker->own, &worker->grants);
	if (!err)
		err = foreign_open(options->domid, &options->foreign, &worker->foreign);
	if (err)
		return err;
	rest = own_rest(&worker->own, &pages);
	worker->bounce = bounce_new(options->bounce_bytes, rest, pages);
	return worker->bounce ? 0 : -ENOMEM;
}

/* Without it all works, only slower. */
static void register_bounce(struct worker *worker)
{
	size_t length;
	void *base;
	int err;

	bounce_ordinary(worker->bounce, &base, &length);
	err = length ? loop_register(worker->loop, base, length) : 0;
	if (err)
		log_warning("the bounce buffers cannot be registered with io_uring: %s%s",
			    strerror(-err), err == -ENOMEM ? " (RLIMIT_MEMLOCK?)" : "");
}

static int start_loop(struct worker *worker, unsigned index)
{
	int err;

	worker->loop = loop_new();
	if (!worker->loop)
		return -errno;
	register_bounce(worker);
	err = start_thread(worker, index);
	if (!err)
		return 0;
	loop_free(worker->loop);
	worker->loop = NULL;
	return err;
}

int worker_start(struct worker *worker, unsigned index, const struct worker_options *options,
		 struct loop *loop)
{
	int err;

	*worker = (struct worker){ .loop = loop, .trim = { .run = trim } };
	err = open_memory(worker, options);
	if (!err && loop) {
		register_bounce(worker);
	} else if (!err) {
		err = start_loop(worker, index);
		if (err)
			log_error("cannot start worker %u: %s", index, strerror(-err));
	}
	if (err)
		worker_stop(worker);
	return err;
}

struct call {
	struct loop_work work;
	void (*run)(void *arg);
	void *arg;
	sem_t done;
};

static void run_call(struct loop_work *work)
{
	struct call *call = container_of(work, struct call, work);

	call->run(call->arg);
	sem_post(&call->done);
}

void worker_call(struct worker *worker, void (*run)(void *arg), void *arg)
{
	struct call call = { .work.run = run_call, .run = run, .arg = arg };

	if (!worker->own_thread) {
		run(arg);
		return;
	}
	sem_init(&call.done, 0, 0);
	loop_post(worker->loop, &call.work);
	while (sem_wait(&call.done))
		;
	sem_destroy(&call.done);
}

static void end_thread(struct worker *worker)
{
	if (!worker->own_thread)
		return;
	loop_stop(worker->loop);
	pthread_join(worker->thread, NULL);
}

static void free_loop(struct worker *worker)
{
	if (worker->own_thread)
		loop_free(worker->loop);
	worker->own_thread = false;
}

void workers_quit(struct worker *workers, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++)
		end_thread(&workers[i]);
	for (i = 0; i < count; i++)
		free_loop(&workers[i]);
}

void worker_stop(struct worker *worker)
{
	workers_quit(worker, 1);
	bounce_free(worker->bounce);
	foreign_close(worker->foreign);
	grants_close(worker->grants);
	own_close(&worker->own);
	*worker = (struct worker){ 0 };
}

void worker_stats(const struct worker *worker, unsigned index, const struct stats *stats)
{
	const struct grants_counters *grants = grants_counters(worker->grants);
	const struct {
		const char *key;
		uint64_t value;
	} lines[] = {
		{ "grant-copies", counter_read(&grants->copies) },
		{ "grant-pieces", counter_read(&grants->pieces) },
		{ "grant-maps", counter_read(&grants->maps) },
		{ "grant-unmaps", counter_read(&grants->unmaps) },
		{ "foreign-maps", foreign_maps(worker->foreign) },
	};
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		stats_part(stats, "worker", index, lines[i].key, lines[i].value);
}

void worker_invalidate(struct worker *worker)
{
	foreign_invalidate(worker->foreign);
	loop_post(worker->loop, &worker->trim);
}
