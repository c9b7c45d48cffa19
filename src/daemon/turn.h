/* SPDX-License-Identifier: GPL-2.0-or-later */
/* turn.h: what only one of the processes that serve a domain may do at a time. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* By a file in the runtime directory, which goes with the last of them. */
struct turn {
	char path[256];
	int fd;
	bool ours;
};

/* 0, or -errno after a line in the log. */
int turn_open(struct turn *turn, uint32_t domid);

/* True if it is our turn, until turn_give() or our end. Does not wait. */
bool turn_take(struct turn *turn);
void turn_give(struct turn *turn);
void turn_close(struct turn *turn);
