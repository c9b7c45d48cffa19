/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xenstore.c: libxenstore of the fake Xen: a table of nodes, read only for the
 * daemon, with watches. Nodes between the root and an entry exist implicitly.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "world.h"

struct xs_handle {
	struct restricted restricted;
	int handle;
};

struct xs_handle *xs_open(unsigned long flags)
{
	struct xs_handle *h;

	(void)flags;
	if (!world_call(FAKE_XS_OPEN, 2, 0))
		return NULL;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	world_lock();
	h->handle = handle_new();
	world_unlock();
	if (h->handle < 0) {
		free(h);
		return NULL;
	}
	restricted_open(&h->restricted, false);
	return h;
}

void xs_close(struct xs_handle *h)
{
	unsigned int i;

	if (!h)
		return;
	world_lock();
	for (i = 0; i < sizeof(world->watch) / sizeof(world->watch[0]); i++)
		if (world->watch[i].handle == h->handle)
			world->watch[i].used = false;
	handle_free(h->handle);
	world_unlock();
	restricted_close(&h->restricted);
	free(h);
}

/* ---- nodes (lock held) -------------------------------------------------------- */

static void full_path(char *full, size_t size, const char *path)
{
	bool absolute = path[0] == '/' || path[0] == '@';

	snprintf(full, size, "%s%s", absolute ? "" : "/local/domain/0/", path);
}

/* Is path at or below top? */
static bool below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return !strncmp(path, top, n) && (!path[n] || path[n] == '/' || !strcmp(top, "/"));
}

static struct node *node_find(const char *path)
{
	unsigned int i;

	for (i = 0; i < MAX_NODES; i++)
		if (world->node[i].used && !strcmp(world->node[i].path, path))
			return &world->node[i];
	return NULL;
}

static struct node *node_new(const char *path)
{
	unsigned int i;

	for (i = 0; i < MAX_NODES && world->node[i].used; i++)
		;
	if (i == MAX_NODES)
		abort();
	world->node[i].used = true;
	snprintf(world->node[i].path, sizeof(world->node[i].path), "%s", path);
	return &world->node[i];
}

static void event_queue(const struct watch *w, const char *path)
{
	uint32_t n = world->next_event++ % MAX_EVENTS;

	snprintf(world->event[n].path, sizeof(world->event[n].path), "%s", path);
	snprintf(world->event[n].token, sizeof(world->event[n].token), "%s", w->token);
	handle_queue(w->handle, n);
}

void xs_fire(const char *path)
{
	unsigned int i;

	for (i = 0; i < sizeof(world->watch) / sizeof(world->watch[0]); i++) {
		const struct watch *w = &world->watch[i];

		if (w->used && (below(path, w->path) || below(w->path, path)))
			event_queue(w, path);
	}
}

/* ---- what the test writes -------------------------------------------------------- */

void fake_xs_write(const char *path, const char *value)
{
	struct node *node;

	world_lock();
	node = node_find(path);
	if (!node)
		node = node_new(path);
	snprintf(node->value, sizeof(node->value), "%s", value);
	xs_fire(path);
	world_unlock();
}

void fake_xs_rm(const char *path)
{
	unsigned int i;

	world_lock();
	for (i = 0; i < MAX_NODES; i++)
		if (below(world->node[i].path, path))
			world->node[i].used = false;
	xs_fire(path);
	world_unlock();
}

bool fake_xs_get(const char *path, char *value, size_t size)
{
	struct node *node;

	world_lock();
	node = node_find(path);
	if (node)
		snprintf(value, size, "%s", node->value);
	world_unlock();
	return node;
}

/* ---- the library ------------------------------------------------------------------ */

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
	char full[96];
	struct node *node;
	char *value = NULL;

	(void)t;
	if (!world_call(FAKE_XS_READ, 2, 0) || !restricted_allows(&h->restricted, 0))
		return NULL;
	full_path(full, sizeof(full), path);
	world_lock();
	node = node_find(full);
	if (node)
		value = strdup(node->value);
	world_unlock();
	if (!value)
		errno = ENOENT;
	else if (len)
		*len = (unsigned int)strlen(value);
	return value;
}

