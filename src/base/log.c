/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.c: lines to stderr, with journald's priorities when it listens. */
#include "base/log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512

const char *const log_level_names[] = { "error", "warning", "info", "debug", NULL };

static const char *program = "xenvirtiod", *instance;
static _Atomic enum log_level threshold = LOG_INFO;
static bool journal;
static _Thread_local char *kept;
static _Thread_local size_t kept_size;

/* Whoever started us may have closed them. What is opened next, an image even,
 * would be in their place and get the lines. */
static void occupy_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
}

/* systemd.exec(5): the device and inode of the stream to the journal, which we need not have:
 * a script that a unit runs may have sent our lines elsewhere. */
static bool is_journal(const char *stream)
{
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

void log_init(const char *name, enum log_level level)
{
	occupy_standard_streams();
	signal(SIGPIPE, SIG_IGN); /* of a log that nobody reads any more */
	instance = name;
	threshold = level;
	journal = is_journal(getenv("JOURNAL_STREAM"));
}

void log_set_level(enum log_level level)
{
	threshold = level;
}

void log_program(const char *name)
{
	program = name;
}

/* One write() per line, so that lines of several threads do not mix. */
static void write_line(enum log_level level, const char *fmt, va_list ap)
{
	static const char priority[] = { '3', '4', '6', '7' };
	char line[LINE_MAX_BYTES];
	size_t n = 0;

	if (journal)
		n += (size_t)snprintf(line, sizeof(line), "<%c>", priority[level]);
	else
		n += (size_t)snprintf(line, sizeof(line), "%s: ", program);
	if (instance)
		n += (size_t)snprintf(line + n, sizeof(line) - n, "%.64s: ", instance);
	vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	n = strlen(line);
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* there is nowhere left to say so */
}

void log_keep(char *text, size_t size)
{
	kept = text;
	kept_size = size;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (kept && level == LOG_ERROR) {
		va_start(ap, fmt);
		vsnprintf(kept, kept_size, fmt, ap);
		va_end(ap);
	}
	if (level > threshold)
		return;
	va_start(ap, fmt);
	write_line(level, fmt, ap);
	va_end(ap);
}

bool log_allowed(struct log_limit *limit, unsigned *suppressed)
{
	struct timespec now;
	uint64_t second, gained;
	bool allowed;

	while (atomic_flag_test_and_set_explicit(&limit->busy, memory_order_acquire))
		;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	second = (uint64_t)now.tv_sec;
	gained = limit->started ? second - limit->refilled : LOG_BURST;
	limit->started = true;
	limit->refilled = second;
	limit->tokens = gained + limit->tokens > LOG_BURST ? LOG_BURST
							   : limit->tokens + (unsigned)gained;
	allowed = limit->tokens > 0;
	*suppressed = limit->suppressed;
	if (allowed) {
		limit->tokens--;
		limit->suppressed = 0;
	} else {
		limit->suppressed++;
	}
	atomic_flag_clear_explicit(&limit->busy, memory_order_release);
	return allowed;
}

void log_limited(struct log_limit *limit, const char *fmt, ...)
{
	unsigned suppressed;
	va_list ap;

	if (LOG_WARNING > threshold || !log_allowed(limit, &suppressed))
		return;
	if (suppressed)
		log_line(LOG_WARNING, "(%u lines like the next one were held back)", suppressed);
	va_start(ap, fmt);
	write_line(LOG_WARNING, fmt, ap);
	va_end(ap);
}
