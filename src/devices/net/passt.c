/* SPDX-License-Identifier: GPL-2.0-or-later */
/* passt.c: a unix stream socket on which each frame follows its length, 32 bits in big
 * endian: what passt(1) speaks, and QEMU's "-netdev stream". Ethernet and nothing else: no
 * offloads.
 *
 * Theory of operation. A connection belongs to one thread at a time. Main has the opener
 * make it, from time to time until it succeeds, and hands it to the port's thread (taken).
 * From there on only the port's thread reads it, writes it and closes it. When the peer is gone, or sends what is no frame, the port shuts it down, so
 * that what is under way comes to its end, closes it behind the last of that, and hands
 * the task back to main (lost), which says that the link is down and begins anew. The two
 * messages take turns, so what goes along with them needs no lock; neither does the rest,
 * which has one owner.
 *
 * One system call sends all frames that wait, from where they are: the length takes the
 * last bytes of the header, which the wire does not know. If it was cut short, the rest
 * goes first the next time, and no frame overtakes another. As long as the peer takes
 * nothing they wait.
 *
 * One system call receives what is there into a buffer; frames are copied out of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "devices/net/backend.h"

#define LENGTH_BYTES sizeof(uint32_t)
#define LENGTH_MAX   (NET_FRAME_MAX - NET_HEADER_BYTES)
#define BUFFER_BYTES (4 * NET_FRAME_BYTES)

/* Of one call. The kernel hands on 32 KiB in one piece, and passt before August 2024 loses
 * its place where a piece ends within a length. */
#define SEND_FRAMES 32
#define SEND_BYTES  32768U

/* What passt takes; it sends as much, whatever the guest was told. */
#define MTU 65520

#define PAUSE_MIN_NS 100000000ULL
#define PAUSE_MAX_NS 3200000000ULL

struct passt {
	struct net_backend backend;
	char *path;
	struct loop_work taken, lost;
	int fresh; /* main's connection, for the port; -1: none */

	/* Main's. */
	struct loop *loop;
	struct loop_timer retry;
	uint64_t pause, since; /* ns */
	bool complained;

	/* The port's. */
	int fd;                          /* -1: none */
	bool broken, sending, receiving; /* sending: or waiting for room */
	struct loop_op send_op, room_op;
	struct loop_work flush, look;
	struct net_frames frames; /* to send */
	uint32_t sent;            /* bytes of the first */
	struct msghdr message;
	struct iovec iov[SEND_FRAMES];
	uint32_t begin, end; /* of what is in the buffer */
	uint8_t buffer[BUFFER_BYTES];
};

static struct passt *passt_of(struct net_backend *backend)
{
	return container_of(backend, struct passt, backend);
}

static struct loop *port_loop(const struct passt *passt)
{
	return passt->backend.ports[0].loop;
}

/* --- the end of a connection ---------------------------------------------------- */

static void close_when_quiet(struct passt *passt)
{
	struct net_frame *frame;

	if (passt->fd < 0 || !passt->broken || passt->sending || passt->receiving)
		return;
	close(passt->fd);
	passt->fd = -1;
	passt->begin = passt->end = passt->sent = 0;
	while ((frame = STAILQ_FIRST(&passt->frames))) {
		STAILQ_REMOVE_HEAD(&passt->frames, entry);
		net_frame_answer(&passt->backend.ports[0], frame, -ENETDOWN);
	}
	loop_post(passt->loop, &passt->lost);
}

static void shut_down(struct passt *passt)
{
	passt->broken = true;
	shutdown(passt->fd, SHUT_RDWR);
	close_when_quiet(passt);
}

static void lose(struct passt *passt, const char *why)
{
	if (passt->broken)
		return;
	log_warning("passt %s: %s", passt->path, why);
	shut_down(passt);
}

static bool usable(const struct passt *passt)
{
	return passt->fd >= 0 && !passt->broken;
}

/* --- sending -------------------------------------------------------------------- */

/* The frame as it goes over the wire. */
static uint8_t *wire_data(const struct net_frame *frame)
{
	return frame->data + NET_HEADER_BYTES - LENGTH_BYTES;
}

static uint32_t wire_length(const struct net_frame *frame)
{
	return frame->length - (uint32_t)(NET_HEADER_BYTES - LENGTH_BYTES);
}

/* What goes by the next call. */
static unsigned gather(struct passt *passt)
{
	uint32_t skip = passt->sent, bytes = 0;
	struct net_frame *frame;
	unsigned n = 0;

	for (frame = STAILQ_FIRST(&passt->frames); frame && n < SEND_FRAMES;
	     frame = STAILQ_NEXT(frame, entry)) {
		uint32_t length = wire_length(frame) - skip;

		if (n && bytes + length > SEND_BYTES)
			break;
		passt->iov[n++] = (struct iovec){ wire_data(frame) + skip, length };
		bytes += length;
		skip = 0;
	}
	return n;
}

