/* SPDX-License-Identifier: GPL-2.0-or-later */
/* toolstack.h: what xl(1) is asked to do with a guest, and how it is. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Why a domain has shut down, by the letters of "xl list" (shutdown_reason_letters in Xen's
 * tools/xl/xl_info.c). */
enum shutdown_reason {
	SHUTDOWN_POWEROFF,
	SHUTDOWN_REBOOT,
	SHUTDOWN_CRASH,
	SHUTDOWN_WATCHDOG,
	SHUTDOWN_SOFT_RESET,
	SHUTDOWN_REASONS,
};

/* What is to be done then: on_poweroff= and the like. */
enum shutdown_action {
	ACTION_DESTROY,
	ACTION_RESTART,
	ACTION_PRESERVE,
	ACTION_DUMP_DESTROY,
	ACTION_DUMP_RESTART,
	ACTION_OTHER,
};

struct guest_config {
	char name[128];
	enum shutdown_action on[SHUTDOWN_REASONS];
};

extern const char *const shutdown_names[SHUTDOWN_REASONS]; /* "poweroff" */

/* As xl understands @path, an xl.cfg(5). 0, or -errno after a line in the log; the same for all
 * others here. */
int toolstack_read_config(const char *path, struct guest_config *config);

/* Paused, without an xl that waits for its end. */
int toolstack_create(const char *path);
int toolstack_find(const char *name, unsigned *domid);
int toolstack_unpause(unsigned domid);

/* Asks the guest to power off. */
int toolstack_shutdown(unsigned domid);
int toolstack_destroy(unsigned domid);
int toolstack_dump(unsigned domid, const char *name);

enum guest_state { GUEST_RUNS, GUEST_SHUT_DOWN, GUEST_DIES, GUEST_GONE };

/* enum guest_state; with GUEST_SHUT_DOWN @reason is set. */
int toolstack_state(unsigned domid, enum shutdown_reason *reason);
