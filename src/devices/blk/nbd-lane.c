/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbd-lane.c: what one loop has to do with an NBD store; nbd.c has the theory. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/util.h"
#include "devices/blk/nbd.h"

static void append(struct blk_ios *list, struct blk_io *io)
{
	TAILQ_INSERT_TAIL(list, io, entry);
}

/* What is to be sent is sent together, and never from inside of some done(). */
static void go_on_later(struct nbd_lane *lane)
{
	loop_defer(lane->loop, &lane->go_on);
}

/* In a later turn. */
static void end_later(struct nbd_lane *lane, struct blk_io *io, int err)
{
	io->err = err;
	append(&lane->ended, io);
	loop_post(lane->loop, &lane->news);
}

/* ---- between lanes ----------------------------------------------------------------- */

static struct nbd_lane *lane_from(const struct blk_io *io)
{
	return nbd_lane_of(container_of(io->store, struct nbd_store, store), io->loop);
}

static void came_back(struct loop_work *work)
{
	struct blk_io *io = container_of(work, struct blk_io, work);
	struct nbd_lane *lane = lane_from(io);

	if (io == lane->proof && !io->err)
		nbd_session_proved(lane->store, lane, io->epoch);
	if (io == lane->proof)
		lane->proof = NULL;
	io->done(io, io->err);
}

static void finish(struct nbd_lane *lane, struct blk_io *io, int err)
{
	io->err = err;
	if (io->loop == lane->loop) {
		io->done(io, err);
		return;
	}
	io->work.run = came_back;
	loop_post(io->loop, &io->work);
}

static void came_over(struct loop_work *work)
{
	struct blk_io *io = container_of(work, struct blk_io, work);

	append(&io->lane->waiting, io);
	go_on_later(io->lane);
}

/* An operation that the server answers proves something. */
static void hand_over(struct nbd_lane *lane)
{
	struct nbd_lane *first = lane->store->lanes;
	bool wants = !lane->proof && nbd_session_wants_proof(lane->store, lane);
	struct blk_io *io;

	while ((io = TAILQ_FIRST(&lane->waiting))) {
		TAILQ_REMOVE(&lane->waiting, io, entry);
		if (wants && io->op <= BLK_WRITE && nbd_connected(io->epoch)) {
			lane->proof = io;
			wants = false;
		}
		io->lane = first;
		io->work.run = came_over;
		loop_post(first->loop, &io->work);
	}
}

/* ---- one operation ----------------------------------------------------------------- */

/* In the library. It may even come while an operation is sent. Where the connection ended,
 * or the server is about to, the operation stays in flight: it will be sent again. */
static int answered(void *arg, int *error)
{
	struct blk_io *io = arg;
	struct nbd_lane *lane = io->lane;

	if (*error == ENOTCONN)
		return 1;
	if (*error == ESHUTDOWN) {
		lane->link->shutting_down = true;
		return 1;
	}
	io->err = -*error;
	TAILQ_REMOVE(&lane->flight, io, entry);
	append(&lane->answered, io);
	return 1;
}

static bool is_moved(const struct blk_io *io)
{
	return io->op != BLK_FLUSH && io->moved == io->length;
}

static bool flushes_behind(const struct nbd_link *link, const struct blk_io *io)
{
	return io->stable && !link->fua && link->flush && io->op != BLK_READ &&
	       io->op != BLK_DISCARD;
}

static uint64_t part_of(const struct nbd_link *link, const struct blk_io *io)
{
	return min_u64(io->length - io->moved, link->most);
}

