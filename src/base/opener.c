/* SPDX-License-Identifier: GPL-2.0-or-later */
/* opener.c: see opener.h.
 *
 * Theory of operation. Both processes have the list of what may be opened. A request is a
 * place in it, an answer the same with an error or a descriptor, so there is nothing else
 * to ask for. The split-off process holds on to nothing but its end of the socket: locks
 * and rings end with the other one, and so does it. What is mapped it cannot let go of so
 * easily, and a mapped file stays locked: that is not for a child (MADV_DONTFORK). */
#include "base/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/pass-fds.h"

#define TUN_DEVICE "/dev/net/tun"
#define HANDED_MAX 32

const char *const opener_kind_names[] = { "file", "tap", "tapdev", "socket", NULL };

enum entry_state { IDLE, ASKED, ANSWERED };

struct entry {
	struct opener_thing thing; /* its name is ours */
	enum entry_state state;
	int result; /* ANSWERED: a descriptor, or -errno */
};

struct message {
	uint32_t place;
	int32_t err;
};

struct handed {
	struct opener_thing thing;
	int fd; /* -1: taken */
};

static struct entry *entries;
static unsigned nentries;
static struct handed handed[HANDED_MAX];
static unsigned nhanded;
static bool sealed;
static int channel = -1;
static pid_t opener;

/* --- opening --------------------------------------------------------------------- */

static bool is_block_device(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISBLK(st.st_mode);
}

/* Not to hang in a fifo, it is opened O_NONBLOCK; but io_uring takes that flag as a wish
 * to fail rather than to wait. A drive without a medium says that there is no such
 * device, as does a socket, which will not become a disk. */
static int open_file(const struct opener_thing *thing)
{
	int err, fd = open(thing->name, thing->flags | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && !fcntl(fd, F_SETFL, thing->flags))
		return fd;
	err = -errno;
	if (fd >= 0)
		close(fd);
	if ((err == -ENXIO || err == -ENODEV) && is_block_device(thing->name))
		return -ENOMEDIUM;
	return err;
}

/* A device is one interface's, whatever the name. */
static int open_tap(const char *device, const char *name, int flags)
{
	struct ifreq request = { .ifr_flags = (short)flags };
	int err, fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (!ioctl(fd, TUNSETIFF, &request))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* On a unix socket there is nothing to wait for. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int err, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)) && !fcntl(fd, F_SETFL, 0))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int opener_open_here(const struct opener_thing *thing)
{
	switch (thing->kind) {
	case OPENER_FILE:
		return open_file(thing);
	case OPENER_TAP:
		return open_tap(TUN_DEVICE, thing->name, thing->flags);
	case OPENER_TAPDEV:
		return open_tap(thing->name, "", thing->flags);
	case OPENER_SOCKET:
		return connect_to(thing->name);
	}
	return -EINVAL;
}

/* --- the other process ------------------------------------------------------------ */

static void serve(int fd)
{
	struct message message;

	while (recv(fd, &message, sizeof(message), 0) == sizeof(message)) {
		int got = message.place < nentries ? opener_open_here(&entries[message.place].thing)
						   : -EPERM;

		message.err = got < 0 ? got : 0;
		if (pass_fds(fd, &message, sizeof(message), &got, got >= 0))
			return;
		if (got >= 0)
			close(got);
	}
}

/* Signals to the whole group are not for it: it ends when there is nobody to serve. */
static void run_opener(int fd)
{
	prctl(PR_SET_NAME, "xenvirtiod-open");
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	dup2(fd, STDIN_FILENO);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	if (!pass_fds(STDIN_FILENO, &(struct message){ 0 }, sizeof(struct message), NULL, 0))
		serve(STDIN_FILENO);
	_exit(0);
}

/* Not before it has let go of what it inherited, locks among them. */
static int wait_for_opener(int fd)
{
	struct message message;

	return recv(fd, &message, sizeof(message), 0) == sizeof(message) ? 0 : -ECHILD;
}

