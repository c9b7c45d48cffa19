/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbd-session.c: sessions with an NBD server: how they begin and end, and what of the
 * guest's writes one can lose. nbd.c has the theory. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/log.h"
#include "base/util.h"
#include "devices/blk/nbd.h"

#define NS_PER_S       1000000000ULL
#define NS_PER_MS      1000000ULL
#define CONNECT_NS     (5 * NS_PER_S)
#define ANOTHER_NS     (1 * NS_PER_S) /* a server that is there answers sooner */
#define LASTING_NS     (5 * NS_PER_S) /* a session that was one, with nothing to do */
#define PAUSE_FIRST_MS 100U
#define PAUSE_MAX_MS   5000U

/* ---- the end ----------------------------------------------------------------------- */

static void count_losses(struct nbd_store *nbd, uint64_t epoch)
{
	if (nbd->written == nbd->flushed)
		return;
	log_warning("%s: writes that were not flushed may be lost: a flush will fail",
		    nbd->options.uri);
	nbd->flushed = nbd->lost = nbd->written;
	nbd->doomed = epoch;
	nbd->owed = true;
}

/* So that each lane sees the end, and the server as well: it may not take more connections
 * than it had. */
static void shut_down(struct nbd_store *nbd)
{
	unsigned i;

	for (i = 0; i < NBD_LANES_MAX; i++)
		if (nbd->links[i])
			shutdown(nbd->links[i]->fd, SHUT_RDWR);
}

void nbd_session_end(struct nbd_store *nbd, const struct nbd_link *link, const char *why)
{
	uint64_t epoch;

	pthread_mutex_lock(&nbd->lock);
	epoch = nbd->epoch;
	if (epoch == link->epoch) {
		log_warning("%s: the connection is lost: %s", nbd->options.uri, why);
		count_losses(nbd, epoch);
		if (nbd->useful || !nbd->since || loop_now() - nbd->began > LASTING_NS) {
			nbd->since = loop_now();
			nbd->pause_ms = PAUSE_FIRST_MS;
		}
		atomic_store(&nbd->epoch, epoch + 1);
		shut_down(nbd);
		pthread_cond_broadcast(&nbd->news);
	}
	pthread_mutex_unlock(&nbd->lock);
}

bool nbd_session_overdue(struct nbd_store *nbd, uint64_t *left)
{
	uint64_t end, now = loop_now();
	bool overdue = false;

	*left = 0;
	pthread_mutex_lock(&nbd->lock);
	end = nbd->since + nbd->options.timeout * NS_PER_S;
	if (nbd->options.timeout && !nbd_connected(nbd->epoch)) {
		overdue = now >= end;
		*left = overdue ? 0 : end - now;
	}
	pthread_mutex_unlock(&nbd->lock);
	return overdue;
}

/* ---- the beginning: on the store's thread, with the lock --------------------------- */

static void close_untaken(struct nbd_store *nbd)
{
	unsigned i;

	for (i = 0; i < NBD_LANES_MAX; i++) {
		if (nbd->links[i] && !nbd->links[i]->taken)
			nbd_link_close(nbd->links[i]);
		nbd->links[i] = NULL;
	}
}

static void begin_session(struct nbd_store *nbd, struct nbd_link **links, unsigned count)
{
	uint64_t epoch = nbd->epoch + 1;
	struct nbd_lane *lane;
	unsigned i;

	close_untaken(nbd);
	for (i = 0; i < count; i++) {
		nbd->links[i] = links[i];
		links[i]->epoch = epoch;
		links[i]->proved = true;
	}
	nbd->seen_size = links[0]->size;
	nbd->useful = false;
	nbd->began = loop_now();
	nbd->nlinks = count;
	atomic_store(&nbd->epoch, epoch);
	for (lane = nbd->lanes; lane < nbd->lanes + nbd->nlanes; lane++)
		if (atomic_exchange(&lane->waits, false))
			loop_post(lane->loop, &lane->news);
}

static void learn(struct blk_store *store, const struct nbd_link *link)
{
	uint32_t liked = (uint32_t)max_u64(link->liked, store->geometry.block);

	store->size = link->size;
	store->geometry.physical = (uint32_t)min_u64(liked, 4096);
	store->geometry.smallest = liked;
	store->geometry.discard = liked;
}