static void flush(struct loop_work *work)
{
	struct passt *passt = container_of(work, struct passt, flush);
	struct io_uring_sqe *sqe;

	if (passt->sending || STAILQ_EMPTY(&passt->frames) || !usable(passt))
		return;
	passt->message = (struct msghdr){ .msg_iov = passt->iov, .msg_iovlen = gather(passt) };
	passt->sending = true;
	sqe = loop_sqe(port_loop(passt));
	io_uring_prep_sendmsg(sqe, passt->fd, &passt->message, MSG_NOSIGNAL | MSG_DONTWAIT);
	loop_sqe_for(sqe, &passt->send_op);
}

/* So many bytes more are on their way. */
static void tick_off(struct passt *passt, uint32_t bytes)
{
	struct net_frame *frame;

	passt->sent += bytes;
	while ((frame = STAILQ_FIRST(&passt->frames)) && passt->sent >= wire_length(frame)) {
		STAILQ_REMOVE_HEAD(&passt->frames, entry);
		passt->sent -= wire_length(frame);
		frame->done(frame, 0);
	}
}

static void await_room(struct passt *passt)
{
	struct io_uring_sqe *sqe = loop_sqe(port_loop(passt));

	io_uring_prep_poll_add(sqe, passt->fd, POLLOUT);
	loop_sqe_for(sqe, &passt->room_op);
}

static void go_on(struct passt *passt)
{
	passt->sending = false;
	close_when_quiet(passt);
	flush(&passt->flush);
}

static void has_room(struct loop_op *op, int result)
{
	(void)result;
	go_on(container_of(op, struct passt, room_op));
}

static void was_sent(struct loop_op *op, int result)
{
	struct passt *passt = container_of(op, struct passt, send_op);

	if (result == -EAGAIN && !passt->broken) {
		await_room(passt);
		return;
	}
	if (result >= 0)
		tick_off(passt, (uint32_t)result);
	else if (result != -EINTR)
		lose(passt, strerror(-result));
	go_on(passt);
}

static void send_frame(struct net_port *port, struct net_frame *frame)
{
	struct passt *passt = passt_of(port->backend);
	uint32_t length = htonl(frame->length - (uint32_t)NET_HEADER_BYTES);

	if (!usable(passt)) {
		net_frame_answer(port, frame, -ENETDOWN);
		return;
	}
	memcpy(wire_data(frame), &length, sizeof(length));
	STAILQ_INSERT_TAIL(&passt->frames, frame, entry);
	loop_defer(port->loop, &passt->flush);
}

/* --- receiving ------------------------------------------------------------------ */

/* The length of the next frame in the buffer, 0 if it is not all there, or -EPROTO. */
static int next_length(const struct passt *passt)
{
	uint32_t length, there = passt->end - passt->begin;

	if (there < LENGTH_BYTES)
		return 0;
	memcpy(&length, passt->buffer + passt->begin, sizeof(length));
	length = ntohl(length);
	if (length < NET_ETHERNET_BYTES || length > LENGTH_MAX)
		return -EPROTO;
	return there - LENGTH_BYTES < length ? 0 : (int)length;
}

/* What there is of the next frame goes to the front. */
static void fill(struct passt *passt)
{
	struct io_uring_sqe *sqe = loop_sqe(port_loop(passt));

	passt->end -= passt->begin;
	memmove(passt->buffer, passt->buffer + passt->begin, passt->end);
	passt->begin = 0;
	passt->receiving = true;
	io_uring_prep_recv(sqe, passt->fd, passt->buffer + passt->end, BUFFER_BYTES - passt->end,
			   0);
	loop_sqe_for(sqe, &passt->backend.ports[0].op);
}

/* Is there what the port waits for? */
static void look(struct loop_work *work)
{
	struct passt *passt = container_of(work, struct passt, look);
	struct net_port *port = &passt->backend.ports[0];
	int length;

	if (!port->watched || passt->receiving || !usable(passt))
		return;
	length = next_length(passt);
	if (length < 0) {
		lose(passt, "the other side sends what is no frame");
	} else if (!length) {
		fill(passt);
	} else {
		port->watched = false;
		port->readable(port);
	}
}

static void was_received(struct loop_op *op, int result)
{
	struct net_port *port = container_of(op, struct net_port, op);
	struct passt *passt = passt_of(port->backend);

	passt->receiving = false;
	if (result > 0)
		passt->end += (uint32_t)result;
	else if (result != -EINTR)
		lose(passt, result ? strerror(-result) : "the other side has gone");
	close_when_quiet(passt);
	look(&passt->look);
}