static int split_off(void)
{
	int err, ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	opener = fork();
	err = opener < 0 ? -errno : 0;
	if (!opener)
		run_opener(ends[1]);
	close(ends[1]);
	if (!err)
		err = wait_for_opener(ends[0]);
	if (err)
		close(ends[0]);
	else
		channel = ends[0];
	return err;
}

static int add_entry(const struct opener_thing *thing)
{
	char *name = strdup(thing->name);

	if (!name)
		return -ENOMEM;
	entries[nentries].thing = *thing;
	entries[nentries++].thing.name = name;
	return 0;
}

int opener_seal(const struct opener_thing *things, unsigned count)
{
	int err = 0;

	entries = calloc(count + 1, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	while (!err && nentries < count)
		err = add_entry(&things[nentries]);
	if (!err && count)
		err = split_off();
	if (err) {
		log_error("cannot split off what opens files later: %s", strerror(-err));
		opener_end();
	}
	sealed = !err;
	return err;
}

void opener_end(void)
{
	unsigned i;

	opener_drop_handed();
	if (channel >= 0) {
		close(channel);
		waitpid(opener, NULL, 0);
	}
	for (i = 0; i < nentries; i++) {
		if (entries[i].state == ANSWERED && entries[i].result >= 0)
			close(entries[i].result);
		free((char *)(uintptr_t)entries[i].thing.name);
	}
	free(entries);
	entries = NULL;
	nentries = 0;
	channel = -1;
	sealed = false;
}

/* --- asking for it ---------------------------------------------------------------- */

static bool is_same(const struct opener_thing *a, const struct opener_thing *b)
{
	return a->kind == b->kind && a->flags == b->flags && a->number == b->number &&
	       !strcmp(a->name, b->name);
}

static struct entry *find(const struct opener_thing *thing)
{
	unsigned i;

	for (i = 0; i < nentries; i++)
		if (is_same(&entries[i].thing, thing))
			return &entries[i];
	return NULL;
}

static struct handed *find_handed(const struct opener_thing *thing)
{
	unsigned i;

	for (i = 0; i < nhanded; i++)
		if (handed[i].fd >= 0 && is_same(&handed[i].thing, thing))
			return &handed[i];
	return NULL;
}

static void take_answers(void)
{
	struct message message;
	int fds[PASS_FDS_MAX];
	unsigned count = 0;

	while (pass_fds_take(channel, &message, sizeof(message), fds, &count) == sizeof(message)) {
		entries[message.place].state = ANSWERED;
		entries[message.place].result = count ? fds[0] : message.err;
		count = 0;
	}
}

/* The opener is gone only if somebody has killed it. */
static void request(struct entry *entry)
{
	const struct message message = { .place = (uint32_t)(entry - entries) };

	entry->state = ASKED;
	if (send(channel, &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return;
	entry->state = ANSWERED;
	entry->result = -errno;
}

int opener_ask(const struct opener_thing *thing)
{
	struct entry *entry;

	if (!sealed || find_handed(thing))
		return 0;
	entry = find(thing);
	if (!entry)
		return 0;
	take_answers();
	if (entry->state == IDLE)
		request(entry);
	return entry->state == ANSWERED ? 0 : -EINPROGRESS;
}

int opener_take(const struct opener_thing *thing)
{
	struct handed *handed_over = find_handed(thing);
	int fd = handed_over ? handed_over->fd : -1;

	if (handed_over)
		handed_over->fd = -1;
	return fd;
}

int opener_open(const struct opener_thing *thing)
{
	struct entry *entry;
	int fd = opener_take(thing);

	if (fd >= 0)
		return fd;
	if (!sealed)
		return opener_open_here(thing);
	entry = find(thing);
	if (!entry)
		return -EPERM;
	if (opener_ask(thing))
		return -EINPROGRESS;
	entry->state = IDLE;
	return entry->result;
}

/* --- what is handed over ------------------------------------------------------------ */

int opener_hand_over(const struct opener_thing *thing, int fd)
{
	if (nhanded == HANDED_MAX)
		return -E2BIG;
	handed[nhanded++] = (struct handed){ *thing, fd };
	return 0;
}

void opener_drop_handed(void)
{
	while (nhanded)
		if (handed[--nhanded].fd >= 0)
			close(handed[nhanded].fd);
}
