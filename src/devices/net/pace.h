/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pace.h: when to look for frames again: when told that there are some, or a moment later.
 *
 * To be told costs more than all else: a doorbell stops the guest's vCPU, and where
 * both sides share a CPU each frame has one of its own. A look after a moment finds
 * what has gathered; but who waits for an answer to one frame waits longer. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

/* Of one direction of a port, on its thread. Begins as { .look.fire = ... }, which looks
 * for frames. */
struct net_pace {
	struct loop_timer look;
	uint64_t resting; /* to be told since then, ns; 0: not resting */
	unsigned soon;    /* how many times in a row it was told soon */
	unsigned trials;  /* that were in vain, in a row */
	unsigned misses;  /* looks that found nothing, in a row */
	uint64_t moved;   /* net_port.moved as it was at the last look */
	uint64_t moment;  /* ns from one look to the next */
	bool paced;       /* the last look was to be followed by another one */
};

/* Nothing was there @now, ns: it is told when there is. */
void pace_rest(struct net_pace *pace, uint64_t now);

/* It was told, and there was something. */
void pace_told(struct net_pace *pace, uint64_t now);

/* So many @frames were found, and the port has moved so many bytes until now. True if
 * look.fire() comes in a moment; else it is time to look again, and to rest. */
bool pace_again(struct net_pace *pace, struct loop *loop, unsigned frames, uint64_t moved);
