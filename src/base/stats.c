/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats.c: see stats.h. */
#include "base/stats.h"

void stats_text(const struct stats *stats, const char *key, const char *value)
{
	fprintf(stats->out, "%s %s %s\n", stats->subject, key, value);
}

void stats_number(const struct stats *stats, const char *key, uint64_t value)
{
	fprintf(stats->out, "%s %s %llu\n", stats->subject, key, (unsigned long long)value);
}

void stats_part(const struct stats *stats, const char *part, unsigned index, const char *key,
		uint64_t value)
{
	fprintf(stats->out, "%s %s.%u.%s %llu\n", stats->subject, part, index, key,
		(unsigned long long)value);
}
