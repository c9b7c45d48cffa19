/* SPDX-License-Identifier: GPL-2.0-or-later */
/* steer.c: frames that go from one receive queue to another.
 *
 * Theory of operation. With receive-side scaling the hash of a frame says which queue
 * is to have it, and the port that it came by is that of another one as often as not.
 * The queue that has read it keeps the memory, and lends it: the loan is posted to the
 * other queue's loop, which puts what has arrived in a turn into the guest's buffers by
 * one copy at the turn's end, and posts it back. No frame is copied on the way, and
 * nothing is allocated, since the loan is part of the frame.
 *
 * Posts from one thread to another arrive in order, and all frames of a flow that come by
 * one port take the same way: so they stay in order.
 *
 * The owner reads nothing more before the last frame of its burst is back. That this
 * cannot be for ever is why the borrower never lets a loan wait: a queue that has no
 * buffers, or is not running, or was reset meanwhile, gives the frame back undelivered.
 * Otherwise two queues could wait for each other, and one that is full would hold up the
 * ports of all.
 *
 * Loans may be on their way over a reset, as reads may. Threads end before what is lent
 * is freed (workers_quit()). */
#include "devices/net/steer.h"

#include "base/util.h"

static void has_arrived(struct loop_work *work)
{
	struct net_steer *steer = container_of(work, struct net_steer, arrival);

	steer->arrived(steer);
}

void net_steer_init(struct net_steer *steer, struct loop *loop,
		    void (*arrived)(struct net_steer *steer))
{
	*steer = (struct net_steer){ .loop = loop,
				     .arrived = arrived,
				     .loans = STAILQ_HEAD_INITIALIZER(steer->loans),
				     .arrival = { .run = has_arrived } };
}

static void arrive(struct loop_work *work)
{
	struct net_loan *loan = container_of(work, struct net_loan, work);
	struct net_steer *steer = loan->borrower;

	STAILQ_INSERT_TAIL(&steer->loans, loan, entry);
	loop_defer(steer->loop, &steer->arrival);
}

void net_loan_lend(struct net_loan *loan, struct net_steer *borrower)
{
	loan->borrower = borrower;
	loan->work.run = arrive;
	loop_post(borrower->loop, &loan->work);
}

struct net_loan *net_steer_next(struct net_steer *steer)
{
	struct net_loan *loan = STAILQ_FIRST(&steer->loans);

	if (loan)
		STAILQ_REMOVE_HEAD(&steer->loans, entry);
	return loan;
}

static void come_back(struct loop_work *work)
{
	struct net_loan *loan = container_of(work, struct net_loan, work);

	loan->came_back(loan);
}

void net_loan_return(struct net_loan *loan)
{
	loan->work.run = come_back;
	loop_post(loan->owner->loop, &loan->work);
}
