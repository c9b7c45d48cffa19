/* SPDX-License-Identifier: GPL-2.0-or-later */
/* traffic.c: see traffic.h. */
#include "devices/blk/traffic.h"

#include "base/util.h"

static const char *const done_keys[] = { "reads", "writes", "flushes", "discards", "zeroings" };

static unsigned latency_index(uint64_t ns)
{
	unsigned exponent;

	if (ns < 4)
		return (unsigned)ns;
	exponent = 63U - (unsigned)__builtin_clzll(ns);
	return (unsigned)min_u64((exponent - 1) * 4 + (ns >> (exponent - 2) & 3),
				 BLK_LATENCIES - 1);
}

/* The first ns beyond. */
static uint64_t latency_end(unsigned index)
{
	return index < 4 ? index + 1ULL : (index % 4 + 5ULL) << (index / 4 - 1);
}

static bool find_op(uint32_t type, enum blk_op *op)
{
	static const uint32_t types[] = { [BLK_READ] = VIRTIO_BLK_T_IN,
					  [BLK_WRITE] = VIRTIO_BLK_T_OUT,
					  [BLK_FLUSH] = VIRTIO_BLK_T_FLUSH,
					  [BLK_DISCARD] = VIRTIO_BLK_T_DISCARD,
					  [BLK_WRITE_ZEROES] = VIRTIO_BLK_T_WRITE_ZEROES };

	for (*op = 0; *op < BLK_OPS; ++*op)
		if (types[*op] == type)
			return true;
	return false;
}

void blk_traffic_count(struct blk_traffic *traffic, struct blk_alike *alike, uint64_t now)
{
	uint64_t ns = now - alike->since;
	enum blk_op op;

	if (alike->requests && find_op(alike->type, &op)) {
		counter_add(&traffic->done[op], alike->requests);
		counter_add(&traffic->bytes[op], alike->bytes);
		counter_add(&traffic->ns, ns * alike->requests);
		counter_add(&traffic->latencies[latency_index(ns)], alike->requests);
	}
	alike->requests = 0;
	alike->bytes = 0;
}

void blk_traffic_add(struct blk_traffic *sum, const struct blk_traffic *traffic)
{
	unsigned i;

	for (i = 0; i < BLK_OPS; i++) {
		counter_add(&sum->done[i], counter_read(&traffic->done[i]));
		counter_add(&sum->bytes[i], counter_read(&traffic->bytes[i]));
	}
	counter_add(&sum->ns, counter_read(&traffic->ns));
	for (i = 0; i < BLK_LATENCIES; i++)
		counter_add(&sum->latencies[i], counter_read(&traffic->latencies[i]));
}

void blk_traffic_stats(const struct blk_traffic *traffic, const struct stats *stats)
{
	unsigned i;

	for (i = 0; i < BLK_OPS; i++)
		stats_number(stats, done_keys[i], counter_read(&traffic->done[i]));
	stats_number(stats, "read-bytes", counter_read(&traffic->bytes[BLK_READ]));
	stats_number(stats, "written-bytes", counter_read(&traffic->bytes[BLK_WRITE]));
	stats_number(stats, "latency-ns", counter_read(&traffic->ns));
	for (i = 0; i < BLK_LATENCIES; i++) {
		uint64_t count = counter_read(&traffic->latencies[i]);
		char key[40];

		if (!count)
			continue;
		snprintf(key, sizeof(key), "latency.%llu", (unsigned long long)latency_end(i));
		stats_number(stats, key, count);
	}
}
