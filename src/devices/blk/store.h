/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.h: where the sectors live.
 *
 * submit() never waits and never calls done() itself: the result arrives on
 * the loop given, in a later turn. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/opener.h"
#include "base/loop.h"
#include "base/reason.h"

enum blk_op { BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_DISCARD, BLK_WRITE_ZEROES };
#define BLK_OPS (BLK_WRITE_ZEROES + 1U)

/* One operation. The range was checked against the store's size. The bytes of a read
 * or a write are in one bounce buffer; or, for stores that copy, in pieces of guest
 * memory that the kernel may copy from and to, and nobody else may look at. */
struct blk_io {
	enum blk_op op;
	bool stable; /* what it writes must be on stable storage when it is done */
	bool unmap;  /* zeroes: their space may be given back */
	uint64_t offset, length;
	const struct iovec *pieces; /* of @length bytes in all */
	unsigned npieces;
	/* 0 or -errno, all or nothing. -EOPNOTSUPP of a discard or of zeroes: there is
	 * no such thing here. A discard is only a wish, and zeroes can be written. -ESTALE of
	 * a flush: writes before it may be lost, and another one cannot know. */
	void (*done)(struct blk_io *io, int err);

	/* The store's, which may be read while the operation is under way. */
	struct blk_store *store;
	struct loop *loop;
	struct loop_op loop_op;
	struct loop_work work;
	uint64_t moved;
	uint8_t way, tries;
	bool cached;
	int err;
	struct nbd_lane *lane;
	TAILQ_ENTRY(blk_io) entry;
	uint64_t epoch, covers, mark;
};

struct blk_store_ops {
	void (*submit)(struct blk_store *store, struct loop *loop, struct blk_io *io);
	/* On main: the size may be another one now. 0 or -errno, and it is as before.
	 * NULL where it never changes. */
	int (*look_again)(struct blk_store *store);
	/* On @loop: what came from there and waits for the store to come back ends now,
	 * with an error. NULL where nothing waits. */
	void (*give_up)(struct blk_store *store, struct loop *loop);
	/* On @loop, from where no operation is under way: ends what the store has there. True if
	 * there is nothing; asked again if not. NULL where it always is so. */
	bool (*quiet)(struct blk_store *store, struct loop *loop);
	void (*close)(struct blk_store *store); /* no operation is under way */
};

/* For stores: the end of an operation that began in this turn, in a later one. */
void blk_io_end(struct loop_work *work);

static inline void blk_io_answer(struct blk_io *io, struct loop *loop, int err)
{
	io->err = err;
	io->work.run = blk_io_end;
	loop_post(loop, &io->work);
}

/* What of a guest's writes may be lost when the power fails, before it flushes. */
enum blk_cache {
	BLK_CACHE_AUTO,         /* NONE for block devices, else WRITEBACK */
	BLK_CACHE_NONE,         /* past our page cache; what the store's own holds */
	BLK_CACHE_WRITEBACK,    /* through our page cache */
	BLK_CACHE_WRITETHROUGH, /* nothing, unless the guest wants it so */
};

/* How the store is made, for guests to lay out what they write; bytes, powers of two. */
struct blk_geometry {
	uint32_t block;          /* that it is addressed by; any sector may be asked for */
	uint32_t physical;       /* block that is written at once, no smaller */
	uint32_t smallest, best; /* transfers; best may be any; 0: it does not matter */
	uint32_t begin;          /* of the first physical block, if not at 0 */
	uint32_t discard;        /* what can be given back is so large, and so aligned */
};

#define BLK_GEOMETRY_PLAIN                                                     \
	{                                                                      \
		.block = 512, .physical = 512, .smallest = 512, .discard = 512 \
	}

struct blk_store {
	const struct blk_store_ops *ops;
	_Atomic uint64_t size; /* bytes */
	struct blk_geometry geometry;
	bool readonly;
	bool copies; /* the kernel copies and never pins what it is given */
};

struct file_options {
	const char *path;
	bool readonly;
	enum blk_cache cache;
	uint32_t block; /* 512 or 4096 bytes; 0: as a device is made, and 512 for files */
};

/* A file or a block device, through io_uring. A lock that somebody has is waited for
 * a second; @again is for who comes back often: then there is no waiting at all, and
 * a look is all that a path takes that does not suit. Returns 0, or -errno with the
 * reason (none for -ENOMEM): -EAGAIN if it may come yet. */
int file_store_open(const struct file_options *options, bool again, struct blk_store **store,
		    struct reason *why);

/* What it has the opener open. */
void file_store_names(const char *path, bool readonly, opener_add *add, void *arg);

struct nbd_options {
	const char *uri;  /* or "unix:PATH" */
	uint64_t timeout; /* seconds that requests wait for the server; 0: for ever */
	bool readonly;
};

/* An export of an NBD server. The URI stays valid until it is closed. The first time
 * *@store is NULL, and the server has some seconds to answer; if it does not, and @again,
 * there is no waiting. Returns 0, or -errno with the reason (none for -ENOMEM): -EAGAIN if
 * it may come yet; *@store, if not NULL, is then what is on its way, and the caller's. */
int nbd_store_open(const struct nbd_options *options, bool again, struct blk_store **store,
		   struct reason *why);

/* Nothing: reads give zeroes, writes vanish. For measuring. */
int null_store_open(uint64_t size, bool readonly, struct blk_store **store);
