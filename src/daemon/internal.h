/* SPDX-License-Identifier: GPL-2.0-or-later */
/* internal.h: what the files about one served guest share of it. */
#pragma once
#include "base/loop.h"
#include "bridge/host.h"
#include "bridge/port.h"
#include "daemon/config.h"
#include "daemon/control.h"
#include "daemon/hotplug.h"
#include "daemon/service.h"
#include "daemon/state.h"
#include "virtio/pci.h"
#include "virtio/worker.h"

struct ioreq_server;

/* Where a device is between coming and going. */
enum plug_phase {
	PLUG_IN,      /* it is there */
	PLUG_OPENING, /* what it serves is being opened; it has no slot yet */
	PLUG_SHOWN,   /* the guest is being told of it */
	PLUG_UNLOVED, /* the guest is asked to let go of it */
	PLUG_LEAVING, /* the guest has, or it does not matter any more */
};

struct plug {
	struct guest *guest;
	enum plug_phase phase;
	struct control_call *call; /* that waits for an answer, or NULL */
	bool forced;               /* it is unloved for good */
	bool told;                 /* the guest is, and @event will say what became of it */
	struct hotplug_event event;
	struct loop_work reset;    /* the driver has done one */
	uint64_t let_go;           /* ns: when that was */
	struct loop_timer parting; /* behind it */
	struct loop_timer tick;
	uint64_t deadline; /* ns */
};

struct guest_port {
	struct guest *guest; /* NULL: there is none here */
	struct port port;
	struct hotplug_event *event; /* the guest is being told of, or NULL */
	bool pressed;                /* its button, for that */
	struct loop_timer timer;
	int result; /* what done() gets when it fires */
};

struct guest_device {
	char name[BDF_TEXT_MAX + 16]; /* "00:06.0 blk" */
	const struct device_config *config;
	struct device_config own; /* if it was attached later, the same */
	uint64_t line;            /* and the digest of its line in the record; else 0 */
	struct device_state *state;
	struct guest_port *port; /* in whose slot it is, or NULL */
	bool attached;
	bool goes_on; /* from where a dead process has left it */
	struct virtio_device virtio;
	struct virtio_pci transport;
	struct plug plug;
};

