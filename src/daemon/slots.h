/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slots.h: the registers by which ACPI tells an HVM guest that a device has come or is to
 * go. They are QEMU's; for the length of an event they are ours. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct ioreq_server;

struct slots_ops {
	/* The guest has looked at what is shown, and made ready for the next event. */
	void (*looked)(void *arg);
	/* It lets go of these devices, a bit for each. */
	void (*ejected)(void *arg, uint32_t devices);
	void *arg;
};

struct slots {
	struct ioreq_server *server;
	struct slots_ops ops;
	bool slots_claimed, events_claimed;
	uint32_t come, go; /* what is shown, a bit for each device */
	bool read;         /* by the guest */
	uint16_t status, enabled;
	bool level;               /* of the interrupt */
	bool rests;               /* the interrupt */
	uint64_t shown, accessed; /* ns; when more was shown, when the guest was here last */
};

/* @adopted: a process that died may have left the ports claimed; they are given back. */
void slots_init(struct slots *slots, struct ioreq_server *server, const struct slots_ops *ops,
		bool adopted);

/* Shows these and no others, and interrupts the guest if some are new; claims for them
 * what is not ours yet. 0 or -errno. */
int slots_show(struct slots *slots, uint32_t come, uint32_t go);

/* The guest has looked at what is shown, all of it, and is done with that. */
bool slots_read(const struct slots *slots);

/* Ten times a second until the guest has looked: has the interrupt come to it? */
void slots_insist(struct slots *slots);

/* Gives ports back: those of events, and of slots. Nothing is shown. */
void slots_release_events(struct slots *slots);
void slots_release(struct slots *slots);
