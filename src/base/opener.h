/* SPDX-License-Identifier: GPL-2.0-or-later */
/* opener.h: the only way to what has a name: files, taps, sockets.
 *
 * While the program starts things are opened here and now. From opener_seal() on it opens
 * nothing by name any more: a small process that was split off does, what it was told then
 * and nothing else; and what an administrator brings is handed over. So main never waits
 * for a file system that does not answer, and who breaks into it gets nothing new.
 *
 * On main only. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define OPENER_NAME_BYTES 4096
#define OPENER_NAP_NS     10000000ULL /* until it is worth asking again */

enum opener_kind {
	OPENER_FILE,   /* @flags as open(2)'s */
	OPENER_TAP,    /* queue @number of the interface @name; @flags are TUNSETIFF's */
	OPENER_TAPDEV, /* the same of the device @name */
	OPENER_SOCKET, /* the listener at @name, a unix stream */
};

extern const char *const opener_kind_names[]; /* "file", ...; NULL at the end */

struct opener_thing {
	enum opener_kind kind;
	int flags;
	unsigned number;
	const char *name;
};

/* For who lists things; what is named stays valid. */
typedef void opener_add(void *arg, const struct opener_thing *thing);

/* The descriptor, close-on-exec, or -errno. By whoever calls it. */
int opener_open_here(const struct opener_thing *thing);

/* The descriptor, or -errno: -EINPROGRESS if it has to be asked for again, -EPERM for what
 * may not be opened any more. It is the caller's. */
int opener_open(const struct opener_thing *thing);

/* Several things that are wanted together: 0 if opener_open() knows an answer for this one. */
int opener_ask(const struct opener_thing *thing);

/* Splits the process off, before there are threads. Names are copied. 0 or -errno. */
int opener_seal(const struct opener_thing *things, unsigned count);
void opener_end(void);

/* What opener_open() takes first, until opener_drop_handed(), whose it is then. The name
 * stays valid. 0 or -E2BIG. */
int opener_hand_over(const struct opener_thing *thing, int fd);
int opener_take(const struct opener_thing *thing); /* -1 if it was not handed over */
void opener_drop_handed(void);
