/* SPDX-License-Identifier: GPL-2.0-or-later */
/* leave.c: devices that go while the guest runs.
 *
 * Theory of operation. The guest is asked, where there is a way to, and has let go of the
 * device when it says so (it ejects it) or, where it will not, when its driver has reset the
 * device. From then on the guest sees nothing there; what the device has in the loops is
 * brought to its end, its queues are freed by their workers, and what it served is closed.
 * Until the guest has let go, who asked may change his mind, by leaving.
 *
 * By force the device fails every request from now on, and what can be given back of what it
 * serves is; but its place stays its own until the guest lets go of it: a driver that finds
 * nothing there any more would be in trouble, and so would its guest. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "daemon/internal.h"

#define NS_PER_MS       1000000ULL
#define LEAVE_TICK_NS   NS_PER_MS
#define PARTING_NS      (100 * NS_PER_MS)  /* from the driver's reset */
#define UNSEEN_NS       (5000 * NS_PER_MS) /* for a driver that does not look at its end */
#define FORSAKE_NS      (5000 * NS_PER_MS) /* for who asked */
#define FORSAKE_TICK_NS (20 * NS_PER_MS)
#define LATE_TICK_NS    (1000 * NS_PER_MS)

/* Who asked may count on it that what it served is free. */
static void be_gone(struct plug *plug)
{
	struct guest_device *device = plug_device(plug);
	struct control_call *call = plug->call;
	struct guest *guest = plug->guest;

	log_info("%s: detached", device->name);
	devices_remove(guest, device);
	plug_say_devices(guest);
	if (call)
		control_done(call);
}

static void leaving(struct plug *plug)
{
	struct virtio_device *virtio = &plug_device(plug)->virtio;

	if (!virtio_device_resetting(virtio) && (!plug->forced || virtio_device_forsake(virtio)) &&
	    virtio_device_quiet(virtio))
		be_gone(plug);
	else
		loop_timer(plug->guest->loop, &plug->tick, LEAVE_TICK_NS);
}

static void leave(struct plug *plug)
{
	struct guest_device *device = plug_device(plug);

	plug->phase = PLUG_LEAVING;
	device->virtio.when_quiet = NULL;
	loop_timer_cancel(plug->guest->loop, &plug->parting);
	devices_hide(plug->guest, device);
	device->state->virtio_id = 0; /* the next process has no use for it */
	if (virtio_device_status(&device->virtio))
		virtio_device_reset(&device->virtio);
	loop_timer(plug->guest->loop, &plug->tick, LEAVE_TICK_NS);
}

/* A device without a driver is acknowledged again by Linux (virtio_dev_remove()). */
static bool has_driver(const struct virtio_device *virtio)
{
	return virtio_device_status(virtio) & ~VIRTIO_CONFIG_S_ACKNOWLEDGE;
}

/* Linux looks for the end of its reset for ever (vp_reset()), so it has to see it. Then there
 * may be some more that it does with the device, which fails without harm. */
static void leave_if_let(struct plug *plug)
{
	const struct virtio_device *virtio = &plug_device(plug)->virtio;

	if (plug->told || has_driver(virtio) || virtio_device_resetting(virtio))
		return;
	if (virtio->reset_seen || loop_now() >= plug->let_go + UNSEEN_NS)
		leave(plug);
	else
		loop_timer(plug->guest->loop, &plug->parting, PARTING_NS);
}

static void part(struct loop_timer *timer)
{
	struct plug *plug = container_of(timer, struct plug, parting);

	if (plug->phase == PLUG_UNLOVED && !plug->guest->ending)
		leave_if_let(plug);
}

/* Where the guest will eject it, that is waited for: its driver is not all that lets go. */
void leave_was_reset(struct plug *plug)
{
	plug->let_go = loop_now();
	loop_timer(plug->guest->loop, &plug->parting, PARTING_NS);
}

/* What a store is slow to end is waited for, but not by who asked. */
static void forsaking(struct plug *plug)
{
	bool done = virtio_device_forsake(&plug_device(plug)->virtio);
	bool late = loop_now() >= plug->deadline;

	if (done)
		plug_answer(plug,
			    "its requests fail from now on; its place is free when the guest's "
			    "driver has let go of it");
	else if (late)
		plug_answer(plug,
			    "new requests fail from now on; those under way still have what it "
			    "served");
	if (!done)
		loop_timer(plug->guest->loop, &plug->tick, late ? LATE_TICK_NS : FORSAKE_TICK_NS);
}

void leave_go_on(struct plug *plug)
{
	if (plug->phase == PLUG_UNLOVED)
		forsaking(plug);
	else
		leaving(plug);
}

static void told_to_go(struct hotplug_event *event, int err)
{
	struct plug *plug = container_of(event, struct plug, event);

	plug->told = false;
	if (!err) {
		leave(plug);
		return;
	}
	if (err != -EOPNOTSUPP)
		log_info("%s: the guest does not eject it: %s", plug_device(plug)->name,
			 strerror(-err));
	leave_if_let(plug);
}

void leave_give_up(struct plug *plug)
{
	log_info("%s: stays", plug_device(plug)->name);
	plug_cancel(plug);
	plug->phase = PLUG_IN;
	plug_device(plug)->virtio.when_quiet = NULL;
}

static void ask_to_go(struct plug *plug)
{
	struct guest_device *device = plug_device(plug);

	log_info("%s: is to be detached", device->name);
	plug->phase = PLUG_UNLOVED;
	plug->let_go = loop_now();
	plug->parting.fire = part;
	device->virtio.when_quiet = &plug->reset;
	plug_tell(plug, true, told_to_go);
}

static void take_by_force(struct plug *plug)
{
	log_info("%s: its requests fail from now on", plug_device(plug)->name);
	plug->forced = true;
	plug->deadline = loop_now() + FORSAKE_NS;
	forsaking(plug);
}

void plug_detach(struct guest_device *device, struct control_call *call, bool forced)
{
	struct plug *plug = &device->plug;

	if (plug->call || (plug->phase != PLUG_IN && plug->phase != PLUG_UNLOVED)) {
		control_refuse(call, "%s: it is just being attached or detached", device->name);
		return;
	}
	plug_serve(plug, call);
	if (plug->phase == PLUG_IN)
		ask_to_go(plug);
	if (forced && !plug->forced)
		take_by_force(plug);
}
