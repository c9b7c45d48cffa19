/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plug.c: devices that come and go while the guest runs, and who asked for it; arrive.c and
 * leave.c have the two ways. */
#include <errno.h>

#include "base/log.h"
#include "base/util.h"
#include "daemon/internal.h"

struct guest_device *plug_device(struct plug *plug)
{
	return container_of(plug, struct guest_device, plug);
}

void plug_say_devices(const struct guest *guest)
{
	char text[DEVICES_TEXT_MAX];

	service_status("serves %s", devices_describe(guest, text));
}

void plug_answer(struct plug *plug, const char *hint)
{
	struct control_call *call = plug->call;
	FILE *out = call && hint ? control_body(call) : NULL;

	plug->call = NULL;
	if (!call)
		return;
	if (out)
		fprintf(out, "%s\n", hint);
	control_done(call);
}

/* The one who asked is not there any more. */
static void client_left(struct control_call *call, void *arg)
{
	struct plug *plug = arg;

	if (plug->call != call)
		return;
	if (plug->phase == PLUG_OPENING) {
		arrive_give_up(plug);
		return;
	}
	plug_answer(plug, NULL);
	if (plug->phase == PLUG_UNLOVED && !plug->forced)
		leave_give_up(plug);
}

void plug_serve(struct plug *plug, struct control_call *call)
{
	plug->call = call;
	control_when_left(call, client_left, plug);
}

void plug_tell(struct plug *plug, bool eject, void (*done)(struct hotplug_event *event, int err))
{
	struct guest_port *port = plug_device(plug)->port;

	plug->event = (struct hotplug_event){
		.eject = eject, .device = plug_device(plug)->config->common.bdf.device, .done = done
	};
	plug->told = true;
	if (port)
		port_tell(port, &plug->event);
	else
		hotplug_tell(plug->guest->hotplug, &plug->event);
}

void plug_cancel(struct plug *plug)
{
	struct guest_port *port = plug_device(plug)->port;

	if (plug->told && port)
		port_cancel(port);
	else if (plug->told)
		hotplug_cancel(plug->guest->hotplug, &plug->event);
	plug->told = false;
}

static void tick(struct loop_timer *timer)
{
	struct plug *plug = container_of(timer, struct plug, tick);

	if (plug->guest->ending)
		return;
	if (plug->phase == PLUG_OPENING)
		arrive_go_on(plug);
	else
		leave_go_on(plug);
}

static void was_reset(struct loop_work *work)
{
	leave_was_reset(container_of(work, struct plug, reset));
}

void plug_init(struct guest *guest, struct guest_device *device)
{
	device->plug = (struct plug){ .guest = guest, .reset.run = was_reset, .tick.fire = tick };
}

const char *plug_phase_name(const struct guest_device *device)
{
	if (device->plug.forced)
		return "forsaken";
	return device->plug.phase == PLUG_UNLOVED || device->plug.phase == PLUG_LEAVING ? "leaving"
											: NULL;
}
