/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats.h: what is counted, as lines "SUBJECT KEY VALUE" that xenvirtioctl reads. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

/* Counts up; one thread writes it, any may read it. */
typedef _Atomic uint64_t counter_t;

static inline void counter_add(counter_t *counter, uint64_t n)
{
	uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, now + n, memory_order_relaxed);
}

static inline uint64_t counter_read(const counter_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

struct stats {
	FILE *out;
	const char *subject; /* a device's BDF; "-": the instance */
};

void stats_text(const struct stats *stats, const char *key, const char *value);
void stats_number(const struct stats *stats, const char *key, uint64_t value);

/* Of a part: "PART.INDEX.KEY". */
void stats_part(const struct stats *stats, const char *part, unsigned index, const char *key,
		uint64_t value);
