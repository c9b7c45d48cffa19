/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arrive.c: devices that come while the guest runs.
 *
 * Theory of operation. What the device serves was opened by who asks for it, and is handed
 * over; a server by network is waited for, a little. Only then the device gets a slot, and the
 * guest sees it; and is told of it, where there is a way to. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/opener.h"
#include "base/util.h"
#include "daemon/internal.h"

#define NS_PER_MS    1000000ULL
#define OPEN_NS      (5000 * NS_PER_MS) /* a server's time to answer */
#define OPEN_TICK_NS (20 * NS_PER_MS)
#define WHY_BYTES    400
#define LINUX_SCANS  "; in a Linux guest: echo 1 > /sys/bus/pci/rescan"

static const char *hint_for(struct plug *plug, int err)
{
	if (err && err != -EOPNOTSUPP && plug_device(plug)->port)
		return "the guest was told by its port, but does not use it: see its kernel's log";
	if (err == -EOPNOTSUPP)
		return "the guest finds it when it scans its PCI bus" LINUX_SCANS;
	return err ? "the guest was told by ACPI but did not look" LINUX_SCANS : NULL;
}

static void told_of_it(struct hotplug_event *event, int err)
{
	struct plug *plug = container_of(event, struct plug, event);

	plug->told = false;
	plug->phase = PLUG_IN;
	plug_device(plug)->state->untold = 0;
	plug_answer(plug, hint_for(plug, err));
}

void arrive_tell(struct plug *plug)
{
	plug->phase = PLUG_SHOWN;
	plug_tell(plug, false, told_of_it);
}

static void drop_arriving(struct guest *guest)
{
	struct guest_device *device = guest->arriving;

	guest->arriving = NULL;
	opener_drop_handed();
	virtio_device_close(&device->virtio);
	devices_free(device);
}

static void refuse_arriving(struct plug *plug, const char *why)
{
	struct guest *guest = plug->guest;

	control_refuse(plug->call, "%s: %s", plug_device(plug)->name, why);
	drop_arriving(guest);
}

static void arrive(struct plug *plug)
{
	struct guest_device *device = plug_device(plug);
	struct guest *guest = plug->guest;
	char why[WHY_BYTES] = "";
	int err;

	log_keep(why, sizeof(why));
	err = devices_add(guest, device);
	log_keep(NULL, 0);
	if (err) {
		refuse_arriving(plug, why[0] ? why : strerror(-err));
		return;
	}
	opener_drop_handed();
	guest->arriving = NULL;
	log_info("%s: attached", device->name);
	plug_say_devices(guest);
	arrive_tell(plug);
}

void arrive_go_on(struct plug *plug)
{
	struct virtio_device *virtio = &plug_device(plug)->virtio;
	int err = virtio_device_connect(virtio);

	if (!err)
		arrive(plug);
	else if ((err == -EAGAIN || err == -EINPROGRESS) && loop_now() < plug->deadline)
		loop_timer(plug->guest->loop, &plug->tick, OPEN_TICK_NS);
	else
		refuse_arriving(plug, virtio->why.text);
}

void arrive_give_up(struct plug *plug)
{
	loop_timer_cancel(plug->guest->loop, &plug->tick);
	refuse_arriving(plug, "given up");
}

struct handing {
	struct control_call *call;
	int err;
};

static void hand_over(void *arg, const struct opener_thing *thing)
{
	struct handing *handing = arg;
	int fd = control_take_fd(handing->call);

	if (fd < 0) {
		handing->err = -EBADF;
		return;
	}
	if (!opener_hand_over(thing, fd))
		return;
	close(fd);
	handing->err = -E2BIG;
}

static int hand_all_over(const struct device_config *config, struct control_call *call)
{
	struct handing handing = { .call = call };

	if (config->type->names)
		config->type->names(config->options, hand_over, &handing);
	return handing.err;
}

/* What can be done at once. Or @call is refused. */
static int prepare(struct guest_device *device, struct control_call *call)
{
	const struct reason *why = &device->virtio.why;
	int err = hand_all_over(device->config, call);

	if (!err)
		err = devices_prepare(device);
	if (!err)
		return 0;
	opener_drop_handed();
	control_refuse(call, "%s: %s", device->name, why->text[0] ? why->text : strerror(-err));
	return err;
}

static const char *why_not_there(struct guest *guest, const struct device_options *common)
{
	if (devices_find(guest, common->bdf))
		return "there is a device already";
	if (guest->bridged && bridge_find_expected(&guest->bridge, bdf_sbdf(common->bdf)))
		return "the bridge expects another process's device there";
	if (devices_count(guest, false) == CONFIG_MAX_DEVICES)
		return "there are as many devices as there can be";
	if (guest->arriving)
		return "another device is just being attached";
	return port_why_not(guest, common);
}

/* The device takes @config over. */
static void begin(struct guest *guest, struct control_call *call, struct device_config *config,
		  uint64_t line)
{
	struct guest_device *device = devices_new_own(guest, config, line);

	if (!device) {
		control_refuse(call, "out of memory");
		return;
	}
	if (!bdf_is_none(config->common.port))
		device->port = ports_find(guest, config->common.port);
	if (prepare(device, call)) {
		devices_free(device);
		return;
	}
	guest->arriving = device;
	device->plug.phase = PLUG_OPENING;
	device->plug.deadline = loop_now() + OPEN_NS;
	plug_serve(&device->plug, call);
	arrive_go_on(&device->plug);
}

int plug_parse(struct control_call *call, const struct virtio_device_type *type, const char *text,
	       struct device_config *config)
{
	char why[WHY_BYTES] = "";
	int err;

	log_keep(why, sizeof(why));
	err = device_config_parse(config, type, true, "attach", text);
	log_keep(NULL, 0);
	if (!err)
		return 0;
	device_config_free(config);
	control_refuse(call, "%s", why[0] ? why : strerror(-err));
	return err;
}

void plug_attach(struct guest *guest, struct control_call *call,
		 const struct virtio_device_type *type, const char *text)
{
	struct device_config config;
	char bdf[BDF_TEXT_MAX];
	const char *why;

	if (plug_parse(call, type, text, &config))
		return;
	why = why_not_there(guest, &config.common);
	if (!why) {
		begin(guest, call, &config, kept_digest(type->name, text));
		return;
	}
	control_refuse(call, "%s: %s", bdf_format(config.common.bdf, bdf), why);
	device_config_free(&config);
}

void plug_end(struct guest *guest)
{
	if (guest->arriving)
		drop_arriving(guest);
}
