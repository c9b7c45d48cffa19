/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control.c: see control.h.
 *
 * Theory of operation. A connection has at most one poll in the io_uring, and is done with
 * only when that has come back; so its place, which is one of a few that are never freed
 * before the loop, is not used by the next one too early. While a command runs the poll is
 * for the client's leaving. Its end shuts the reading side down, by which the poll comes
 * back, and the answer is written. A client that neither asks nor listens is shut down in
 * the same way after a while. */
#include "daemon/control.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/pass-fds.h"
#include "base/util.h"

#define CALLS_MAX  8
#define LINE_BYTES 4096
#define BACKLOG    16
#define PATIENCE_S 10ULL
#define NS_PER_S   1000000000ULL

enum phase { FREE, ASKING, RUNNING, ANSWERING };

struct control_call {
	struct control *control;
	enum phase phase;
	int fd;
	uint64_t since; /* ns: of the phase */
	struct loop_op poll;
	bool polling;

	char line[LINE_BYTES];
	size_t length;
	int fds[PASS_FDS_MAX];
	unsigned nfds, next_fd;

	void (*left)(struct control_call *call, void *arg);
	void *left_arg;
	FILE *body;
	char *text; /* the body's */
	size_t text_length;
	char *answer;
	size_t answer_length, sent;
};

struct control {
	struct loop *loop;
	const struct control_command *commands;
	void *owner;
	struct loop_watch watch;
	struct loop_timer patience;
	struct sockaddr_un address;
	struct control_call calls[CALLS_MAX];
};

/* --- connections ----------------------------------------------------------------- */

static void poll_for(struct control_call *call, unsigned events)
{
	struct io_uring_sqe *sqe = loop_sqe(call->control->loop);

	io_uring_prep_poll_add(sqe, call->fd, events);
	loop_sqe_for(sqe, &call->poll);
	call->polling = true;
}

static void enter(struct control_call *call, enum phase phase)
{
	call->phase = phase;
	call->since = loop_now();
}

static void hang_up(struct control_call *call)
{
	while (call->next_fd < call->nfds)
		close(call->fds[call->next_fd++]);
	if (call->body)
		fclose(call->body);
	free(call->text);
	free(call->answer);
	close(call->fd);
	*call = (struct control_call){ .control = call->control, .poll = call->poll, .fd = -1 };
}

static void answer(struct control_call *call)
{
	const char *rest = call->answer + call->sent;
	ssize_t sent =
		send(call->fd, rest, call->answer_length - call->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent > 0)
		call->sent += (size_t)sent;
	if (call->sent < call->answer_length && (sent >= 0 || errno == EAGAIN || errno == EINTR))
		poll_for(call, POLLOUT);
	else
		hang_up(call);
}

/* --- calls ------------------------------------------------------------------------- */

void *control_owner(const struct control_call *call)
{
	return call->control->owner;
}

int control_take_fd(struct control_call *call)
{
	return call->next_fd < call->nfds ? call->fds[call->next_fd++] : -1;
}

void control_when_left(struct control_call *call,
		       void (*left)(struct control_call *call, void *arg), void *arg)
{
	call->left = left;
	call->left_arg = arg;
}

FILE *control_body(struct control_call *call)
{
	if (!call->body)
		call->body = open_memstream(&call->text, &call->text_length);
	return call->body;
}

/* With @why it is refused. */
static void write_answer(FILE *out, const struct control_call *call, const char *why)
{
	if (why) {
		fprintf(out, "error %s\n", why);
		return;
	}
	fputs("ok\n", out);
	if (call->text)
		fwrite(call->text, 1, call->text_length, out);
}

static bool compose(struct control_call *call, const char *why)
{
	FILE *out = open_memstream(&call->answer, &call->answer_length);

	if (call->body) {
		fclose(call->body);
		call->body = NULL;
	}
	if (!out)
		return false;
	write_answer(out, call, why);
	return !fclose(out);
}

static void end(struct control_call *call, const char *why)
{
	enter(call, ANSWERING);
	if (!compose(call, why))
		shutdown(call->fd, SHUT_RDWR);
	if (call->polling)
		shutdown(call->fd, SHUT_RD);
	else
		answer(call);
}

void control_done(struct control_call *call)
{
	end(call, NULL);
}

void control_refuse(struct control_call *call, const char *fmt, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	end(call, why);
}

