/* SPDX-License-Identifier: GPL-2.0-or-later */
/* traffic.h: what a disk's queue has done, and how long it took. */
#pragma once
#include "base/stats.h"
#include "devices/blk/store.h"

/* Four for each power of two of ns. */
#define BLK_LATENCIES 160

struct blk_traffic {
	counter_t done[BLK_OPS], bytes[BLK_OPS];
	counter_t ns; /* of all together */
	counter_t latencies[BLK_LATENCIES];
};

/* A request that succeeded, @ns after it was found in the ring. */
void blk_traffic_done(struct blk_traffic *traffic, enum blk_op op, uint32_t bytes, uint64_t ns);

void blk_traffic_add(struct blk_traffic *sum, const struct blk_traffic *traffic);
void blk_traffic_stats(const struct blk_traffic *traffic, const struct stats *stats);
