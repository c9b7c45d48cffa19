/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config-device.c: one device's options, common ones and its type's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "daemon/config-internal.h"
#include "devices/types.h"

#define BUSY_POLL_MAX 10000

static const char *const msix_names[] = { "auto", "on", NULL }; /* enum device_msix */

const struct option_spec config_device_options[] = {
	{ .key = "bdf",
	  .kind = OPTION_BDF,
	  .offset = offsetof(struct device_options, bdf),
	  .placeholder = "00:06.0",
	  .help = "where the guest finds the device" },
	{ .key = "port",
	  .kind = OPTION_BDF,
	  .offset = offsetof(struct device_options, port),
	  .placeholder = "00:1c.0",
	  .help = "instead, of a device that is attached later: the port whose slot it is put "
		  "into" },
	{ .key = "memory",
	  .kind = OPTION_ENUM,
	  .offset = offsetof(struct device_options, memory),
	  .names = memory_policy_names,
	  .fallback = "auto",
	  .help = "kinds of guest address to accept; with grants firmware cannot boot from it" },
	{ .key = "map-from",
	  .kind = OPTION_SIZE,
	  .offset = offsetof(struct device_options, map_from),
	  .placeholder = "SIZE",
	  .fallback = "0",
	  .help = "data in grants of this size or more is mapped, not copied; 0: never" },
	{ .key = "indirect",
	  .kind = OPTION_BOOL,
	  .offset = offsetof(struct device_options, indirect),
	  .fallback = "on",
	  .help = "offer indirect descriptors: more requests at a time, one copy more for each" },
	{ .key = "msix",
	  .kind = OPTION_ENUM,
	  .offset = offsetof(struct device_options, msix),
	  .names = msix_names,
	  .fallback = "auto",
	  .help = "for a device that comes later; on: even if the guest may run out of pirqs" },
	{ .key = "busy-poll",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct device_options, busy_poll),
	  .max = BUSY_POLL_MAX,
	  .placeholder = "USEC",
	  .fallback = "0",
	  .help = "look at an empty queue for up to so long before asking for doorbells" },
	{ .key = "wait",
	  .kind = OPTION_ENUM,
	  .at_start = true,
	  .offset = offsetof(struct device_options, wait),
	  .names = virtio_wait_names,
	  .fallback = "no",
	  .help = "for what is not there yet: the guest's PCI scan waits (rrs), or it comes "
		  "online" },
	{ 0 },
};

#define TYPE_POINTER(name) &virtio_##name,
const struct virtio_device_type *const config_types[] = { DEVICE_TYPES(TYPE_POINTER) NULL };
#undef TYPE_POINTER

const struct virtio_device_type *device_type_find(const char *name)
{
	unsigned i;

	for (i = 0; config_types[i]; i++)
		if (!strcmp(config_types[i]->name, name))
			return config_types[i];
	return NULL;
}

/* A device in a slot has the address that the guest gives it, and is known by its port's. */
static int find_address(struct device_options *common, bool later, const char *where)
{
	bool in_slot = !bdf_is_none(common->port);

	if (in_slot && !bdf_is_none(common->bdf))
		log_error("%s: either bdf= or port= is given", where);
	else if (in_slot && !later)
		log_error("%s: port= is for a device that is attached to a running guest "
			  "(xenvirtioctl attach)",
			  where);
	else if (!in_slot && bdf_is_none(common->bdf))
		log_error("%s: \"bdf=\" is missing", where);
	else {
		if (in_slot)
			common->bdf = common->port;
		return 0;
	}
	return -EINVAL;
}

int config_check_bdf(struct pci_bdf bdf, const char *where)
{
	char text[BDF_TEXT_MAX];

	if (bdf_is_device(bdf))
		return 0;
	log_error("%s: bdf=%s: must be from 00:01.0 to 00:1f.0, function 0", where,
		  bdf_format(bdf, text));
	return -EINVAL;
}

int device_config_parse(struct device_config *device, const struct virtio_device_type *type,
			bool later, const char *where, const char *text)
{
	void *options = calloc(1, type->options_size);
	const struct option_set sets[] = { { config_device_options, &device->common },
					   { type->options, options } };
	int err;

	*device = (struct device_config){ .type = type,
					  .common = { .bdf = BDF_NONE, .port = BDF_NONE },
					  .options = options };
	if (!options)
		return -ENOMEM;
	err = later ? options_parse_later(sets, ARRAY_SIZE(sets), where, text)
		    : options_parse(sets, ARRAY_SIZE(sets), where, text);
	if (!err)
		err = find_address(&device->common, later, where);
	if (!err)
		err = config_check_bdf(device->common.bdf, where);
	return err ? err : type->check(options, where);
}

void device_config_free(struct device_config *device)
{
	const struct option_set set = { device->type->options, device->options };

	if (device->options)
		options_free(&set, 1);
	free(device->options);
	device->options = NULL;
}
