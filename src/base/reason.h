/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reason.h: why something failed, in words, for a caller that decides whether
 * they are worth a line in the log. */
#pragma once

#define REASON_BYTES 384

struct reason {
	char text[REASON_BYTES]; /* cut where it is too long */
};

/* Returns @err. */
int reason_set(struct reason *reason, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