/* Add the child of top on the way to path, once. */
static unsigned int child_add(char names[][64], unsigned int nr, const char *path, const char *top)
{
	const char *name = path + strlen(top) + 1;
	size_t len = strcspn(name, "/");
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (strlen(names[i]) == len && !strncmp(names[i], name, len))
			return nr;
	snprintf(names[nr], sizeof(names[nr]), "%.*s", (int)len, name);
	return nr + 1;
}

/* The real library returns one block: pointers, then the strings. */
static char **string_block(char names[][64], unsigned int nr)
{
	char **block = calloc(1, (nr + 1) * (sizeof(char *) + 64)), *text;
	unsigned int i;

	if (!block)
		return NULL;
	text = (char *)(block + nr + 1);
	for (i = 0; i < nr; i++, text += 64)
		block[i] = memcpy(text, names[i], 64);
	return block;
}

char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *num)
{
	char names[MAX_NODES][64], full[96];
	unsigned int i, nr = 0;
	bool exists = false;

	(void)t;
	if (!world_call(FAKE_XS_DIRECTORY, 2, 0) || !restricted_allows(&h->restricted, 0))
		return NULL;
	full_path(full, sizeof(full), path);
	world_lock();
	for (i = 0; i < MAX_NODES; i++) {
		const struct node *node = &world->node[i];

		if (!node->used || !below(node->path, full))
			continue;
		exists = true;
		if (strcmp(node->path, full))
			nr = child_add(names, nr, node->path, full);
	}
	world_unlock();
	*num = nr;
	errno = ENOENT;
	return exists ? string_block(names, nr) : NULL;
}

char *xs_get_domain_path(struct xs_handle *h, unsigned int domid)
{
	char *path = NULL;

	(void)h;
	if (asprintf(&path, "/local/domain/%u", domid) < 0)
		return NULL;
	return path;
}

bool xs_is_domain_introduced(struct xs_handle *h, unsigned int domid)
{
	(void)h;
	return !domid || (domid == FAKE_DOMID && world->alive);
}

/* ---- watches ----------------------------------------------------------------------- */

/* A new watch fires at once. */
static bool watch_add(int handle, const char *path, const char *token)
{
	unsigned int i, nr = sizeof(world->watch) / sizeof(world->watch[0]);
	struct watch *w;

	for (i = 0; i < nr && world->watch[i].used; i++)
		;
	if (i == nr) {
		errno = E2BIG;
		return false;
	}
	w = &world->watch[i];
	w->used = true;
	w->handle = handle;
	full_path(w->path, sizeof(w->path), path);
	snprintf(w->token, sizeof(w->token), "%s", token);
	event_queue(w, w->path);
	return true;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	bool added;

	if (!world_call(FAKE_XS_WATCH, 2, 0) || !restricted_allows(&h->restricted, 0))
		return false;
	world_lock();
	added = watch_add(h->handle, path, token);
	world_unlock();
	return added;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
	unsigned int i, nr = sizeof(world->watch) / sizeof(world->watch[0]);
	bool found = false;
	char full[96];

	full_path(full, sizeof(full), path);
	world_lock();
	for (i = 0; i < nr && !found; i++) {
		struct watch *w = &world->watch[i];

		found = w->used && w->handle == h->handle && !strcmp(w->path, full) &&
			!strcmp(w->token, token);
		if (found)
			w->used = false;
	}
	world_unlock();
	errno = ENOENT;
	return found;
}

int xs_fileno(struct xs_handle *h)
{
	return world->handle[h->handle].fd;
}

char **xs_check_watch(struct xs_handle *h)
{
	char text[2][64];
	char **vec = NULL;
	uint32_t n;

	world_lock();
	if (handle_take(h->handle, &n)) {
		snprintf(text[XS_WATCH_PATH], sizeof(text[0]), "%.63s", world->event[n].path);
		snprintf(text[XS_WATCH_TOKEN], sizeof(text[0]), "%s", world->event[n].token);
		vec = string_block(text, 2);
	} else {
		errno = EAGAIN;
	}
	world_unlock();
	return vec;
}

char **xs_read_watch(struct xs_handle *h, unsigned int *num)
{
	struct pollfd pfd = { .fd = xs_fileno(h), .events = POLLIN };
	char **vec;

	do {
		if (poll(&pfd, 1, -1) < 0)
			return NULL;
		vec = xs_check_watch(h);
	} while (!vec);
	*num = 2;
	return vec;
}
