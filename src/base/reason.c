/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reason.c: see reason.h. */
#include "base/reason.h"

#include <stdarg.h>
#include <stdio.h>

int reason_set(struct reason *reason, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason->text, sizeof(reason->text), fmt, ap);
	va_end(ap);
	return err;
}
