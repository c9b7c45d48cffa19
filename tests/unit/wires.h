/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wires.h: a network device in this process whose ports are connected to sockets of the
 * test's, which keep packets apart as a tap does, and a guest's driver for it.
 */
#ifndef WIRES_H
#define WIRES_H

#include "devices/net/net.h"
#include "guest/guest.h"
#include "unit/rig.h"

#define WIRES_MAX 2u

/* A backend of several descriptors, each of which is a backend of one port. */
struct wires {
	struct net_backend backend, *parts[WIRES_MAX];
	int ends[WIRES_MAX];        /* the test's */
	unsigned pieces[WIRES_MAX]; /* that the last frame was read in */
};

extern struct wires wires;
extern struct rig wires_rig;
extern struct net_device *wires_device;
extern struct gnet *wires_guest;

/* @config says what driver there is, and how many pairs of queues: 0 is one. */
void wires_start(const struct rig_config *how, const struct gnet_config *config);
void wires_stop(void);

uint64_t wires_counted(const uint64_t *counter);

#endif
