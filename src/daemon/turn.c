/* SPDX-License-Identifier: GPL-2.0-or-later */
/* turn.c: a file with two locks, which end with their process.
 *
 * Who has the file open holds PRESENCE together with the others. Who closes it removes it
 * if there are no others, which having PRESENCE for itself proves; who opened it meanwhile
 * sees that the file has no name any more, and makes another one. */
#include "daemon/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/runtime.h"

#define TRIES    100
#define PAUSE_NS 1000000L

enum { PRESENCE, TURN }; /* bytes of the file */

/* @type as fcntl(2)'s. */
static bool lock(const struct turn *turn, int byte, short type)
{
	struct flock range = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return !fcntl(turn->fd, F_OFD_SETLK, &range);
}

static bool has_name(const struct turn *turn)
{
	struct stat st;

	return !fstat(turn->fd, &st) && st.st_nlink;
}

static int find_path(struct turn *turn, uint32_t domid)
{
	char name[32];

	snprintf(name, sizeof(name), "domain-%u", domid);
	return runtime_path(turn->path, sizeof(turn->path), name, "lock");
}

/* -EAGAIN: it is just being removed. */
static int open_present(struct turn *turn)
{
	int err = 0;

	turn->fd = open(turn->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (turn->fd < 0)
		return -errno;
	if (!lock(turn, PRESENCE, F_RDLCK))
		err = -errno;
	else if (!has_name(turn))
		err = -EAGAIN;
	if (err) {
		close(turn->fd);
		turn->fd = -1;
	}
	return err;
}

int turn_open(struct turn *turn, uint32_t domid)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	unsigned tries = TRIES;
	int err;

	*turn = (struct turn){ .fd = -1 };
	err = find_path(turn, domid);
	if (err)
		return err;
	while ((err = open_present(turn)) == -EAGAIN && --tries)
		nanosleep(&pause, NULL);
	if (err)
		log_error("%s: %s", turn->path, strerror(-err));
	return err;
}

bool turn_take(struct turn *turn)
{
	if (!turn->ours)
		turn->ours = lock(turn, TURN, F_WRLCK);
	return turn->ours;
}

void turn_give(struct turn *turn)
{
	if (turn->ours)
		lock(turn, TURN, F_UNLCK);
	turn->ours = false;
}

void turn_close(struct turn *turn)
{
	if (turn->fd < 0)
		return;
	turn_give(turn);
	lock(turn, PRESENCE, F_UNLCK);
	if (lock(turn, PRESENCE, F_WRLCK) && has_name(turn))
		unlink(turn->path);
	close(turn->fd);
	turn->fd = -1;
}