static void say_connected(struct nbd_store *nbd)
{
	if (!nbd->since)
		return;
	log_info("%s: connected again after %.1f s", nbd->options.uri,
		 (double)(loop_now() - nbd->since) / NS_PER_S);
	if (nbd->seen_size != nbd->store.size)
		log_info("%s: it has %llu bytes now; SIGHUP makes them the guest's",
			 nbd->options.uri, (unsigned long long)nbd->seen_size);
}

/* Another connection, without the lock. It has to be to the same. */
static struct nbd_link *open_another(struct nbd_store *nbd, uint64_t size)
{
	struct nbd_link *link;
	struct reason why;

	if (nbd_link_open(&nbd->options, ANOTHER_NS, &nbd->closing, &link, &why))
		return NULL;
	if (link->multi && link->size == size)
		return link;
	nbd_link_close(link);
	return NULL;
}

/* One connection for each lane there is, without the lock: how many there are, or -errno. */
static int open_links(struct nbd_store *nbd, struct nbd_link **links, struct reason *why)
{
	unsigned count = 1, wanted = (unsigned)max_u64(1, nbd->nlanes);
	uint64_t before = nbd->store.size;
	int err = nbd_link_open(&nbd->options, CONNECT_NS, &nbd->closing, &links[0], why);

	if (err)
		return err;
	if (links[0]->size < before) {
		err = reason_set(why, -EAGAIN, "%s: it has only %llu bytes now, before %llu",
				 nbd->options.uri, (unsigned long long)links[0]->size,
				 (unsigned long long)before);
		nbd_link_close(links[0]);
		return err;
	}
	nbd->alone = !links[0]->multi;
	while (!nbd->alone && count < wanted) {
		links[count] = open_another(nbd, links[0]->size);
		nbd->alone = !links[count];
		count += !nbd->alone;
	}
	return (int)count;
}

/* It is said by who opens the store until that has been there. */
static void note_failure(struct nbd_store *nbd, int err, const struct reason *why)
{
	bool news = strcmp(nbd->why.text, why->text);

	if (nbd->since && news)
		log_warning("%s", why->text);
	nbd->err = err;
	nbd->why = *why;
}

static void connect_anew(struct nbd_store *nbd)
{
	struct nbd_link *links[NBD_LANES_MAX];
	struct reason why = { 0 };
	int count;

	pthread_mutex_unlock(&nbd->lock);
	count = open_links(nbd, links, &why);
	pthread_mutex_lock(&nbd->lock);
	nbd->pause_ms = (unsigned)min_u64(max_u64(2 * nbd->pause_ms, PAUSE_FIRST_MS), PAUSE_MAX_MS);
	if (count < 0) {
		note_failure(nbd, count, &why);
	} else {
		if (!nbd->store.size)
			learn(&nbd->store, links[0]);
		begin_session(nbd, links, (unsigned)count);
		say_connected(nbd);
		nbd->err = 0;
		nbd->why.text[0] = '\0';
	}
	nbd->tried = true;
	pthread_cond_broadcast(&nbd->news);
}

/* The lane that comes later has its connection only when that is proved to lead to the
 * same server, and not to one that took its place unnoticed. */
static void add_link(struct nbd_store *nbd)
{
	uint64_t epoch = nbd->epoch, size = nbd->seen_size;
	struct nbd_link *link;

	pthread_mutex_unlock(&nbd->lock);
	link = open_another(nbd, size);
	pthread_mutex_lock(&nbd->lock);
	if (nbd->epoch != epoch || !link) {
		nbd->alone |= nbd->epoch == epoch;
		if (link)
			nbd_link_close(link);
		return;
	}
	link->epoch = epoch;
	nbd->links[nbd->nlinks] = link;
	nbd->nlinks++;
}

static bool wants_another(const struct nbd_store *nbd)
{
	return !nbd->alone && nbd->nlinks < nbd->nlanes;
}

/* Until the time has come, or the end. */
static void pause_before(struct nbd_store *nbd)
{
	uint64_t end = loop_now() + nbd->pause_ms * NS_PER_MS;
	const struct timespec until = { .tv_sec = (time_t)(end / NS_PER_S),
					.tv_nsec = (long)(end % NS_PER_S) };

	while (!nbd->closing && loop_now() < end)
		pthread_cond_timedwait(&nbd->news, &nbd->lock, &until);
}

