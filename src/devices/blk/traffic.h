/* SPDX-License-Identifier: GPL-2.0-or-later */
/* traffic.h: what a disk's queue has done, and how long it took. */
#pragma once
#include <linux/virtio_blk.h>

#include "base/stats.h"
#include "devices/blk/store.h"

/* Four for each power of two of ns. */
#define BLK_LATENCIES 160

struct blk_traffic {
	counter_t done[BLK_OPS], bytes[BLK_OPS];
	counter_t ns; /* of all together */
	counter_t latencies[BLK_LATENCIES];
};

/* Requests that succeeded. */
struct blk_alike {
	uint32_t type;  /* VIRTIO_BLK_T_* */
	uint64_t since; /* ns: found in the ring */
	uint32_t requests;
	uint64_t bytes;
};

/* Counts them as done @now, and sets them to none. */
void blk_traffic_count(struct blk_traffic *traffic, struct blk_alike *alike, uint64_t now);

void blk_traffic_add(struct blk_traffic *sum, const struct blk_traffic *traffic);
void blk_traffic_stats(const struct blk_traffic *traffic, const struct stats *stats);
