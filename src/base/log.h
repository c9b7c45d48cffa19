/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.h: one line per event on stderr, readable by people and by journald.
 *
 * log_error() and friends are for the host's events. What a guest can cause
 * goes through log_guest(), which is limited per call site so that no guest
 * can flood the log; how many lines were held back is said with the next one. */
#pragma once
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* NULL-terminated, in the order of enum log_level; for the option parser. */
extern const char *const log_level_names[];

/* Before anything is opened. @instance is put in front of each line; NULL for
 * none. It must stay valid. A log that goes nowhere is no harm from here on. */
void log_init(const char *instance, enum log_level level);

/* From any thread. */
void log_set_level(enum log_level level);

/* From here on the last error of this thread is put into @text as well; NULL: no more. */
void log_keep(char *text, size_t size);

/* Who speaks, if not xenvirtiod. @name must stay valid. */
void log_program(const char *name);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_DEBUG, __VA_ARGS__)

/* A token bucket: LOG_BURST lines at once, then one a second. */
#define LOG_BURST 5

struct log_limit {
	atomic_flag busy;
	bool started;
	unsigned tokens, suppressed;
	uint64_t refilled; /* seconds */
};

/* True if a line may be written now; *@suppressed is how many were not since. */
bool log_allowed(struct log_limit *limit, unsigned *suppressed);

void log_limited(struct log_limit *limit, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), cold));

#define log_guest(...)                                                         \
	do {                                                                   \
		static struct log_limit limit_ = { .busy = ATOMIC_FLAG_INIT }; \
		log_limited(&limit_, __VA_ARGS__);                             \
	} while (0)
