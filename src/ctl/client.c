/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client.c: see client.h; the protocol is in daemon/control.h. */
#include "ctl/client.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/pass-fds.h"
#include "base/runtime.h"

#define SUFFIX ".sock"

static int connect_to(const char *instance)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int err, fd;

	err = runtime_path(address.sun_path, sizeof(address.sun_path), instance, "sock");
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

/* A socket that a dead process has left does not answer. */
static bool answers(const char *instance)
{
	int fd = connect_to(instance);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool take_name(struct client_instances *instances, const char *file)
{
	size_t length = strlen(file);
	char *name = instances->names[instances->count];

	if (length <= strlen(SUFFIX) || strcmp(file + length - strlen(SUFFIX), SUFFIX) ||
	    length - strlen(SUFFIX) >= CLIENT_NAME_BYTES)
		return false;
	memcpy(name, file, length - strlen(SUFFIX));
	name[length - strlen(SUFFIX)] = '\0';
	return answers(name);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

int client_list(struct client_instances *instances)
{
	DIR *directory = opendir(runtime_directory());
	struct dirent *entry;

	instances->count = 0;
	if (!directory && errno == ENOENT)
		return 0;
	if (!directory) {
		int err = -errno;

		log_error("%s: %m", runtime_directory());
		return err;
	}
	while (instances->count < CLIENT_INSTANCES_MAX && (entry = readdir(directory)))
		instances->count += take_name(instances, entry->d_name);
	closedir(directory);
	qsort(instances->names, instances->count, CLIENT_NAME_BYTES, compare_names);
	return 0;
}

static int choose_only(const struct client_instances *instances, char found[CLIENT_NAME_BYTES])
{
	char all[512] = "";
	unsigned i;

	if (!instances->count) {
		log_error("no xenvirtiod is running (by %s)", runtime_directory());
		return -ENOENT;
	}
	for (i = 0; i < instances->count; i++) {
		strncat(all, i ? ", " : "", sizeof(all) - strlen(all) - 1);
		strncat(all, instances->names[i], sizeof(all) - strlen(all) - 1);
	}
	if (instances->count > 1) {
		log_error("which one? Give --name, one of %s", all);
		return -EINVAL;
	}
	memcpy(found, instances->names[0], CLIENT_NAME_BYTES);
	return 0;
}

int client_choose(const char *name, char found[CLIENT_NAME_BYTES])
{
	struct client_instances *instances;
	int err;

	if (name) {
		snprintf(found, CLIENT_NAME_BYTES, "%s", name);
		return 0;
	}
	instances = malloc(sizeof(*instances));
	if (!instances)
		return -ENOMEM;
	err = client_list(instances);
	if (!err)
		err = choose_only(instances, found);
	free(instances);
	return err;
}

static int send_request(int fd, const char *request, const int *fds, unsigned nfds)
{
	char line[CLIENT_LINE_BYTES];
	int length = snprintf(line, sizeof(line), "%s\n", request);

	if (length >= (int)sizeof(line))
		return -E2BIG;
	return pass_fds(fd, line, (size_t)length, fds, nfds);
}

static int read_all(int fd, char **text)
{
	size_t length;
	FILE *out = open_memstream(text, &length);
	char piece[4096];
	ssize_t got;
	int err;

	if (!out)
		return -ENOMEM;
	while ((got = read(fd, piece, sizeof(piece))) > 0)
		fwrite(piece, 1, (size_t)got, out);
	err = got < 0 ? -errno : 0;
	return fclose(out) ? -ENOMEM : err;
}

/* "ok", or "error WHY", and a line's end. */
static int judge(const char *instance, char *answer)
{
	char *end = strchr(answer, '\n');

	if (!end) {
		log_error("%s: it ended without an answer", instance);
		return -ECONNRESET;
	}
	if (!strncmp(answer, "ok\n", 3)) {
		memmove(answer, end + 1, strlen(end + 1) + 1);
		return 0;
	}
	*end = '\0';
	log_error("%s: %s", instance, answer + strcspn(answer, " ") + 1);
	return -EPROTO;
}

int client_ask(const char *instance, const char *request, const int *fds, unsigned nfds,
	       char **body)
{
	int err, fd = connect_to(instance);

	*body = NULL;
	if (fd < 0) {
		log_error("%s: cannot be asked: %s", instance,
			  fd == -ENOENT || fd == -ECONNREFUSED ? "no such xenvirtiod is running"
							       : strerror(-fd));
		return fd;
	}
	err = send_request(fd, request, fds, nfds);
	if (!err)
		err = read_all(fd, body);
	close(fd);
	if (err)
		log_error("%s: %s", instance, strerror(-err));
	else
		err = judge(instance, *body);
	if (err) {
		free(*body);
		*body = NULL;
	}
	return err;
}
