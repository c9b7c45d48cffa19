/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.h: a store in a file of the test's own, and operations on it, which run on
 * a loop's thread.
 */
#ifndef STORE_H
#define STORE_H

#include <semaphore.h>

#include "devices/blk/store.h"
#include "unit/unit.h"

#define FILE_BYTES 262144u
#define MAX_IO     65536u

extern char store_dir[], store_path[]; /* an empty folder, and in it what is to be the file */
extern struct loop *store_loop;
extern struct blk_store *store; /* if there is one it is closed in the end */
extern uint8_t store_contents[FILE_BYTES];
extern _Alignas(4096) uint8_t store_buffer[MAX_IO];

void store_setup(void);
void store_teardown(void);

/* The file, with store_contents; returns a descriptor. */
int store_make_file(void);

/* What file_store_open() says. */
int store_open(bool readonly, enum blk_cache cache);

/* Of that store; false, and no store, where the file system does nothing past the page cache. */
bool store_open_direct(void);

/* How many of the file's pages are in the page cache. */
unsigned store_cached_pages(void);

/* From here on the path leads to a block device of so large blocks, in the file that is
 * there. False where that is not permitted. */
bool store_make_device(uint32_t block);

/* ---- operations ---------------------------------------------------------------- */

struct transfer {
	struct iovec piece;
	struct blk_io io;
	struct loop_work submit;
	sem_t done;
	int err;
	uint32_t most; /* bytes that the kernel moves at once; 0: as it likes */
	unsigned agains;
	/* Sees the result first, if there is one; then it calls @transferred. */
	void (*meddle)(struct loop_op *op, int result);
	void (*transferred)(struct loop_op *op, int result);
};

/* Starts what @transfer->io says. */
void transfer_start(struct transfer *transfer);
void transfer_begin(struct transfer *transfer, enum blk_op op, uint64_t offset, uint32_t length,
		    void *data);
int transfer_finish(struct transfer *transfer);

/* How many operations of the kernel's it is made of: static, since it is used until it ends. */
extern unsigned transfer_steps;
void transfer_count(struct loop_op *op, int result); /* a meddler */

/* One, from or to the beginning of store_buffer: its result. */
int store_perform(enum blk_op op, uint64_t offset, uint32_t length);

#endif