struct guest {
	const struct config *config;
	struct bridge bridge;
	bool bridged;
	struct guest_device *devices[CONFIG_MAX_DEVICES]; /* NULL: none there */
	struct guest_device *arriving;                    /* PLUG_OPENING; or NULL */
	struct guest_port ports[CONFIG_MAX_PORTS];
	unsigned next_worker;
	uint32_t domid;
	struct state state;
	bool adopts; /* what a dead process has left in the state */
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

/* guest.c: there are workers from here on. 0 or -errno after a line in the log. */
int guest_start_workers(struct guest *guest);

/* commands.c: what the control socket takes; its owner is the guest. */
extern const struct control_command guest_commands[];

/* --- devices.c ------------------------------------------------------------------- */

/* The next device, in slot *@slot or behind; NULL if there is none. */
struct guest_device *devices_next(const struct guest *guest, unsigned *slot);

/* Opens what the configured devices serve. 0 or -errno after a line in the log. */
int devices_open(struct guest *guest);
void devices_close(struct guest *guest);

/* One device that is in no slot: not opened yet; and its end. NULL: out of memory. */
struct guest_device *devices_new(struct guest *guest, const struct device_config *config);
void devices_free(struct guest_device *device);

/* The same for one that was attached by this @line, see kept.c. Takes @config over. */
struct guest_device *devices_new_own(struct guest *guest, struct device_config *config,
				     uint64_t line);

/* Opens it as far as can be done at once; virtio_device_connect() does the rest. */
int devices_prepare(struct guest_device *device);

/* Into a free slot, whose number is returned; -ENOSPC: there is none. */
int devices_put(struct guest *guest, struct guest_device *device);

/* Gives the opened device a slot and its queues, and shows it to the guest. 0 or -errno, and
 * then it is as it was. */
int devices_add(struct guest *guest, struct guest_device *device);

/* The guest sees it no more; and, when it is quiet, its slot is free, and so is it. */
void devices_hide(struct guest *guest, struct guest_device *device);
void devices_remove(struct guest *guest, struct guest_device *device);

/* From here on nothing is opened by name but what their configuration names, and that by
 * the opener. 0 or -errno after a line in the log. */
int devices_seal(const struct guest *guest);

/* The guest is known, and how many queues they have. */
void devices_fit(struct guest *guest);

/* Gives the opened ones their queues and shows them to the guest. 0 or -errno. */
int devices_attach(struct guest *guest);

/* Those of a dead process go on, now that everything stands. */
void devices_resume(struct guest *guest);

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

/* --- kept.c ---------------------------------------------------------------------- */

/* Opens what was attached to the guest that a dead process has served. */
void kept_open(struct guest *guest);

/* By which the state knows a line of the record; never 0. */
uint64_t kept_digest(const char *type, const char *options);

/* --- plug.c ---------------------------------------------------------------------- */

/* Of a device that is there from now on. */
void plug_init(struct guest *guest, struct guest_device *device);
struct guest_device *plug_device(struct plug *plug);

/* "leaving", ...; NULL for a device that just works. */
const char *plug_phase_name(const struct guest_device *device);

/* Who asks by @call is to be told, and may leave before; then he is, with a line more if there
 * is a @hint. */
void plug_serve(struct plug *plug, struct control_call *call);
void plug_answer(struct plug *plug, const char *hint);

/* The guest is to be told, and @done says what became of it. Or it is not to be told any more. */
void plug_tell(struct plug *plug, bool eject, void (*done)(struct hotplug_event *event, int err));
void plug_cancel(struct plug *plug);

/* There are other devices now. */
void plug_say_devices(const struct guest *guest);

/* With the guest. */
void plug_end(struct guest *guest);

/* --- arrive.c -------------------------------------------------------------------- */

/* Attaches a device for @call, which gets its answer when the guest knows of it. @text is its
 * options; with the call came a descriptor for each thing that they name. */
void plug_attach(struct guest *guest, struct control_call *call,
		 const struct virtio_device_type *type, const char *text);

/* The options of a device that is to be attached; if they are wrong @call is refused, and
 * -errno returned. Else device_config_free(). */
int plug_parse(struct control_call *call, const struct virtio_device_type *type, const char *text,
	       struct device_config *config);

void arrive_tell(struct plug *plug);    /* the guest, of what it can see */
void arrive_go_on(struct plug *plug);   /* its tick */
void arrive_give_up(struct plug *plug); /* who asked has left */

/* --- leave.c --------------------------------------------------------------------- */

/* Detaches it for @call: when the guest has let go of it, or as soon as it may with @forced. */
void plug_detach(struct guest_device *device, struct control_call *call, bool forced);

void leave_go_on(struct plug *plug);     /* its tick */
void leave_was_reset(struct plug *plug); /* by its driver, or ours */
void leave_give_up(struct plug *plug);   /* who asked has left */

/* --- ports.c --------------------------------------------------------------------- */

/* Shows the guest its ports, before any device. 0 or -errno after a line in the log. */
int ports_attach(struct guest *guest);

/* After a restart, when what there still is was put into the slots. */
void ports_settle(struct guest *guest);

/* After all devices. */
void ports_destroy(struct guest *guest);

struct guest_port *ports_find(struct guest *guest, struct pci_bdf bdf);

/* Why a device cannot be put there, be it into a port's slot or not; or NULL. */
const char *port_why_not(struct guest *guest, const struct device_options *common);

/* As hotplug_tell() and hotplug_cancel(), of what is in the port's slot. 0: the guest has the
 * device, or has let go of it. -EIO: it could not be used. -ECANCELED: it is kept. */
void port_tell(struct guest_port *port, struct hotplug_event *event);
void port_cancel(struct guest_port *port);
