/* SPDX-License-Identifier: GPL-2.0-or-later */
/* steer.h: a frame that came by the port of one receive queue and is for another is lent
 * to that one, which may be at home on another thread. */
#pragma once
#include <sys/queue.h>

#include "base/loop.h"

STAILQ_HEAD(net_loans, net_loan);

/* Of a receive queue. */
struct net_steer {
	struct loop *loop;
	/* At the end of a turn: net_steer_next() has some. Each is to be given back, then
	 * or later. */
	void (*arrived)(struct net_steer *steer);
	struct net_loans loans; /* that have arrived */
	struct loop_work arrival;
};

/* Of a frame. */
struct net_loan {
	struct net_steer *owner, *borrower;
	void (*came_back)(struct net_loan *loan); /* on the owner's thread */
	STAILQ_ENTRY(net_loan) entry;
	struct loop_work work;
};

void net_steer_init(struct net_steer *steer, struct loop *loop,
		    void (*arrived)(struct net_steer *steer));

/* On the owner's thread. Loans to one queue arrive in the order in which they were made;
 * until it has come back the frame is the borrower's alone. */
void net_loan_lend(struct net_loan *loan, struct net_steer *borrower);

/* On the borrower's: the oldest that has arrived, or NULL. */
struct net_loan *net_steer_next(struct net_steer *steer);
void net_loan_return(struct net_loan *loan);
