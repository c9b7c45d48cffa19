/* SPDX-License-Identifier: GPL-2.0-or-later */
/* internal.h: what the files about one served guest share of it. */
#pragma once
#include "base/loop.h"
#include "bridge/host.h"
#include "daemon/config.h"
#include "daemon/control.h"
#include "daemon/hotplug.h"
#include "daemon/service.h"
#include "daemon/state.h"
#include "virtio/pci.h"
#include "virtio/worker.h"

struct ioreq_server;

struct guest_device {
	char name[BDF_TEXT_MAX + 16]; /* "00:06.0 blk" */
	const struct device_config *config;
	bool attached;
	struct virtio_device virtio;
	struct virtio_pci transport;
};

struct guest {
	const struct config *config;
	struct bridge bridge;
	bool bridged;
	struct guest_device *devices[CONFIG_MAX_DEVICES]; /* NULL: none there */
	unsigned next_worker;
	uint32_t domid;
	struct state state;
	struct state_region *left; /* by a dead process; NULL: none */
	struct loop *loop;
	struct ioreq_server *server;
	struct worker workers[CONFIG_MAX_WORKERS];
	unsigned nworkers;
	struct loop_watch signals;
	struct control *control;
	struct hotplug *hotplug; /* NULL from the end on */
	struct loop_timer retry;
	struct service_watchdog watchdog;
	struct loop_work quiet;
	bool ending;
};

/* guest.c: withdraws and ends, as at SIGTERM. @why goes into the log. */
void guest_end(struct guest *guest, const char *why);

/* commands.c: what the control socket takes; its owner is the guest. */
extern const struct control_command guest_commands[];

/* --- devices.c ------------------------------------------------------------------- */

/* The next device, in slot *@slot or behind; NULL if there is none. */
struct guest_device *devices_next(const struct guest *guest, unsigned *slot);

/* Opens what the configured devices serve. 0 or -errno after a line in the log. */
int devices_open(struct guest *guest);
void devices_close(struct guest *guest);

/* From here on nothing is opened by name but what their configuration names, and that by
 * the opener. 0 or -errno after a line in the log. */
int devices_seal(const struct guest *guest);

/* The guest is known, and how many queues they have. */
void devices_fit(struct guest *guest);

/* Gives the opened ones their queues and shows them to the guest. 0 or -errno. */
int devices_attach(struct guest *guest);

/* After the workers have quit. */
void devices_detach(struct guest *guest);

/* Lets each find out what it may have missed, and those that wait look again until
 * there is none. */
void devices_look_again(struct guest *guest);
void devices_wait(struct guest *guest);

/* "domain 7, host bridge, 2 devices, 1 of them waiting", in @text. */
#define DEVICES_TEXT_MAX 96
const char *devices_describe(const struct guest *guest, char text[static DEVICES_TEXT_MAX]);

unsigned devices_count(const struct guest *guest, bool waiting_only);
unsigned devices_queues(const struct guest *guest);
struct guest_device *devices_find(const struct guest *guest, struct pci_bdf bdf);
