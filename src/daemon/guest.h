/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest.h: one served guest: its devices, from opening to the end. */
#pragma once

struct config;
struct guest;

/* Opens what the devices serve; Xen is not touched yet. 0 or -errno after a
 * line in the log. */
int guest_open(const struct config *config, struct guest **guest);

/* Serves until the domain is gone or SIGTERM or SIGINT comes, then withdraws. SIGUSR1 ends the
 * process with RUNTIME_LEFT, and the guest waits for the next one.
 * 0, or -errno after a line in the log if serving could not begin. */
int guest_serve(struct guest *guest);

void guest_close(struct guest *guest);
