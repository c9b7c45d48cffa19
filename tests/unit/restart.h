/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * restart.h: what the tests share that start daemons which may not come up, or
 * which find what a dead one left.
 */
#ifndef RESTART_H
#define RESTART_H

#include "model.h"

/* "--blk" value for a disk without an image, beside the first. */
#define RESTART_NULL_DISK "bdf=00:07.0,null=1M"

/* The usual instance, or one with a name of its own; nobody waits for it. */
struct fake_child *restart_begin(const char *disk);
struct fake_child *restart_begin_as(const char *name, const char *disk);

/* False if it ended before it served. */
bool restart_serves(struct fake_child *child);

/* It must end with status 1, and this in its log. */
void restart_refused(struct fake_child *child, const char *why);

/* Ring the doorbell on vCPU 1, which is left waiting; for vcpu_finish(). */
void restart_ring(const struct gblk *blk);

/* Kill the daemon before it gets round to that. */
void restart_die_waiting(struct fake_child *child, const struct gblk *blk);

/* The driver does not notice: what was under way is answered, and so is what comes. */
void restart_goes_on(struct gblk *blk);

/* And then it can be bound again. */
void restart_works(struct gblk *blk, const struct gblk_config *config);

#endif
