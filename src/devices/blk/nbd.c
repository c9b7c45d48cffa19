/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbd.c: an export of an NBD server, through libnbd.
 *
 * Theory of operation. A session with the server is one connection, or as many as loops
 * use the store if the server allows that (multi-conn). A thread of the store makes them:
 * looking a name up blocks, in libnbd as everywhere, and so it blocks nobody else. A
 * connection is then used by one loop only, whose lane owns it. The lane of a loop without
 * a connection hands its operations to the first lane, by posted work, and gets them back
 * so. A connection that is added to a session is used only when an operation that was sent
 * after it was made has been answered on the first one: so both lead to the same server.
 *
 * A session ends with the first connection that does, or when the server says that it is
 * about to; all its connections are shut down. What was not answered waits again, in its
 * order, and is sent in the next session; sending it twice does no harm, since the guest
 * has not heard of it: where only the connection was cut, an old server process could
 * still do it late, which no client can rule out. An answer that a lane finds when the
 * session is over counts for nothing. The thread tries again after 100 ms, 200 ms and so
 * on up to 5 s. Requests wait for that, up to the timeout; then they fail until there is a
 * session again. A server that is connected and silent is waited for as a slow disk would
 * be, a peer that vanished is noticed by TCP's own means.
 *
 * What is lost: the server may have acknowledged writes that it had not flushed. Writes
 * acknowledged are counted; a flush, when it is sent, notes the count, and when it is
 * answered what it noted is safe. If a session ends with writes that are not, the flushes
 * that were under way fail, and the next one does, once, unless one of those began after
 * all these writes: only then has their author been told. Writes with FUA are not counted,
 * nor those that a flush of ours follows, where the server knows no FUA.
 *
 * While no operation is under way nothing of the store is in a loop: a connection that
 * ended meanwhile is noticed by the next operation. Data moves from and to the one bounce
 * buffer, as libnbd knows no scattered transfers. It allocates some bytes for each
 * command, which is the only such place on the data path. The server sees whole sectors,
 * and one that takes only larger blocks is refused: to read what is around a write and
 * write it back would need an order among the guest's requests, and there are servers that
 * do it. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/util.h"
#include "devices/blk/nbd.h"

static struct nbd_store *of(struct blk_store *store)
{
	return container_of(store, struct nbd_store, store);
}

/* ---- lanes ------------------------------------------------------------------------- */

static struct nbd_lane *find_lane(struct nbd_store *nbd, const struct loop *loop)
{
	unsigned i, count = nbd->nlanes;

	for (i = 0; i < count; i++)
		if (nbd->lanes[i].loop == loop)
			return &nbd->lanes[i];
	return NULL;
}

/* The thread may be waiting for somebody who would use another connection. */
static struct nbd_lane *add_lane(struct nbd_store *nbd, struct loop *loop)
{
	struct nbd_lane *lane;

	pthread_mutex_lock(&nbd->lock);
	lane = &nbd->lanes[nbd->nlanes];
	nbd_lane_init(lane, nbd, loop, nbd->nlanes);
	nbd->nlanes++;
	pthread_cond_broadcast(&nbd->news);
	pthread_mutex_unlock(&nbd->lock);
	return lane;
}

struct nbd_lane *nbd_lane_of(struct nbd_store *nbd, struct loop *loop)
{
	struct nbd_lane *lane = find_lane(nbd, loop);

	return lane ? lane : add_lane(nbd, loop);
}

/* ---- operations of the store ------------------------------------------------------- */

static void submit(struct blk_store *store, struct loop *loop, struct blk_io *io)
{
	nbd_lane_submit(nbd_lane_of(of(store), loop), io);
}

static void give_up(struct blk_store *store, struct loop *loop)
{
	struct nbd_lane *lane = find_lane(of(store), loop);

	if (lane)
		nbd_lane_give_up(lane);
}

static bool quiet(struct blk_store *store, struct loop *loop)
{
	struct nbd_lane *lane = find_lane(of(store), loop);

	return !lane || nbd_lane_quiet(lane);
}

/* The protocol tells a size only to who connects. */
static int look_again(struct blk_store *store)
{
	struct nbd_store *nbd = of(store);

	pthread_mutex_lock(&nbd->lock);
	store->size = nbd->seen_size;
	pthread_mutex_unlock(&nbd->lock);
	return 0;
}

static void stop_thread(struct nbd_store *nbd)
{
	pthread_mutex_lock(&nbd->lock);
	atomic_store(&nbd->closing, true);
	pthread_cond_broadcast(&nbd->news);
	pthread_mutex_unlock(&nbd->lock);
	pthread_join(nbd->thread, NULL);
}

static void close_store(struct blk_store *store)
{
	struct nbd_store *nbd = of(store);
	unsigned i;

	stop_thread(nbd);
	for (i = 0; i < NBD_LANES_MAX; i++) {
		if (nbd->links[i] && !nbd->links[i]->taken)
			nbd_link_close(nbd->links[i]);
		if (nbd->lanes[i].link)
			nbd_link_close(nbd->lanes[i].link);
	}
	pthread_cond_destroy(&nbd->news);
	pthread_mutex_destroy(&nbd->lock);
	free(nbd);
}

static const struct blk_store_ops ops = {
	.submit = submit,
	.look_again = look_again,
	.give_up = give_up,
	.quiet = quiet,
	.close = close_store,
};

/* ---- opening ----------------------------------------------------------------------- */

/* Signals are the main thread's. */
static int start_thread(struct nbd_store *nbd)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&nbd->thread, NULL, nbd_session_thread, nbd);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!err)
		pthread_setname_np(nbd->thread, "nbd");
	return -err;
}

static void init_lock(struct nbd_store *nbd)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&nbd->news, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&nbd->lock, NULL);
}

static int make_store(const struct nbd_options *options, struct blk_store **store)
{
	struct nbd_store *nbd = calloc(1, sizeof(*nbd));
	int err;

	if (!nbd)
		return -ENOMEM;
	nbd->options = *options;
	nbd->store = (struct blk_store){ .ops = &ops,
					 .geometry = BLK_GEOMETRY_PLAIN,
					 .readonly = options->readonly };
	init_lock(nbd);
	err = start_thread(nbd);
	if (err)
		free(nbd);
	else
		*store = &nbd->store;
	return err;
}

/* What the thread's first try comes to, or what its last one did. */
static int await(struct nbd_store *nbd, bool wait, struct reason *why)
{
	int err;

	pthread_mutex_lock(&nbd->lock);
	while (wait && !nbd->tried)
		pthread_cond_wait(&nbd->news, &nbd->lock);
	err = nbd->tried ? nbd->err : -EAGAIN;
	if (!nbd->tried)
		reason_set(why, err, "%s: no answer yet", nbd->options.uri);
	else if (err)
		*why = nbd->why;
	pthread_mutex_unlock(&nbd->lock);
	return err;
}

int nbd_store_open(const struct nbd_options *options, bool again, struct blk_store **store,
		   struct reason *why)
{
	int err = *store ? 0 : make_store(options, store);

	return err ? err : await(of(*store), !again, why);
}
