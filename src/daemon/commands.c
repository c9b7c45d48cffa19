/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commands.c: what the administrator asks for by the control socket. */
#include <string.h>

#include "base/log.h"
#include "base/stats.h"
#include "daemon/control.h"
#include "daemon/internal.h"
#include "ioreq/server.h"

static const char *state_name(const struct virtio_device *device)
{
	uint8_t status = virtio_device_status(device);

	if (!device->ready)
		return "waiting";
	if (atomic_load(&device->paused))
		return "paused";
	if (status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return "broken";
	if (status & VIRTIO_CONFIG_S_DRIVER_OK)
		return "running";
	return status ? "starting" : "idle";
}

static void print_device(const struct guest_device *device, FILE *out)
{
	const char *phase = plug_phase_name(device);
	char bdf[BDF_TEXT_MAX];
	const struct stats stats = { out, bdf_format(device->config->common.bdf, bdf) };

	stats_text(&stats, "type", device->config->type->name);
	stats_text(&stats, "state", phase ? phase : state_name(&device->virtio));
	virtio_device_stats(&device->virtio, &stats);
}

static void print_instance(const struct guest *guest, FILE *out)
{
	const struct stats stats = { out, "-" };
	unsigned i;

	stats_text(&stats, "instance", config_instance(guest->config));
	stats_text(&stats, "version", XENVIRTIOD_VERSION);
	stats_number(&stats, "domain", guest->domid);
	stats_number(&stats, "server", ioreq_server_id(guest->server));
	stats_number(&stats, "workers", guest->nworkers);
	stats_number(&stats, "devices", devices_count(guest, false));
	stats_number(&stats, "accesses", ioreq_server_accesses(guest->server));
	for (i = 0; i < guest->nworkers; i++)
		worker_stats(&guest->workers[i], i, &stats);
}

static void stats(struct control_call *call, char *arguments)
{
	const struct guest *guest = control_owner(call);
	const struct guest_device *device;
	FILE *out = control_body(call);
	unsigned i = 0;

	(void)arguments;
	if (!out) {
		control_refuse(call, "out of memory");
		return;
	}
	print_instance(guest, out);
	while ((device = devices_next(guest, &i)))
		print_device(device, out);
	control_done(call);
}

/* NULL, and the call has ended, if there is no such device. */
static struct guest_device *named(struct control_call *call, const char *text)
{
	struct guest_device *device = NULL;
	struct pci_bdf bdf;

	if (!bdf_parse(text, &bdf))
		control_refuse(call, "\"%s\" is not a PCI address such as 00:06.0", text);
	else if (!(device = devices_find(control_owner(call), bdf)))
		control_refuse(call, "there is no device %s here", text);
	return device;
}

/* What the caller has to open for the device, a line each: see opener.h. */
static void print_thing(void *out, const struct opener_thing *thing)
{
	fprintf(out, "%s %d %u %s\n", opener_kind_names[thing->kind], thing->flags, thing->number,
		thing->name);
}

/* "TYPE OPTIONS". NULL, and the call has ended, if there is no such type. */
static const struct virtio_device_type *typed(struct control_call *call, char *arguments,
					      char **options)
{
	const struct virtio_device_type *type;

	*options = arguments;
	type = device_type_find(strsep(options, " "));
	if (!type || !*options)
		control_refuse(call, "there is no type of device \"%s\"", arguments);
	return *options ? type : NULL;
}

static void plan(struct control_call *call, char *arguments)
{
	struct device_config config;
	const struct virtio_device_type *type = typed(call, arguments, &arguments);
	FILE *out;

	if (!type || plug_parse(call, type, arguments, &config))
		return;
	out = control_body(call);
	if (out && type->names)
		type->names(config.options, print_thing, out);
	device_config_free(&config);
	if (out)
		control_done(call);
	else
		control_refuse(call, "out of memory");
}

static void attach(struct control_call *call, char *arguments)
{
	const struct virtio_device_type *type = typed(call, arguments, &arguments);

	if (type)
		plug_attach(control_owner(call), call, type, arguments);
}

static void detach(struct control_call *call, char *arguments)
{
	char *how = arguments, *bdf = strsep(&how, " ");
	struct guest_device *device = named(call, bdf);

	if (device)
		plug_detach(device, call, how && !strcmp(how, "force"));
}

/* The same, and it is there to stay. */
static struct guest_device *served(struct control_call *call, const char *text)
{
	struct guest_device *device = named(call, text);

	if (!device || !device->plug.forced)
		return device;
	control_refuse(call, "%s is forsaken", device->name);
	return NULL;
}

static void resize(struct control_call *call, char *bdf)
{
	struct guest_device *device = served(call, bdf);

	if (!device)
		return;
	virtio_device_look_again(&device->virtio);
	control_done(call);
}

static void pause_device(struct control_call *call, char *bdf)
{
	struct guest_device *device = served(call, bdf);

	if (!device)
		return;
	log_info("%s: pauses", device->name);
	virtio_device_pause(&device->virtio, true);
	control_done(call);
}

/* A disk may also have stopped by itself. */
static void resume(struct control_call *call, char *bdf)
{
	struct guest_device *device = served(call, bdf);

	if (!device)
		return;
	log_info("%s: goes on", device->name);
	virtio_device_pause(&device->virtio, false);
	virtio_device_look_again(&device->virtio);
	control_done(call);
}

static void set_link(struct control_call *call, char *arguments)
{
	char *how = arguments, *bdf = strsep(&how, " ");
	struct guest_device *device = served(call, bdf);

	if (!device)
		return;
	if (!device->virtio.type->set_link) {
		control_refuse(call, "%s has no link", device->name);
	} else if (!how || (strcmp(how, "up") && strcmp(how, "down"))) {
		control_refuse(call, "a link is up or down");
	} else {
		device->virtio.type->set_link(&device->virtio, !strcmp(how, "up"));
		control_done(call);
	}
}

static void set_log_level(struct control_call *call, char *name)
{
	unsigned level;

	for (level = 0; log_level_names[level]; level++)
		if (!strcmp(log_level_names[level], name)) {
			log_set_level(level);
			control_done(call);
			return;
		}
	control_refuse(call, "\"%s\" is no log level", name);
}

static void quit(struct control_call *call, char *arguments)
{
	(void)arguments;
	guest_end(control_owner(call), "asked to quit");
	control_done(call);
}

const struct control_command guest_commands[] = {
	{ "attach", attach },
	{ "detach", detach },
	{ "link", set_link },
	{ "log-level", set_log_level },
	{ "pause", pause_device },
	{ "plan", plan },
	{ "quit", quit },
	{ "resize", resize },
	{ "resume", resume },
	{ "stats", stats },
	{ 0 },
};
