/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link.h: is a network interface of ours up? By rtnetlink(7), on main. */
#pragma once
#include <stdbool.h>

struct link;
struct loop;

/* Calls @changed once with the state as it is, and again with each change: the
 * interface @name is up and has a carrier; it is down; or it is there again after it
 * was deleted (@anew). NULL with errno set. The loop's for as long as it lives. */
struct link *link_watch(struct loop *loop, const char *name,
			void (*changed)(void *arg, bool up, bool anew), void *arg);
void link_free(struct link *link);
