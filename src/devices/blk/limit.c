/* SPDX-License-Identifier: GPL-2.0-or-later */
/* limit.c: see limit.h. */
#include "devices/blk/limit.h"

#include "base/util.h"

#define SECOND_NS 1000000000ULL

/* Who waits for one request's time wakes up for each of them. */
#define PAUSE_NS 1000000ULL

void blk_limit_init(struct blk_limit *limit, uint64_t requests, uint64_t bytes, uint64_t burst_ns)
{
	*limit = (struct blk_limit){ .burst_ns = burst_ns,
				     .requests = { .per_second = requests },
				     .bytes = { .per_second = bytes } };
	pthread_mutex_init(&limit->lock, NULL);
}

void blk_limit_destroy(struct blk_limit *limit)
{
	pthread_mutex_destroy(&limit->lock);
}

static uint64_t ahead_of(const struct blk_rate *rate, uint64_t now)
{
	return rate->due > now ? rate->due - now : 0;
}

static void take(struct blk_rate *rate, uint64_t amount, uint64_t now)
{
	if (rate->per_second)
		rate->due = max_u64(rate->due, now) + amount * SECOND_NS / rate->per_second;
}

uint64_t blk_limit_take(struct blk_limit *limit, uint32_t bytes, uint64_t now)
{
	uint64_t ahead;

	pthread_mutex_lock(&limit->lock);
	ahead = max_u64(ahead_of(&limit->requests, now), ahead_of(&limit->bytes, now));
	if (ahead <= limit->burst_ns) {
		take(&limit->requests, 1, now);
		take(&limit->bytes, bytes, now);
	}
	pthread_mutex_unlock(&limit->lock);
	return ahead <= limit->burst_ns ? 0 : max_u64(ahead - limit->burst_ns, PAUSE_NS);
}
