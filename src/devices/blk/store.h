/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.h: where the sectors live.
 *
 * submit() never waits and never calls done() itself: the result arrives on
 * the loop given, in a later turn. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/reason.h"

enum blk_op { BLK_READ, BLK_WRITE, BLK_FLUSH };

/* One operation. The range was checked against the store's size. Its bytes are
 * in one bounce buffer; or, for stores that copy, in pieces of guest memory that
 * the kernel may copy from and to, and nobody else may look at. */
struct blk_io {
	enum blk_op op;
	bool stable; /* a write that must be on stable storage when done */
	uint64_t offset;
	uint32_t length;
	const struct iovec *pieces; /* of @length bytes in all */
	unsigned npieces;
	void (*done)(struct blk_io *io, int err); /* 0 or -errno, all or nothing */

	/* The store's. */
	struct blk_store *store;
	struct loop *loop;
	struct loop_op loop_op;
	struct loop_work work;
	uint32_t moved;
};

struct blk_store_ops {
	void (*submit)(struct blk_store *store, struct loop *loop, struct blk_io *io);
	void (*close)(struct blk_store *store);
};

struct blk_store {
	const struct blk_store_ops *ops;
	uint64_t size; /* bytes */
	bool readonly;
	bool copies; /* the kernel copies and never pins what it is given */
};

/* A file or a block device, through io_uring. A lock that somebody has is waited for
 * a second; @again is for who comes back often: then there is no waiting at all, and
 * a look is all that a path takes that does not suit. Returns 0, or -errno with the
 * reason (none for -ENOMEM): -EAGAIN if it may come yet. */
int file_store_open(const char *path, bool readonly, bool again, struct blk_store **store,
		    struct reason *why);

/* Nothing: reads give zeroes, writes vanish. For measuring. */
int null_store_open(uint64_t size, bool readonly, struct blk_store **store);
