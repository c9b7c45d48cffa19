/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inflight.h: which chains of a queue are being worked on, where that outlives the process.
 *
 * Theory of operation. Chains end in any order, so what the ring says is not enough to go on
 * from. A chain has a mark from before anything is done for it until its used entry was shown
 * to the guest; then @shown follows the used index. The process may die between any two
 * stores:
 *  - marked, not shown: the chain is worked on again, in the order of the marks;
 *  - shown, still marked: the used entries from @shown on say so, and the marks go;
 *  - neither: it is still to be taken. What was taken are all that were shown and all that
 *    are marked, so their number is where the next one is.
 * Plain stores do, since only a death of the process lies between writer and reader. */
#pragma once
#include <stdint.h>

#define INFLIGHT_MAX 256 /* chains of a queue */

struct inflight {
	uint32_t marks[INFLIGHT_MAX]; /* by head, in the order of taking; 0: not in flight */
	uint32_t last;                /* mark */
	uint16_t shown;               /* used index for which marks are gone */
};

/* For a ring that starts. */
void inflight_reset(struct inflight *inflight);

static inline void inflight_take(struct inflight *inflight, uint16_t head)
{
	uint32_t mark = inflight->last + 1;

	mark += !mark;
	*(volatile uint32_t *)&inflight->last = mark;
	*(volatile uint32_t *)&inflight->marks[head] = mark;
}

/* These have been shown, up to this used index. */
static inline void inflight_show(struct inflight *inflight, const uint16_t *heads, unsigned count,
				 uint16_t index)
{
	unsigned i;

	for (i = 0; i < count; i++)
		*(volatile uint32_t *)&inflight->marks[heads[i]] = 0;
	*(volatile uint16_t *)&inflight->shown = index;
}

/* What a dead process left of a ring of @size entries, where these @heads are the used ones from
 * @shown on to @index: the chains to be worked on again, oldest first, in @again. Their number. */
unsigned inflight_recover(struct inflight *inflight, uint16_t size, const uint16_t *heads,
			  unsigned count, uint16_t index, uint16_t again[INFLIGHT_MAX]);
