/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inflight.c: see inflight.h. */
#include "virtio/inflight.h"

#include <stdlib.h>
#include <string.h>

void inflight_reset(struct inflight *inflight)
{
	memset(inflight, 0, sizeof(*inflight));
}

struct marked {
	uint32_t age;
	uint16_t head;
};

static int oldest_first(const void *a, const void *b)
{
	uint32_t first = ((const struct marked *)a)->age, second = ((const struct marked *)b)->age;

	return (first < second) - (first > second);
}

/* Of garbage, too, no head is beyond the ring. */
static unsigned sort_marks(const struct inflight *inflight, uint16_t size,
			   uint16_t again[INFLIGHT_MAX])
{
	struct marked marked[INFLIGHT_MAX] = { 0 };
	unsigned i, count = 0;
	uint16_t head;

	for (head = 0; head < size; head++)
		if (inflight->marks[head])
			marked[count++] =
				(struct marked){ .age = inflight->last - inflight->marks[head],
						 .head = head };
	qsort(marked, count, sizeof(*marked), oldest_first);
	for (i = 0; i < count; i++)
		again[i] = marked[i].head;
	return count;
}

unsigned inflight_recover(struct inflight *inflight, uint16_t size, const uint16_t *heads,
			  unsigned count, uint16_t index, uint16_t again[INFLIGHT_MAX])
{
	inflight_show(inflight, heads, count, index);
	return sort_marks(inflight, size, again);
}
