/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state.c: the record of an instance. */
#include "daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define DEFAULT_DIRECTORY "/run/xenvirtiod"
#define RECORD_FORMAT     "domain %u server %u\n"

static void read_record(struct state_record *record, uint32_t domid)
{
	unsigned recorded_domid, server;
	char text[64] = "";
	ssize_t n = pread(record->fd, text, sizeof(text) - 1, 0);

	record->server = -1;
	if (n > 0 && sscanf(text, RECORD_FORMAT, &recorded_domid, &server) == 2 &&
	    recorded_domid == domid && server <= UINT16_MAX)
		record->server = (int)server;
}

static int open_locked(struct state_record *record)
{
	int err;

	record->fd = open(record->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (record->fd < 0) {
		err = -errno;
		log_error("%s: %m", record->path);
		return err;
	}
	if (flock(record->fd, LOCK_EX | LOCK_NB)) {
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
		log_error("%s: %s", record->path,
			  err == -EBUSY ? "another process serves this instance" : strerror(-err));
		state_close(record);
		return err;
	}
	return 0;
}

int state_open(struct state_record *record, const char *instance, uint32_t domid)
{
	const char *directory = getenv("RUNTIME_DIRECTORY");
	int err;

	if (!directory) {
		directory = DEFAULT_DIRECTORY;
		if (mkdir(directory, 0700) && errno != EEXIST) {
			err = -errno;
			log_error("%s: %m", directory);
			return err;
		}
	}
	*record = (struct state_record){ .fd = -1, .server = -1 };
	if (snprintf(record->path, sizeof(record->path), "%s/%s.server", directory, instance) >=
	    (int)sizeof(record->path)) {
		log_error("%s/%s.server: too long a name", directory, instance);
		return -ENAMETOOLONG;
	}
	err = open_locked(record);
	if (!err)
		read_record(record, domid);
	return err;
}

int state_write(struct state_record *record, uint32_t domid, uint16_t server)
{
	int err;

	if (ftruncate(record->fd, 0) || lseek(record->fd, 0, SEEK_SET) ||
	    dprintf(record->fd, RECORD_FORMAT, domid, server) < 0) {
		err = -errno;
		log_error("%s: %m", record->path);
		return err;
	}
	return 0;
}

void state_remove(struct state_record *record)
{
	unlink(record->path);
}

void state_close(struct state_record *record)
{
	if (record->fd >= 0)
		close(record->fd);
	record->fd = -1;
}