static const struct control_command *find_command(const struct control *control, const char *name)
{
	const struct control_command *command;

	for (command = control->commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

static void run_line(struct control_call *call)
{
	char *arguments = call->line, *name = strsep(&arguments, " ");
	const struct control_command *command = find_command(call->control, name);

	enter(call, RUNNING);
	if (!command) {
		control_refuse(call, "there is no command \"%s\"", name);
		return;
	}
	command->run(call, arguments ? arguments : name + strlen(name));
	if (call->phase == RUNNING && !call->polling)
		poll_for(call, POLLRDHUP);
}

/* --- requests ---------------------------------------------------------------------- */

static ssize_t receive(struct control_call *call)
{
	ssize_t got = pass_fds_take(call->fd, call->line + call->length,
				    sizeof(call->line) - 1 - call->length, call->fds, &call->nfds);

	if (got > 0)
		call->length += (size_t)got;
	call->line[call->length] = '\0';
	return got;
}

static void asked(struct control_call *call)
{
	ssize_t got = receive(call);
	char *end = memchr(call->line, '\n', call->length);

	if (end) {
		*end = '\0';
		run_line(call);
	} else if (!got || (got < 0 && got != -EAGAIN && got != -EINTR)) {
		hang_up(call);
	} else if (call->length == sizeof(call->line) - 1) {
		control_refuse(call, "the request is too long");
	} else {
		poll_for(call, POLLIN);
	}
}

/* The client has gone, or the call has ended meanwhile. */
static void was_left(struct control_call *call)
{
	void (*left)(struct control_call *, void *) = call->left;

	call->left = NULL;
	if (left)
		left(call, call->left_arg);
}

static void polled(struct loop_op *op, int result)
{
	struct control_call *call = container_of(op, struct control_call, poll);

	(void)result;
	call->polling = false;
	switch (call->phase) {
	case ASKING:
		asked(call);
		break;
	case RUNNING:
		was_left(call);
		break;
	case ANSWERING:
		answer(call);
		break;
	case FREE:
		break;
	}
}

/* --- the socket -------------------------------------------------------------------- */

static bool may_ask(int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) &&
	       (!peer.uid || peer.uid == geteuid());
}

static struct control_call *free_call(struct control *control)
{
	unsigned i;

	for (i = 0; i < CALLS_MAX; i++)
		if (control->calls[i].phase == FREE)
			return &control->calls[i];
	return NULL;
}

static void refuse(int fd, const char *answer)
{
	send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void connected(struct loop_watch *watch)
{
	struct control *control = container_of(watch, struct control, watch);
	struct control_call *call = free_call(control);
	/* cppcheck-suppress nullPointer ; accept(2): the peer's address need not be told */
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (!may_ask(fd)) {
		refuse(fd, "error only root may ask\n");
	} else if (!call) {
		refuse(fd, "error too many ask at a time: try again\n");
	} else {
		call->fd = fd;
		enter(call, ASKING);
		poll_for(call, POLLIN);
		if (!control->patience.armed)
			loop_timer(control->loop, &control->patience, NS_PER_S);
	}
}

/* A second's accuracy will do. */
static void lose_patience(struct loop_timer *timer)
{
	struct control *control = container_of(timer, struct control, patience);
	bool any = false;
	unsigned i;

	for (i = 0; i < CALLS_MAX; i++) {
		struct control_call *call = &control->calls[i];

		if (call->phase != ASKING && call->phase != ANSWERING)
			continue;
		any = true;
		if (loop_now() - call->since > PATIENCE_S * NS_PER_S)
			shutdown(call->fd, SHUT_RDWR);
	}
	if (any)
		loop_timer(control->loop, timer, NS_PER_S);
}

static int listen_at(struct control *control, const char *path)
{
	const struct sockaddr *address = (void *)&control->address;
	mode_t mask;
	int err = 0;

	if (strlen(path) >= sizeof(control->address.sun_path)) {
		log_error("%s: a socket's name has at most %zu characters: give a shorter --name",
			  path, sizeof(control->address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	mask = umask(0177);
	control->address.sun_family = AF_UNIX;
	memcpy(control->address.sun_path, path, strlen(path) + 1);
	unlink(path); /* the instance is ours, so what is there is a dead one's */
	control->watch.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (control->watch.fd < 0 || bind(control->watch.fd, address, sizeof(control->address)) ||
	    listen(control->watch.fd, BACKLOG))
		err = -errno;
	umask(mask);
	if (err)
		log_error("%s: %s", path, strerror(-err));
	return err;
}

int control_open(struct loop *loop, const char *path, const struct control_command *commands,
		 void *owner, struct control **result)
{
	struct control *control = calloc(1, sizeof(*control));
	unsigned i;
	int err;

	if (!control)
		return -ENOMEM;
	control->loop = loop;
	control->commands = commands;
	control->owner = owner;
	control->patience.fire = lose_patience;
	for (i = 0; i < CALLS_MAX; i++)
		control->calls[i] =
			(struct control_call){ .control = control, .poll.done = polled, .fd = -1 };
	control->watch.fd = -1;
	control->watch.ready = connected;
	err = listen_at(control, path);
	if (err) {
		control_close(control);
		control_free(control);
		return err;
	}
	loop_watch(loop, &control->watch);
	*result = control;
	return 0;
}

void control_close(struct control *control)
{
	if (control->watch.fd < 0)
		return;
	unlink(control->address.sun_path);
	loop_timer_cancel(control->loop, &control->patience);
}

void control_free(struct control *control)
{
	unsigned i;

	for (i = 0; i < CALLS_MAX; i++)
		if (control->calls[i].phase != FREE)
			hang_up(&control->calls[i]);
	if (control->watch.fd >= 0)
		close(control->watch.fd);
	free(control);
}
