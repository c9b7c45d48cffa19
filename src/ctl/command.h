/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command.h: other programs, found by $PATH, each in a session of its own: what the terminal
 * sends is for us alone. Standard error is ours. */
#pragma once
#include <sys/types.h>

/* @output: its standard output, or -1: ours. @more: "NAME=value" in front of our environment, or
 * NULL. Its pid, or -errno after a line in the log. */
pid_t command_spawn(const char *const *argv, const char *more, int output);

/* To its end. 0, or -EIO after a line in the log: it failed, or was not to be had. */
int command_run(const char *const *argv);

/* The same, with what it writes to standard output, to be freed; NULL: it failed. */
char *command_output(const char *const *argv);
