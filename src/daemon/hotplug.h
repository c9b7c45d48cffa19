/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hotplug.h: tells a running guest that a device has come or is to go.
 *
 * An HVM guest is told as QEMU does it, by ACPI; others have to look themselves ("rescan").
 * All of it is on main. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct hotplug;
struct ioreq_server;
struct loop;

enum hotplug_way { HOTPLUG_AUTO, HOTPLUG_ACPI, HOTPLUG_RESCAN, HOTPLUG_NONE };

/* NULL-terminated, in this order; for the option parser. */
extern const char *const hotplug_way_names[];

enum hotplug_stage {
	HOTPLUG_QUEUED,  /* the guest was told nothing yet */
	HOTPLUG_SHOWN,   /* it was interrupted, and has to look */
	HOTPLUG_LEAVING, /* it knows that the device is to go, and lets go of it */
	HOTPLUG_OVER,    /* done() is next */
};

/* Embed it, with the first three filled in. */
struct hotplug_event {
	bool eject;      /* else: a device has come */
	unsigned device; /* its number on bus 0, 1 to 31 */

	/* Once, never from inside a call of this module's. A device has come: 0 when the guest
	 * knows. It is to go: 0 when the guest has let go of it. -ETIMEDOUT: the guest did
	 * not look, or did not let go (it may still do so). -EBUSY: it was never
	 * our turn. -EOPNOTSUPP: this guest is told nothing. Or why Xen refuses. May tell more. */
	void (*done)(struct hotplug_event *event, int err);

	/* hotplug.c's own */
	struct hotplug_event *next;
	enum hotplug_stage stage;
	uint64_t due; /* ns */
	int err;
};

/* The server is enabled; nothing of the guest's was answered yet. HOTPLUG_ACPI is refused
 * for a guest that cannot have it. 0, or -errno after a line in the log. */
int hotplug_open(struct loop *loop, struct ioreq_server *server, uint32_t domid,
		 enum hotplug_way way, struct hotplug **hotplug);

/* Before the server is withdrawn; not from done(). Gives all back, and forgets what is not
 * over without calling done(). */
void hotplug_close(struct hotplug *hotplug);

void hotplug_tell(struct hotplug *hotplug, struct hotplug_event *event);

/* It is not wanted any more, or is over: done() does not come. The guest may know already.
 * After the end @hotplug is NULL. */
void hotplug_cancel(struct hotplug *hotplug, struct hotplug_event *event);

/* As it is for this guest now: never HOTPLUG_AUTO, and HOTPLUG_RESCAN until it has booted. */
enum hotplug_way hotplug_way(const struct hotplug *hotplug);
