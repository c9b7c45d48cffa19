/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbd.h: a store in the server of nbd-server.h, and operations on it from several loops,
 * each with a thread.
 */
#ifndef NBD_H
#define NBD_H

#include <semaphore.h>

#include "devices/blk/store.h"
#include "unit/nbd-server.h"
#include "unit/unit.h"

#define LOOPS   3u
#define BYTES   4096u /* of most operations */
#define MANY    64u
#define QUICKLY 200000000ull /* ns */

extern struct loop *export_loops[LOOPS];
extern struct blk_store *export_store; /* if there is one it is closed in the end */
extern struct nbd_options export_options;
extern uint8_t export_buffers[MANY][BYTES], export_large[SERVER_BYTES];

void export_setup(void);
void export_teardown(void);

int export_open(bool again, struct reason *why); /* with these options */
void export_serve(void);                         /* the server runs, the store is open */
void export_restart(bool crashes);               /* it comes back as it was */
void export_fill(void);

/* ---- operations -------------------------------------------------------------------- */

struct operation {
	struct loop *loop;
	struct iovec piece;
	struct blk_io io;
	struct loop_work work;
	sem_t done;
	int err;
};

/* On the loop with this number: what @io says; or one of BYTES, from or to export_buffers[@block],
 * at its place. */
void export_begin_io(struct operation *operation, unsigned loop, struct blk_io io, void *data);
void export_begin(struct operation *operation, unsigned loop, enum blk_op op, unsigned block);

bool export_is_done(struct operation *operation);
int export_finish(struct operation *operation); /* waits: its result */

/* Both, on the first loop; the data is in export_large. */
int export_perform(enum blk_op op, unsigned block);
int export_perform_io(struct blk_io io);

/* A read on each, all at once. */
void export_use_all_loops(void);

/* The highest number that was used. */
unsigned export_connections_used(void);

#endif
