/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pace.c: see pace.h.
 *
 * Theory of operation. Who is told soon after it has begun to rest, several times in a
 * row, tries to look by itself instead. A look is worth it that finds several frames, or
 * that comes while many bytes go through the port in either direction (the acknowledgements
 * of a stream are single frames). After the first one that was not, or a few that found
 * nothing, it rests again. After trials without any it is longer until the next. The
 * moment between looks grows until each finds a few frames. */
#include "devices/net/pace.h"

#include "base/util.h"

#define SOON       500000U /* ns */
#define MOMENT_MIN 50000U  /* ns */
#define MOMENT_MAX 200000U
#define FEW        4U /* frames: then it waits longer */
#define MANY       16U
#define FIRST      4U    /* times soon, for a trial */
#define TRIALS_MAX 8U    /* that double it */
#define BULK       4096U /* bytes */
#define MISSES     3U    /* looks that find nothing */

void pace_rest(struct net_pace *pace, uint64_t now)
{
	if (!pace->resting)
		pace->resting = now;
	pace->paced = false;
}

void pace_told(struct net_pace *pace, uint64_t now)
{
	if (!pace->resting)
		return;
	pace->soon = now - pace->resting < SOON ? pace->soon + 1 : 0;
	pace->resting = 0;
}

static bool worth_it(struct net_pace *pace, unsigned frames, uint64_t moved)
{
	bool bulk = moved - pace->moved >= BULK;

	pace->moved = moved;
	return frames > 1 || (frames && bulk);
}

static void adapt(struct net_pace *pace, unsigned frames)
{
	if (frames < FEW)
		pace->moment = min_u64(2 * pace->moment, MOMENT_MAX);
	else if (frames > MANY)
		pace->moment = max_u64(pace->moment / 2, MOMENT_MIN);
}

static bool look_later(struct net_pace *pace, struct loop *loop, unsigned frames)
{
	if (pace->paced)
		adapt(pace, frames);
	else
		pace->moment = MOMENT_MIN;
	pace->paced = true;
	loop_timer(loop, &pace->look, pace->moment);
	return true;
}

bool pace_again(struct net_pace *pace, struct loop *loop, unsigned frames, uint64_t moved)
{
	bool worth;

	if (pace->paced && !frames && pace->misses < MISSES) {
		pace->misses++;
		return look_later(pace, loop, frames);
	}
	pace->misses = 0;
	worth = worth_it(pace, frames, moved);
	if (pace->paced ? !worth : pace->soon < FIRST << pace->trials) {
		pace->paced = false;
		return false;
	}
	pace->trials = pace->paced ? 0 : (unsigned)min_u64(pace->trials + 1, TRIALS_MAX);
	pace->soon = 0;
	return look_later(pace, loop, frames);
}
