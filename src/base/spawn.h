/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spawn.h: another program, as a process. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

struct spawn {
	const char *const *argv;        /* ends with NULL */
	bool search;                    /* argv[0] may be a name in $PATH; else it is a path */
	bool session;                   /* of its own; else a process group of its own */
	const char *const *environment; /* "NAME=value" in place of or beside ours; ends with NULL */
	int output, errors;             /* its standard output and error; -1: ours */
};

/* It has nothing to read, none of our other descriptors, and signals as at first. 0 or -errno. */
int spawn_program(const struct spawn *spawn, pid_t *pid);
