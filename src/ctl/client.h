/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client.h: asks a running xenvirtiod. */
#pragma once
#include <stddef.h>

#define CLIENT_INSTANCES_MAX 256
#define CLIENT_NAME_BYTES    128
#define CLIENT_LINE_BYTES    4096 /* of a request */

struct client_instances {
	char names[CLIENT_INSTANCES_MAX][CLIENT_NAME_BYTES];
	unsigned count;
};

/* Those that answer, by name. 0 or -errno after a line in the log. */
int client_list(struct client_instances *instances);

/* The one that is meant by @name, or if it is NULL the only one: then it is copied to
 * @found. 0, or -errno after a line in the log. */
int client_choose(const char *name, char found[CLIENT_NAME_BYTES]);

/* Asks @instance for @request, a line, and waits for the answer. *@body is what there is to
 * say, to be freed. 0, or -errno after a line in the log: -EPROTO if and only if it was refused. */
int client_ask(const char *instance, const char *request, const int *fds, unsigned nfds,
	       char **body);