static int64_t send_part(const struct nbd_link *link, struct blk_io *io)
{
	nbd_completion_callback done = { .callback = answered, .user_data = io };
	uint64_t length = part_of(link, io), offset = io->offset + io->moved;
	uint32_t fua = io->stable && link->fua ? LIBNBD_CMD_FLAG_FUA : 0;

	switch (io->op) {
	case BLK_READ:
		return nbd_aio_pread(link->nbd, (uint8_t *)io->pieces->iov_base + io->moved, length,
				     offset, done, 0);
	case BLK_WRITE:
		return nbd_aio_pwrite(link->nbd, (uint8_t *)io->pieces->iov_base + io->moved,
				      length, offset, done, fua);
	case BLK_DISCARD:
		return nbd_aio_trim(link->nbd, length, offset, done, 0);
	case BLK_WRITE_ZEROES:
		return nbd_aio_zero(link->nbd, length, offset, done,
				    fua | (io->unmap ? 0 : LIBNBD_CMD_FLAG_NO_HOLE));
	case BLK_FLUSH:
		break;
	}
	return nbd_aio_flush(link->nbd, done, 0);
}

static int64_t send_io(struct nbd_lane *lane, struct blk_io *io)
{
	nbd_completion_callback done = { .callback = answered, .user_data = io };

	if (!is_moved(io))
		return send_part(lane->link, io);
	nbd_session_mark(lane->store, io);
	return nbd_aio_flush(lane->link->nbd, done, 0);
}

/* What the server need not be asked: true, and the result. */
static bool is_known(struct nbd_lane *lane, struct blk_io *io, int *err)
{
	const struct nbd_link *link = lane->link;

	*err = 0;
	switch (io->op) {
	case BLK_DISCARD:
		*err = link->trim ? 0 : -EOPNOTSUPP;
		break;
	case BLK_WRITE_ZEROES:
		*err = link->zero ? 0 : -EOPNOTSUPP;
		break;
	case BLK_FLUSH:
		*err = nbd_session_flush(lane->store, io) ? 0 : -ESTALE;
		return *err || !link->flush;
	default:
		break;
	}
	return *err;
}

/* The first that waits. What could not be sent since the connection is over stays in flight. */
static void send_next(struct nbd_lane *lane)
{
	struct blk_io *io = TAILQ_FIRST(&lane->waiting);
	int err;

	TAILQ_REMOVE(&lane->waiting, io, entry);
	if (!io->moved && is_known(lane, io, &err)) {
		end_later(lane, io, err);
		return;
	}
	append(&lane->flight, io);
	if (send_io(lane, io) >= 0 || nbd_link_over(lane->link))
		return;
	err = nbd_get_errno();
	TAILQ_REMOVE(&lane->flight, io, entry);
	end_later(lane, io, err ? -err : -EIO);
}

/* ---- what the server says ---------------------------------------------------------- */

/* It goes on, or begins anew: see return_flight(). */
static void take_answer(struct nbd_lane *lane, struct blk_io *io)
{
	const struct nbd_link *link = lane->link;
	bool behind = is_moved(io), is_whole;

	if (io->err) {
		finish(lane, io, io->err);
		return;
	}
	if (!behind)
		io->moved += part_of(link, io);
	is_whole = behind || (io->moved == io->length && !flushes_behind(link, io));
	if (is_whole && nbd_session_done(lane->store, link, io))
		finish(lane, io, 0);
	else
		append(&lane->waiting, io);
}

static void take_answers(struct nbd_lane *lane)
{
	struct blk_io *io;

	while ((io = TAILQ_FIRST(&lane->answered))) {
		TAILQ_REMOVE(&lane->answered, io, entry);
		take_answer(lane, io);
	}
}