static void receive_frame(struct net_port *port, struct net_frame *frame)
{
	struct passt *passt = passt_of(port->backend);
	int length = usable(passt) ? next_length(passt) : 0;

	if (length <= 0) { /* if it is none at all, the next look finds it out */
		net_frame_answer(port, frame, -EAGAIN);
		return;
	}
	memset(frame->data, 0, NET_HEADER_BYTES);
	memcpy(frame->data + NET_HEADER_BYTES, passt->buffer + passt->begin + LENGTH_BYTES,
	       (size_t)length);
	passt->begin += (uint32_t)LENGTH_BYTES + (uint32_t)length;
	net_frame_answer(port, frame, (int)NET_HEADER_BYTES + length);
}

/* Outlives a connection: what the next one brings will do. */
static void watch(struct net_port *port)
{
	port->watched = true;
	loop_defer(port->loop, &passt_of(port->backend)->look);
}

static bool quiet(struct net_port *port)
{
	struct passt *passt = passt_of(port->backend);

	port->watched = false;
	if (usable(passt))
		shut_down(passt);
	return passt->fd < 0;
}

static void taken(struct loop_work *work)
{
	struct passt *passt = container_of(work, struct passt, taken);

	passt->fd = passt->fresh;
	passt->fresh = -1;
	passt->broken = false;
	look(&passt->look);
}

/* --- connections, on main ------------------------------------------------------- */

static void tell(struct passt *passt, bool up)
{
	passt->backend.up = up;
	passt->backend.changed(&passt->backend);
}

static struct opener_thing listener_at(const char *path)
{
	return (struct opener_thing){ .kind = OPENER_SOCKET, .name = path };
}

void passt_names(const char *path, opener_add *add, void *arg)
{
	const struct opener_thing thing = listener_at(path);

	add(arg, &thing);
}

static void try_later(struct passt *passt)
{
	loop_timer(passt->loop, &passt->retry, passt->pause);
	passt->pause = min_u64(2 * passt->pause, PAUSE_MAX_NS);
}

static void try_to_connect(struct loop_timer *timer)
{
	struct passt *passt = container_of(timer, struct passt, retry);
	const struct opener_thing listener = listener_at(passt->path);
	int fd = passt->fresh >= 0 ? passt->fresh : opener_open(&listener);

	if (fd == -EINPROGRESS) {
		loop_timer(passt->loop, &passt->retry, OPENER_NAP_NS);
		return;
	}
	if (fd < 0) {
		if (!passt->complained)
			log_warning("passt %s: %s; it will be tried again", passt->path,
				    strerror(-fd));
		passt->complained = true;
		try_later(passt);
		return;
	}
	passt->complained = false;
	passt->since = loop_now();
	passt->fresh = fd;
	loop_post(port_loop(passt), &passt->taken);
	tell(passt, true);
}

/* A connection that did not last is not made again at once, time after time. */
static void lost(struct loop_work *work)
{
	struct passt *passt = container_of(work, struct passt, lost);

	if (loop_now() - passt->since > PAUSE_MAX_NS)
		passt->pause = PAUSE_MIN_NS;
	tell(passt, false);
	try_later(passt);
}

static int watch_link(struct net_backend *backend, struct loop *loop)
{
	struct passt *passt = passt_of(backend);

	passt->loop = loop;
	try_to_connect(&passt->retry);
	return 0;
}

/* Until the port has been shut down, each loss asks for the next connection. */
static bool unwatch_link(struct net_backend *backend)
{
	struct passt *passt = passt_of(backend);

	if (passt->loop)
		loop_timer_cancel(passt->loop, &passt->retry);
	return true;
}

/* --- the backend ---------------------------------------------------------------- */

static void close_all(struct net_backend *backend)
{
	struct passt *passt = passt_of(backend);

	if (passt->fresh >= 0)
		close(passt->fresh);
	if (passt->fd >= 0)
		close(passt->fd);
	free(passt->path);
	free(passt);
}

static const struct net_backend_ops ops = {
	.close = close_all,
	.send = send_frame,
	.receive = receive_frame,
	.watch = watch,
	.quiet = quiet,
	.watch_link = watch_link,
	.unwatch_link = unwatch_link,
};

int passt_open(const char *path, struct net_backend **result, struct reason *why)
{
	const struct opener_thing listener = listener_at(path);
	struct passt *passt;

	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return reason_set(why, -ENAMETOOLONG, "passt %s: too long for a socket", path);
	passt = calloc(1, sizeof(*passt));
	if (!passt)
		return -ENOMEM;
	net_backend_init(&passt->backend, &ops, 0);
	passt->backend.npairs = 1;
	passt->backend.mtu = MTU;
	passt->backend.ports[0].op.done = was_received;
	passt->path = strdup(path);
	passt->fresh = opener_take(&listener);
	passt->fd = -1;
	STAILQ_INIT(&passt->frames);
	passt->pause = PAUSE_MIN_NS;
	passt->taken.run = taken;
	passt->lost.run = lost;
	passt->retry.fire = try_to_connect;
	passt->send_op.done = was_sent;
	passt->room_op.done = has_room;
	passt->flush.run = flush;
	passt->look.run = look;
	*result = &passt->backend;
	return 0;
}