void *nbd_session_thread(void *store)
{
	struct nbd_store *nbd = store;

	pthread_mutex_lock(&nbd->lock);
	while (!nbd->closing) {
		if (!nbd_connected(nbd->epoch)) {
			pause_before(nbd);
			if (!nbd->closing)
				connect_anew(nbd);
		} else if (wants_another(nbd)) {
			add_link(nbd);
		} else {
			pthread_cond_wait(&nbd->news, &nbd->lock);
		}
	}
	pthread_mutex_unlock(&nbd->lock);
	return NULL;
}

/* ---- links, for lanes -------------------------------------------------------------- */

static struct nbd_link *link_of(const struct nbd_store *nbd, const struct nbd_lane *lane)
{
	struct nbd_link *link = nbd->links[lane->index];

	return link && link->epoch == nbd->epoch ? link : NULL;
}

struct nbd_link *nbd_session_take(struct nbd_store *nbd, const struct nbd_lane *lane)
{
	struct nbd_link *link;

	pthread_mutex_lock(&nbd->lock);
	link = link_of(nbd, lane);
	if (link && link->proved)
		link->taken = true;
	else
		link = NULL;
	pthread_mutex_unlock(&nbd->lock);
	return link;
}

bool nbd_session_wants_proof(struct nbd_store *nbd, const struct nbd_lane *lane)
{
	const struct nbd_link *link;
	bool wants;

	pthread_mutex_lock(&nbd->lock);
	link = link_of(nbd, lane);
	wants = link && !link->proved;
	pthread_mutex_unlock(&nbd->lock);
	return wants;
}

void nbd_session_proved(struct nbd_store *nbd, const struct nbd_lane *lane, uint64_t epoch)
{
	struct nbd_link *link;

	pthread_mutex_lock(&nbd->lock);
	link = link_of(nbd, lane);
	if (link && link->epoch == epoch)
		link->proved = true;
	pthread_mutex_unlock(&nbd->lock);
}

void nbd_session_drop(struct nbd_store *nbd, struct nbd_link *link)
{
	unsigned i;

	pthread_mutex_lock(&nbd->lock);
	for (i = 0; i < NBD_LANES_MAX; i++)
		if (nbd->links[i] == link)
			nbd->links[i] = NULL;
	pthread_mutex_unlock(&nbd->lock);
	nbd_link_close(link);
}

/* ---- what is flushed --------------------------------------------------------------- */

void nbd_session_note(struct nbd_store *nbd, struct blk_io *io)
{
	pthread_mutex_lock(&nbd->lock);
	io->epoch = nbd->epoch;
	io->covers = nbd->written;
	pthread_mutex_unlock(&nbd->lock);
}

bool nbd_session_flush(struct nbd_store *nbd, struct blk_io *io)
{
	bool fails;

	pthread_mutex_lock(&nbd->lock);
	fails = io->epoch <= nbd->doomed || nbd->owed;
	if (io->covers >= nbd->lost)
		nbd->owed = false;
	io->mark = nbd->written;
	pthread_mutex_unlock(&nbd->lock);
	return !fails;
}

void nbd_session_mark(struct nbd_store *nbd, struct blk_io *io)
{
	pthread_mutex_lock(&nbd->lock);
	io->mark = nbd->written;
	pthread_mutex_unlock(&nbd->lock);
}

/* Two writes that are under way at once are not ordered, so which of them a mark counts
 * does not matter. */
bool nbd_session_done(struct nbd_store *nbd, const struct nbd_link *link, const struct blk_io *io)
{
	bool stable = io->stable && (link->fua || link->flush);
	bool writes = io->op == BLK_WRITE || io->op == BLK_WRITE_ZEROES;
	bool counts;

	pthread_mutex_lock(&nbd->lock);
	counts = link->epoch == nbd->epoch;
	if (counts && writes && !stable)
		nbd->written++;
	if (counts) /* without a flush the mark is 0 */
		nbd->flushed = max_u64(nbd->flushed, io->mark);
	nbd->useful = true;
	pthread_mutex_unlock(&nbd->lock);
	return counts;
}
