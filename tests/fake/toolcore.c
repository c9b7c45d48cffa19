/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * toolcore.c: libxentoolcore and libxentoollog of the fake Xen.
 *
 * restrict_all() acts on the handles open at that moment: device model, foreign
 * memory and event channels are bound to one domain; grant and xenstore handles
 * get /dev/null in their place and are dead from then on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xentoolcore.h>
#include <xentoollog.h>

#include "world.h"

static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct restricted *open_handles;

void restricted_open(struct restricted *r, bool survives)
{
	*r = (struct restricted){ .domid = DOMID_INVALID, .survives = survives, .pid = getpid() };
	pthread_mutex_lock(&open_lock);
	r->next = open_handles;
	open_handles = r;
	pthread_mutex_unlock(&open_lock);
}

void restricted_close(struct restricted *r)
{
	struct restricted **p;

	pthread_mutex_lock(&open_lock);
	for (p = &open_handles; *p && *p != r; p = &(*p)->next)
		;
	if (*p)
		*p = r->next;
	pthread_mutex_unlock(&open_lock);
}

bool restricted_allows(const struct restricted *r, uint32_t domid)
{
	if (r->pid != getpid())
		fake_violation("a Xen library handle was used after fork()");
	if (r->dead) {
		errno = ENOTTY;
		return false;
	}
	if (r->domid != DOMID_INVALID && r->domid != domid) {
		errno = EACCES;
		return false;
	}
	return true;
}

int xentoolcore_restrict_all(domid_t domid)
{
	struct restricted *r;

	if (!world_call(FAKE_RESTRICT, 4, 0))
		return -1;
	pthread_mutex_lock(&open_lock);
	for (r = open_handles; r; r = r->next) {
		if (r->survives)
			r->domid = domid;
		else
			r->dead = true;
	}
	pthread_mutex_unlock(&open_lock);
	return 0;
}

/* ---- logging -------------------------------------------------------------- */

void xtl_logv(struct xentoollog_logger *logger, xentoollog_level level, int errnoval,
	      const char *context, const char *format, va_list al)
{
	logger->vmessage(logger, level, errnoval, context, format, al);
}

void xtl_log(struct xentoollog_logger *logger, xentoollog_level level, int errnoval,
	     const char *context, const char *format, ...)
{
	va_list al;

	va_start(al, format);
	xtl_logv(logger, level, errnoval, context, format, al);
	va_end(al);
}

void xtl_logger_destroy(struct xentoollog_logger *logger)
{
	if (logger)
		logger->destroy(logger);
}

const char *xtl_level_to_string(xentoollog_level level)
{
	static const char *const name[] = { "none", "debug",  "verbose", "detail", "progress",
					    "info", "notice", "warning", "error",  "critical" };

	return level < XTL_NUM_LEVELS ? name[level] : "unknown";
}

struct xentoollog_logger_stdiostream {
	xentoollog_logger logger;
	xentoollog_level min_level;
	FILE *file;
};

static void stdio_message(struct xentoollog_logger *logger, xentoollog_level level, int errnoval,
			  const char *context, const char *format, va_list al)
{
	struct xentoollog_logger_stdiostream *s = (void *)logger;

	if (level < s->min_level)
		return;
	fprintf(s->file, "%s: %s: ", context ? context : "xen", xtl_level_to_string(level));
	vfprintf(s->file, format, al);
	if (errnoval >= 0)
		fprintf(s->file, ": %s", strerror(errnoval));
	fputc('\n', s->file);
}

static void stdio_destroy(struct xentoollog_logger *logger)
{
	free(logger);
}

xentoollog_logger_stdiostream *xtl_createlogger_stdiostream(FILE *f, xentoollog_level min_level,
							    unsigned int flags)
{
	struct xentoollog_logger_stdiostream *s = calloc(1, sizeof(*s));

	(void)flags;
	if (!s)
		return NULL;
	s->logger.vmessage = stdio_message;
	s->logger.destroy = stdio_destroy;
	s->min_level = min_level;
	s->file = f;
	return s;
}
