/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbd.h: what the files of the NBD store share; nbd.c has the theory. */
#pragma once
#include <libnbd.h>
#include <pthread.h>

#include "devices/blk/store.h"

#define NBD_LANES_MAX 16 /* as many loops as a disk has queues */

/* One connection. Made by the store's thread; a lane's once it is taken. */
struct nbd_link {
	struct nbd_handle *nbd;
	int fd;         /* of its socket, our own, so that any thread may shut it down */
	uint64_t epoch; /* the session's */
	uint64_t size;
	uint32_t most;  /* bytes of one command */
	uint32_t liked; /* bytes: blocks of this size are written at once */
	bool fua, flush, trim, zero, multi;
	bool proved; /* it leads where the session's first one does */
	bool taken;

	/* The lane's. */
	struct nbd_lane *lane;
	struct loop_op readable, writable;
	bool reading, writing; /* these are in the io_uring */
	bool shutting_down;    /* the server said so */
};

TAILQ_HEAD(blk_ios, blk_io);

/* What one loop has to do with the store. All but the first fields are its thread's. */
struct nbd_lane {
	struct nbd_store *store;
	struct loop *loop;
	unsigned index;
	atomic_bool waits;    /* for a session: who makes one posts @news */
	atomic_bool forsaken; /* what waits is not wanted any more */
	struct loop_work news;
	struct loop_work go_on; /* deferred */

	struct nbd_link *link;
	const struct blk_io *proof; /* if this one succeeds elsewhere, our link is proved */
	struct blk_ios waiting;     /* not sent */
	struct blk_ios flight;      /* sent, in this order */
	struct blk_ios answered;    /* by the server */
	struct blk_ios ended;       /* without it */
	struct loop_timer patience;
};

struct nbd_store {
	struct blk_store store;
	struct nbd_options options;
	_Atomic uint64_t epoch; /* odd: a session; even: none. Counts both. */
	atomic_bool useful;     /* the session has done something */
	struct nbd_lane lanes[NBD_LANES_MAX];
	_Atomic unsigned nlanes, nlinks;

	pthread_t thread; /* makes connections */
	pthread_mutex_t lock;
	pthread_cond_t news; /* for the thread, and for who opens the store */
	atomic_bool closing;

	/* By the lock. */
	struct nbd_link *links[NBD_LANES_MAX]; /* of the session, by lane */
	uint64_t seen_size;                    /* when it was connected last */
	uint64_t began;                        /* ns: the last session */
	uint64_t since;                        /* ns: without one that did something */
	unsigned pause_ms;                     /* before the next try */
	bool alone;                            /* the thread's: there will be no more links */
	bool tried;
	int err; /* the last try's */
	struct reason why;
	/* Writes acknowledged, how many of these were flushed, and how many there were when
	 * some were lost. Flushes of up to this epoch fail, and others until one has that
	 * began after all that is lost. */
	uint64_t written, flushed, lost, doomed;
	bool owed;
};

static inline bool nbd_connected(uint64_t epoch)
{
	return epoch & 1;
}

/* ---- nbd-link.c -------------------------------------------------------------------- */

/* A new connection, made within @patience ns. Waits, but ends soon when @stop is set.
 * 0 or -errno with the reason: -EAGAIN if it may come yet. */
int nbd_link_open(const struct nbd_options *options, uint64_t patience, const atomic_bool *stop,
		  struct nbd_link **link, struct reason *why);
/* Nothing of it is in an io_uring. What was under way is called back with ENOTCONN. */
void nbd_link_close(struct nbd_link *link);

/* Nothing comes from there any more. */
bool nbd_link_over(const struct nbd_link *link);

/* ---- nbd-session.c: from any thread ------------------------------------------------ */

void *nbd_session_thread(void *store);

/* The session of @link is over. */
void nbd_session_end(struct nbd_store *nbd, const struct nbd_link *link, const char *why);

/* True if there has been no session for so long that requests fail; else how many ns
 * it is until then, 0 for ever. */
bool nbd_session_overdue(struct nbd_store *nbd, uint64_t *left);

/* The lane's link in this session, which is taken by that; NULL if it has none. */
struct nbd_link *nbd_session_take(struct nbd_store *nbd, const struct nbd_lane *lane);
/* The lane may have its link: what it sent by the first one, after this was made, was answered. */
void nbd_session_proved(struct nbd_store *nbd, const struct nbd_lane *lane, uint64_t epoch);
bool nbd_session_wants_proof(struct nbd_store *nbd, const struct nbd_lane *lane);
void nbd_session_drop(struct nbd_store *nbd, struct nbd_link *link); /* and frees it */

/* This flush begins; it comes to be sent: false if it has to fail, else it is marked. */
void nbd_session_note(struct nbd_store *nbd, struct blk_io *io);
bool nbd_session_flush(struct nbd_store *nbd, struct blk_io *io);
void nbd_session_mark(struct nbd_store *nbd, struct blk_io *io); /* it is to flush */
/* An operation was done by @link. False if it counts for nothing, since its session is over. */
bool nbd_session_done(struct nbd_store *nbd, const struct nbd_link *link, const struct blk_io *io);

/* ---- nbd-lane.c: on the lane's thread ---------------------------------------------- */

void nbd_lane_init(struct nbd_lane *lane, struct nbd_store *store, struct loop *loop,
		   unsigned index);
void nbd_lane_submit(struct nbd_lane *lane, struct blk_io *io);
void nbd_lane_give_up(struct nbd_lane *lane);
bool nbd_lane_quiet(struct nbd_lane *lane);

/* ---- nbd.c ------------------------------------------------------------------------- */

/* The lane of the loop that this thread runs, or that it has heard of. */
struct nbd_lane *nbd_lane_of(struct nbd_store *nbd, struct loop *loop);