static bool has_more(const struct nbd_link *link)
{
	char byte;

	return recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

/* One call reads one answer. It must not be made where there is none: the library then
 * waits for one, and in the middle of a command it sends no further. */
static void read_answers(struct nbd_lane *lane)
{
	const struct nbd_link *link = lane->link;
	const struct blk_io *last;

	do {
		last = TAILQ_LAST(&lane->answered, blk_ios);
		if (nbd_link_over(link))
			return;
		nbd_aio_notify_read(link->nbd);
	} while (TAILQ_LAST(&lane->answered, blk_ios) != last && !TAILQ_EMPTY(&lane->flight) &&
		 has_more(link));
}

/* Answers that came before the end are answers. */
static void turn(struct nbd_lane *lane)
{
	take_answers(lane);
	go_on_later(lane);
}

static void readable(struct loop_op *op, int result)
{
	struct nbd_link *link = container_of(op, struct nbd_link, readable);

	(void)result;
	link->reading = false;
	read_answers(link->lane);
	turn(link->lane);
}

static void writable(struct loop_op *op, int result)
{
	struct nbd_link *link = container_of(op, struct nbd_link, writable);

	(void)result;
	link->writing = false;
	if (!nbd_link_over(link))
		nbd_aio_notify_write(link->nbd);
	turn(link->lane);
}

/* ---- the connection ---------------------------------------------------------------- */

static void arm(struct nbd_lane *lane, struct loop_op *op, short events)
{
	struct io_uring_sqe *sqe = loop_sqe(lane->loop);

	io_uring_prep_poll_add(sqe, lane->link->fd, (unsigned)events);
	loop_sqe_for(sqe, op);
}

/* Nothing is in the io_uring while nothing is in flight: then the store may be closed. */
static void listen_to(struct nbd_lane *lane)
{
	struct nbd_link *link = lane->link;

	if (TAILQ_EMPTY(&lane->flight))
		return;
	if (!link->reading)
		arm(lane, &link->readable, POLLIN);
	link->reading = true;
	if (link->writing || !(nbd_aio_get_direction(link->nbd) & LIBNBD_AIO_DIRECTION_WRITE))
		return;
	arm(lane, &link->writable, POLLOUT);
	link->writing = true;
}

static bool is_usable(const struct nbd_lane *lane)
{
	const struct nbd_link *link = lane->link;

	return link && link->epoch == lane->store->epoch && !link->shutting_down &&
	       !nbd_link_over(link);
}

static const char *why_over(const struct nbd_link *link)
{
	const char *error = nbd_get_error();

	if (link->shutting_down)
		return "the server is shutting down";
	return nbd_aio_is_dead(link->nbd) && error ? error : "the server closed it";
}

/* What was under way waits again, before all else; with it errors that the end made. All
 * begin anew: parts that were answered may be lost. */
static void return_flight(struct nbd_lane *lane)
{
	struct blk_io *io;

	TAILQ_CONCAT(&lane->flight, &lane->answered, entry);
	while ((io = TAILQ_LAST(&lane->flight, blk_ios))) {
		TAILQ_REMOVE(&lane->flight, io, entry);
		TAILQ_INSERT_HEAD(&lane->waiting, io, entry);
	}
	TAILQ_FOREACH(io, &lane->waiting, entry)
		io->moved = io->mark = 0;
}

/* The io_uring holds the socket until it is shut down and the polls have fired. */
static void leave_link(struct nbd_lane *lane)
{
	struct nbd_link *link = lane->link;

	nbd_session_end(lane->store, link, why_over(link));
	shutdown(link->fd, SHUT_RDWR);
	if (link->reading || link->writing)
		return;
	nbd_session_drop(lane->store, link);
	lane->link = NULL;
	return_flight(lane);
}

static void take_link(struct nbd_lane *lane)
{
	struct nbd_link *link = nbd_session_take(lane->store, lane);

	if (!link)
		return;
	link->lane = lane;
	link->readable.done = readable;
	link->writable.done = writable;
	lane->link = link;
	atomic_store(&lane->waits, false);
	loop_timer_cancel(lane->loop, &lane->patience);
}

/* ---- without one ------------------------------------------------------------------- */

static void end_waiting(struct nbd_lane *lane, bool all)
{
	struct blk_io *io, *next;

	for (io = TAILQ_FIRST(&lane->waiting); io; io = next) {
		next = TAILQ_NEXT(io, entry);
		if (!all && !atomic_load(&lane_from(io)->forsaken))
			continue;
		TAILQ_REMOVE(&lane->waiting, io, entry);
		end_later(lane, io, all ? -ETIMEDOUT : -ECANCELED);
	}
}

/* Who makes the session may have looked at @waits just before. */
static void wait_for_session(struct nbd_lane *lane)
{
	uint64_t left;

	if (lane->link)
		return;
	end_waiting(lane, nbd_session_overdue(lane->store, &left));
	loop_timer_cancel(lane->loop, &lane->patience);
	if (TAILQ_EMPTY(&lane->waiting)) {
		atomic_store(&lane->waits, false);
		return;
	}
	if (left)
		loop_timer(lane->loop, &lane->patience, left);
	atomic_store(&lane->waits, true);
	if (nbd_connected(lane->store->epoch))
		loop_post(lane->loop, &lane->news);
}

/* ---- turns ------------------------------------------------------------------------- */

static void find_way(struct nbd_lane *lane)
{
	if (lane->link && !is_usable(lane))
		leave_link(lane);
	if (lane->link || !nbd_connected(lane->store->epoch))
		return;
	take_link(lane);
	if (!lane->link && lane->index)
		hand_over(lane);
}

static void go_on(struct loop_work *work)
{
	struct nbd_lane *lane = container_of(work, struct nbd_lane, go_on);

	find_way(lane);
	while (is_usable(lane) && !TAILQ_EMPTY(&lane->waiting))
		send_next(lane);
	if (lane->link && !is_usable(lane))
		leave_link(lane);
	if (lane->link)
		listen_to(lane);
	else
		wait_for_session(lane);
	if (!TAILQ_EMPTY(&lane->answered)) /* while something was sent */
		loop_post(lane->loop, &lane->news);
}

static void hear_news(struct loop_work *work)
{
	struct nbd_lane *lane = container_of(work, struct nbd_lane, news);
	struct blk_io *io;

	while ((io = TAILQ_FIRST(&lane->ended))) {
		TAILQ_REMOVE(&lane->ended, io, entry);
		finish(lane, io, io->err);
	}
	if (lane->link)
		take_answers(lane);
	go_on_later(lane);
}

static void lose_patience(struct loop_timer *timer)
{
	go_on_later(container_of(timer, struct nbd_lane, patience));
}

void nbd_lane_init(struct nbd_lane *lane, struct nbd_store *store, struct loop *loop,
		   unsigned index)
{
	lane->store = store;
	lane->loop = loop;
	lane->index = index;
	lane->go_on.run = go_on;
	lane->news.run = hear_news;
	lane->patience.fire = lose_patience;
	TAILQ_INIT(&lane->waiting);
	TAILQ_INIT(&lane->flight);
	TAILQ_INIT(&lane->answered);
	TAILQ_INIT(&lane->ended);
}

void nbd_lane_submit(struct nbd_lane *lane, struct blk_io *io)
{
	io->store = &lane->store->store;
	io->loop = lane->loop;
	io->lane = lane;
	io->moved = io->mark = 0;
	io->epoch = lane->store->epoch;
	if (io->op == BLK_FLUSH)
		nbd_session_note(lane->store, io);
	atomic_store_explicit(&lane->forsaken, false, memory_order_relaxed);
	append(&lane->waiting, io);
	go_on_later(lane);
}

/* What was handed over before is there before this news is. */
void nbd_lane_give_up(struct nbd_lane *lane)
{
	atomic_store(&lane->forsaken, true);
	loop_post(lane->loop, &lane->news);
	loop_post(lane->store->lanes->loop, &lane->store->lanes->news);
}

/* Without operations it waits for nothing but, at times, for room to send. */
bool nbd_lane_quiet(struct nbd_lane *lane)
{
	struct nbd_link *link = lane->link;

	loop_timer_cancel(lane->loop, &lane->patience);
	if (!link || (!link->reading && !link->writing))
		return true;
	shutdown(link->fd, SHUT_RDWR);
	return false;
}
