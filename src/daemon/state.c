/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state.c: the file that outlives the process. */
#include "daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/runtime.h"
#include "ioreq/server.h"

#define MAGIC 0x58565331U /* "XVS1" */

/* systemd makes the directory that it names. */
static int find_path(struct state *state, const char *instance)
{
	const char *directory = runtime_directory();
	int err;

	if (!getenv("RUNTIME_DIRECTORY") && mkdir(directory, 0700) && errno != EEXIST) {
		err = -errno;
		log_error("%s: %m", directory);
		return err;
	}
	err = runtime_path(state->record, sizeof(state->record), instance, RUNTIME_ATTACHED);
	return err ? err : runtime_path(state->path, sizeof(state->path), instance, "state");
}

static int open_locked(struct state *state)
{
	state->fd = open(state->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (state->fd < 0)
		return -errno;
	if (flock(state->fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

/* The file that we locked may be one that its owner has just removed. */
static int lock_file(struct state *state)
{
	struct stat st;
	int err;

	for (;;) {
		err = open_locked(state);
		if (!err && fstat(state->fd, &st))
			err = -errno;
		if (err || st.st_nlink)
			break;
		close(state->fd);
	}
	if (err)
		log_error("%s: %s", state->path,
			  err == -EBUSY ? "another process serves this instance" : strerror(-err));
	return err;
}

/* Allocated in full: a store into a hole of a full file system would be SIGBUS. What is split
 * off later has no part in it, and so not in the lock. */
static int map_file(struct state *state)
{
	size_t bytes = sizeof(*state->region);
	int err = -posix_fallocate(state->fd, 0, (off_t)bytes);
	void *region = MAP_FAILED;

	if (!err) {
		region = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, state->fd, 0);
		err = region == MAP_FAILED ? -errno : 0;
	}
	if (err) {
		log_error("%s: %s", state->path, strerror(-err));
		return err;
	}
	madvise(region, bytes, MADV_DONTFORK);
	state->region = region;
	return 0;
}

/* The server's number is good in every version, the rest in its own only. */
static void drop_if_foreign(struct state_region *region, uint32_t domid)
{
	bool same_domain = region->magic == MAGIC && region->domid == domid;
	int32_t server = same_domain ? region->server : IOREQ_NO_SERVER;

	if (same_domain && region->bytes == sizeof(*region) && region->layout == STATE_LAYOUT)
		return;
	if (server != IOREQ_NO_SERVER)
		log_warning("what the guest has made of its devices is another version's, and of "
			    "no use: they are as if newly plugged in");
	memset(region, 0, sizeof(*region));
	region->bytes = sizeof(*region);
	region->layout = STATE_LAYOUT;
	region->domid = domid;
	region->server = server;
	region->magic = MAGIC;
}

int state_open(struct state *state, const char *instance, uint32_t domid)
{
	int err;

	*state = (struct state){ .fd = -1 };
	err = find_path(state, instance);
	if (!err)
		err = lock_file(state);
	if (!err)
		err = map_file(state);
	if (err) {
		state_close(state);
		return err;
	}
	drop_if_foreign(state->region, domid);
	if (state->region->server == IOREQ_NO_SERVER)
		unlink(state->record);
	return 0;
}

void state_remove(struct state *state)
{
	unlink(state->record);
	unlink(state->path);
}

void state_close(struct state *state)
{
	if (state->region)
		munmap(state->region, sizeof(*state->region));
	if (state->fd >= 0)
		close(state->fd);
	*state = (struct state){ .fd = -1 };
}
