/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link.h: is a network interface of ours up? By rtnetlink(7), on main. */
#pragma once
#include <stdbool.h>

struct link;
struct loop;

/* Calls @changed with the state of the interface @name as it is, and whenever there is
 * news of it: its index (another one if it was deleted and made again, 0 while it is
 * not there), and whether it is up and has a carrier. NULL with errno set. Freed after
 * link_unwatch(), or without it after the loop. */
struct link *link_watch(struct loop *loop, const char *name,
			void (*changed)(void *arg, int index, bool up), void *arg);
bool link_unwatch(struct link *link); /* as loop_unwatch() */
void link_free(struct link *link);
