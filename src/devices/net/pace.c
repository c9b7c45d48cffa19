/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pace.c: see pace.h.
 *
 * Theory of operation. Who is told soon after it has begun to rest, several times in a
 * row, tries to look by itself instead. A look is worth it that finds several frames, or
 * that comes while many bytes go through the port in either direction (the acknowledgements
 * of a stream are single frames). After the first one that was not, or a few that found
 * nothing, it rests again. After trials without any it is longer until the next, but
 * not for ever: something else may have begun since. */
#include "devices/net/pace.h"

#include "base/util.h"

#define SOON       500000U /* ns */
#define MOMENT_MIN 50000U  /* ns */
#define MOMENT_MAX 200000U
#define FEW        8U /* frames */
#define MANY       16U
#define FIRST      4U    /* times soon, for a trial */
#define TRIALS_MAX 8U    /* that double it */
#define BULK       4096U /* bytes */
#define MISSES     3U    /* looks that find nothing, each after twice the time */

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
	if (now - pace->resting < SOON) {
		pace->soon++;
	} else {
		pace->soon = 0;
		pace->trials -= pace->trials > 0;
	}
	pace->resting = 0;
}

static bool worth_it(struct net_pace *pace, unsigned frames, uint64_t moved)
{
	bool bulk = moved - pace->moved >= BULK;

	pace->moved = moved;
	return frames > 1 || (frames && bulk);
}

/* Somebody may wait for a single one; a few are cheaper when they are more. */
static uint64_t moment_for(uint64_t moment, unsigned frames)
{
	if (frames > 1 && frames < FEW)
		return min_u64(2 * moment, MOMENT_MAX);
	return frames == 1 || frames > MANY ? max_u64(moment / 2, MOMENT_MIN) : moment;
}

static bool look_later(struct net_pace *pace, struct loop *loop)
{
	pace->paced = true;
	loop_timer(loop, &pace->look, min_u64(pace->moment << pace->misses, MOMENT_MAX));
	return true;
}

bool pace_again(struct net_pace *pace, struct loop *loop, unsigned frames, uint64_t moved)
{
	bool worth, trial = !pace->paced;

	if (pace->paced && !frames && pace->misses < MISSES) {
		pace->misses++;
		return look_later(pace, loop);
	}
	pace->misses = 0;
	worth = worth_it(pace, frames, moved);
	pace->paced = trial ? pace->soon >= FIRST << pace->trials : worth;
	if (!pace->paced)
		return false;
	pace->soon = 0;
	pace->trials = trial ? (unsigned)min_u64(pace->trials + 1, TRIALS_MAX) : 0;
	pace->moment = trial ? MOMENT_MIN : moment_for(pace->moment, frames);
	return look_later(pace, loop);
}
