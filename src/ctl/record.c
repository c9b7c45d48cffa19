/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record.c: see record.h. Each change is a new file in the old one's place, so that who reads
 * it finds the one or the other; who changes it has a lock on the directory. */
#include "ctl/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/bdf.h"
#include "base/log.h"
#include "base/options.h"
#include "base/runtime.h"

#define PATH_BYTES 256

struct change {
	const char *add; /* a line; NULL: none */
	const char *drop;
	bool dropped;
	const char *forget;
};

/* "bdf=00:08.0" */
static bool is_place(const char *item, struct pci_bdf place)
{
	const char *at = strchr(item, '=');
	struct pci_bdf bdf;

	return at && (!strncmp(item, "bdf=", 4) || !strncmp(item, "port=", 5)) &&
	       bdf_parse(at + 1, &bdf) && bdf_sbdf(bdf) == bdf_sbdf(place);
}

static bool is_of(const char *line, const char *function)
{
	const char *options = strchr(line, ' ');
	char *text = options ? strdup(options + 1) : NULL, *rest = text;
	struct pci_bdf place;
	bool is = false;

	while (rest && !is && bdf_parse(function, &place))
		is = is_place(options_next_item(&rest), place);
	free(text);
	return is;
}

static bool stays(struct change *change, const char *line)
{
	if (change->forget)
		return !is_of(line, change->forget);
	if (!change->drop || change->dropped)
		return true;
	change->dropped = !strcmp(line, change->drop);
	return !change->dropped;
}

/* How many lines there are. */
static unsigned copy(FILE *from, FILE *to, struct change *change)
{
	unsigned lines = 0;
	char *line = NULL;
	size_t room = 0;

	while (from && getline(&line, &room, from) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (stays(change, line) && fprintf(to, "%s\n", line) > 0)
			lines++;
	}
	free(line);
	if (change->add && fprintf(to, "%s\n", change->add) > 0)
		lines++;
	return lines;
}

static int end(FILE *file)
{
	bool failed = ferror(file);

	if (fclose(file))
		return -errno;
	return failed ? -EIO : 0;
}

static int write_anew(const char *path, const char *temporary, struct change *change)
{
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *from = fopen(path, "re"), *to = fd < 0 ? NULL : fdopen(fd, "w");
	unsigned lines = to ? copy(from, to, change) : 0;
	int err = to ? 0 : -errno;

	if (from)
		fclose(from);
	if (to)
		err = end(to);
	if (!err && lines)
		return rename(temporary, path) ? -errno : 0;
	unlink(temporary);
	if (!err)
		unlink(path);
	return err;
}

static int change_record(const char *instance, struct change *change)
{
	char path[PATH_BYTES], temporary[PATH_BYTES];
	int lock, err = runtime_path(path, sizeof(path), instance, RUNTIME_ATTACHED);

	if (!err)
		err = runtime_path(temporary, sizeof(temporary), instance, RUNTIME_ATTACHED ".new");
	if (err)
		return err;
	lock = open(runtime_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX))
		err = -errno;
	else
		err = write_anew(path, temporary, change);
	if (lock >= 0)
		close(lock);
	if (err)
		log_error("%s: %s", path, strerror(-err));
	return err;
}

int record_add(const char *instance, const char *line)
{
	return change_record(instance, &(struct change){ .add = line });
}

int record_take_back(const char *instance, const char *line)
{
	return change_record(instance, &(struct change){ .drop = line });
}

int record_forget(const char *instance, const char *bdf)
{
	return change_record(instance, &(struct change){ .forget = bdf });
}
