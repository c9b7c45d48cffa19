/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pass-fds.h: messages on a unix socket, with which descriptors go (unix(7), SCM_RIGHTS). */
#pragma once
#include <stddef.h>
#include <sys/types.h>

#define PASS_FDS_MAX 32

/* Sends all of @data, and the descriptors stay ours as well. 0 or -errno. */
int pass_fds(int socket, const void *data, size_t length, const int *fds, unsigned count);

/* Takes what is there, up to @length bytes, and adds its descriptors to @fds, in which there
 * are *@count. What does not fit is closed. The bytes, 0 at the end, or -errno: never waits. */
ssize_t pass_fds_take(int socket, void *data, size_t length, int fds[PASS_FDS_MAX],
		      unsigned *count);
