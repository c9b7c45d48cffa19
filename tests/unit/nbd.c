/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbd.c: see nbd.h. */
#include "unit/nbd.h"

#include <pthread.h>

struct loop *export_loops[LOOPS];
struct blk_store *export_store;
struct nbd_options export_options;
uint8_t export_buffers[MANY][BYTES], export_large[SERVER_BYTES];

static pthread_t threads[LOOPS];

static void *thread_main(void *arg)
{
	loop_run(arg);
	return NULL;
}

void export_setup(void)
{
	unsigned i;

	server_init();
	for (i = 0; i < LOOPS; i++) {
		export_loops[i] = loop_new();
		ck_assert_ptr_nonnull(export_loops[i]);
		pthread_create(&threads[i], NULL, thread_main, export_loops[i]);
	}
	export_options = (struct nbd_options){ .uri = server_uri, .timeout = 10 };
}

/* In the order of the daemon: loops, then stores. */
void export_teardown(void)
{
	unsigned i;

	for (i = 0; i < LOOPS; i++) {
		loop_stop(export_loops[i]);
		pthread_join(threads[i], NULL);
		loop_free(export_loops[i]);
	}
	if (export_store)
		export_store->ops->close(export_store);
	server_remove();
}

int export_open(bool again, struct reason *why)
{
	return nbd_store_open(&export_options, again, &export_store, why);
}

void export_serve(void)
{
	struct reason why = { 0 };

	server_start();
	ck_assert_msg(!export_open(false, &why), "%s", why.text);
}

/* ---- operations -------------------------------------------------------------------- */

static void done(struct blk_io *io, int err)
{
	struct operation *operation = container_of(io, struct operation, io);

	operation->err = err;
	sem_post(&operation->done);
}

static void submit(struct loop_work *work)
{
	struct operation *operation = container_of(work, struct operation, work);

	export_store->ops->submit(export_store, operation->loop, &operation->io);
}

void export_begin_io(struct operation *operation, unsigned loop, struct blk_io io, void *data)
{
	*operation = (struct operation){ .loop = export_loops[loop],
					 .piece = { data, io.length },
					 .io = io,
					 .work = { .run = submit } };
	operation->io.pieces = &operation->piece;
	operation->io.npieces = 1;
	operation->io.done = done;
	sem_init(&operation->done, 0, 0);
	loop_post(export_loops[loop], &operation->work);
}

void export_begin(struct operation *operation, unsigned loop, enum blk_op op, unsigned block)
{
	const struct blk_io io = { .op = op,
				   .offset = op == BLK_FLUSH ? 0 : block * BYTES,
				   .length = op == BLK_FLUSH ? 0 : BYTES };

	export_begin_io(operation, loop, io, export_buffers[block]);
}

int export_finish(struct operation *operation)
{
	sem_wait(&operation->done);
	return operation->err;
}

bool export_is_done(struct operation *operation)
{
	int value;

	sem_getvalue(&operation->done, &value);
	return value;
}

int export_perform(enum blk_op op, unsigned block)
{
	struct operation operation;

	export_begin(&operation, 0, op, block);
	return export_finish(&operation);
}

int export_perform_io(struct blk_io io)
{
	struct operation operation;

	export_begin_io(&operation, 0, io, export_large);
	return export_finish(&operation);
}

void export_fill(void)
{
	unsigned i, j;

	for (i = 0; i < MANY; i++)
		for (j = 0; j < BYTES; j++)
			export_buffers[i][j] = (uint8_t)unit_random(256);
}

/* It comes back as it was. */
void export_restart(bool crashes)
{
	server_stop(crashes);
	server_start();
}

unsigned export_connections_used(void)
{
	unsigned i, used = 0;

	for (i = 0; i < nbd_server.nlog; i++)
		if (nbd_server.log[i].connection > used)
			used = nbd_server.log[i].connection;
	return used;
}

void export_use_all_loops(void)
{
	struct operation operations[LOOPS];
	unsigned i;

	for (i = 0; i < LOOPS; i++)
		export_begin(&operations[i], i, BLK_READ, i);
	for (i = 0; i < LOOPS; i++)
		ck_assert_int_eq(export_finish(&operations[i]), 0);
}
