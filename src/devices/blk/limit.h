/* SPDX-License-Identifier: GPL-2.0-or-later */
/* limit.h: how many requests and bytes a second, with what was not used for a while saved
 * up. From any thread. */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A token bucket as a moment: by then all that was taken would have come at this rate. It
 * may lie ahead of the present by the burst. */
struct blk_rate {
	uint64_t per_second; /* 0: no limit */
	uint64_t due;        /* ns */
};

struct blk_limit {
	pthread_mutex_t lock;
	uint64_t burst_ns;
	struct blk_rate requests, bytes;
};

void blk_limit_init(struct blk_limit *limit, uint64_t requests, uint64_t bytes, uint64_t burst_ns);
void blk_limit_destroy(struct blk_limit *limit);

static inline bool blk_limit_exists(const struct blk_limit *limit)
{
	return limit->requests.per_second || limit->bytes.per_second;
}

/* A request may begin at @now, and is counted: 0. Else the ns until it is worth asking
 * again. One that is larger than the burst is let in, and the next ones wait for it. */
uint64_t blk_limit_take(struct blk_limit *limit, uint32_t bytes, uint64_t now);
