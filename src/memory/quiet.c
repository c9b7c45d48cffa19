/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quiet.c: a xentoollog logger that speaks at level debug only. */
#include "memory/quiet.h"

#include <stdio.h>

#include "base/log.h"

static void message(struct xentoollog_logger *logger, xentoollog_level level, int errnoval,
		    const char *context, const char *format, va_list al)
{
	char text[256];

	(void)logger, (void)level, (void)errnoval;
	vsnprintf(text, sizeof(text), format, al);
	log_debug("%s: %s", context ? context : "libxen", text);
}

static void progress(struct xentoollog_logger *logger, const char *context, const char *doing,
		     int percent, unsigned long done, unsigned long total)
{
	(void)logger, (void)context, (void)doing, (void)percent, (void)done, (void)total;
}

xentoollog_logger *quiet_logger(void)
{
	static xentoollog_logger logger = { .vmessage = message, .progress = progress };

	return &logger;
}
