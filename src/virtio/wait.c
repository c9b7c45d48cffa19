/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wait.c: opening a device, and waiting for what it serves.
 *
 * Theory of operation. A device whose backend is not there yet is attached and
 * seen by the guest like any other, with what its type shows of nothing (a disk
 * of no sectors). It is tried again from time to time. When the backend is there
 * the type changes the configuration, the driver is told of that, and what the
 * transport did to keep the guest waiting ends. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "virtio/device.h"

const char *const virtio_wait_names[] = { "no", "rrs", "online", NULL };

static int connect_type(struct virtio_device *device, bool again, struct reason *why)
{
	int err = 0;

	*why = (struct reason){ 0 };
	if (device->type->connect)
		err = device->type->connect(device, again, why);
	if (err && !why->text[0])
		reason_set(why, err, "%s", strerror(-err));
	device->ready = !err;
	return err;
}

static int refuse(const struct virtio_device *device, int err)
{
	log_error("%s: %s", device->name, device->why.text);
	return err;
}

int virtio_device_prepare(struct virtio_device *device, const struct virtio_device_type *type,
			  const char *name, const struct memory_options *memory,
			  const void *options)
{
	int err;

	*device = (struct virtio_device){
		.type = type,
		.name = name,
		.memory = *memory,
		.offered = BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) |
			   BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) | BIT_ULL(VIRTIO_RING_F_EVENT_IDX),
		.nqueues = 1,
	};
	err = type->open(device, options);
	if (err && !device->why.text[0])
		reason_set(&device->why, err, "%s", strerror(-err));
	if (err)
		virtio_device_close(device);
	return err;
}

int virtio_device_connect(struct virtio_device *device)
{
	return connect_type(device, true, &device->why);
}

int virtio_device_open(struct virtio_device *device, const struct virtio_device_type *type,
		       const char *name, const struct memory_options *memory, enum virtio_wait wait,
		       const void *options)
{
	int err = virtio_device_prepare(device, type, name, memory, options);

	if (err)
		return refuse(device, err);
	device->wait = wait;
	err = connect_type(device, false, &device->why);
	if (!err)
		return 0;
	if (err != -EAGAIN || wait == VIRTIO_WAIT_NO) {
		virtio_device_close(device);
		return refuse(device, err);
	}
	log_info("%s: waiting for %s", name, device->why.text);
	return 0;
}

void virtio_device_close(struct virtio_device *device)
{
	device->type->close(device);
	free(device->rom.bytes);
}

/* Only what is new. */
static void say_why(struct virtio_device *device, int err, const struct reason *why)
{
	if (!strcmp(why->text, device->why.text))
		return;
	device->why = *why;
	log_line(err == -EAGAIN ? LOG_INFO : LOG_WARNING, "%s: waiting for %s", device->name,
		 why->text);
}

int virtio_device_retry(struct virtio_device *device)
{
	struct reason why;
	int err;

	if (device->ready)
		return 0;
	err = connect_type(device, true, &why);
	if (err == -EINPROGRESS)
		return err;
	if (err) {
		say_why(device, err, &why);
		return err;
	}
	device->transport->ready(device);
	virtio_device_config_changed(device);
	return 0;
}
