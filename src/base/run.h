/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run.h: another program, run to its end. */
#pragma once
#include "base/reason.h"

struct run {
	const char *const *argv;        /* the first one is its path */
	const char *const *environment; /* "NAME=value", in place of or beside our own */
	unsigned seconds;               /* longer, and it is killed with all that it has started */
};

/* Both lists end with NULL. There is no shell in between; the program has a process
 * group of its own, nothing to read, none of our descriptors, and what it writes goes to
 * the log line by line. Waits for its end, so it is nothing for main while a guest is
 * served. 0 if its status was 0; or -errno with the reason and its last line: -ETIMEDOUT
 * if it was killed, -EIO if it failed, another one if it could not be started. */
int run_program(const struct run *run, struct reason *why);
