/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kept.c: devices that were attached while the guest ran, for the process that takes it over.
 *
 * Theory of operation. What such a device serves is in no configuration, and the state must not
 * name it: who has broken into the process that wrote it could have the next one open
 * whatever he likes. So xenvirtioctl, which opens it for the administrator in any case, keeps a
 * record of what it has asked for, a line for each device (ctl/record.c). The state has a digest
 * of the line, and so says which lines hold, and no more. Others mean nothing: they are of
 * attaches that came to nothing, or of another guest.
 *
 * The record lies where the state does, so the process could write it, too. But what it names is
 * opened by the next one with the same rights, under the same unit, so that nobody gets by
 * it what he could not have opened at once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/util.h"
#include "daemon/internal.h"

#define NS_PER_S    1000000000ULL
#define PATIENCE_NS (5 * NS_PER_S) /* for all of them together */
#define PAUSE_NS    20000000L
#define FNV_BASIS   0xcbf29ce484222325ULL
#define FNV_PRIME   0x100000001b3ULL
#define WHERE_MAX   320

static uint64_t fnv(uint64_t digest, const char *text)
{
	for (; *text; text++)
		digest = (digest ^ (uint8_t)*text) * FNV_PRIME;
	return digest;
}

uint64_t kept_digest(const char *type, const char *options)
{
	uint64_t digest = fnv(fnv(fnv(FNV_BASIS, type), " "), options);

	return digest ? digest : 1;
}

/* A killed process's locks and interfaces are let go of a little after its end. */
static bool may_pass(int err)
{
	return err == -EAGAIN || err == -EINPROGRESS || err == -EBUSY;
}

static int open_by(struct guest_device *device, uint64_t deadline)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	bool prepared = false;
	int err;

	for (;;) {
		err = prepared ? 0 : devices_prepare(device);
		prepared = !err;
		if (!err)
			err = virtio_device_connect(&device->virtio);
		if (!may_pass(err) || loop_now() >= deadline)
			break;
		nanosleep(&pause, NULL);
	}
	if (err && prepared)
		virtio_device_close(&device->virtio);
	return err;
}

static void open_device(struct guest *guest, struct guest_device *device, uint64_t deadline)
{
	int err = open_by(device, deadline);

	if (err)
		log_error("%s: %s", device->name, device->virtio.why.text);
	else if (devices_put(guest, device) >= 0)
		return;
	else
		virtio_device_close(&device->virtio);
	devices_free(device);
}

static bool is_held(const struct guest *guest, uint64_t line)
{
	const struct device_state *states = guest->state.region->devices;
	unsigned slot;

	for (slot = 0; slot < CONFIG_MAX_DEVICES; slot++)
		if (states[slot].virtio_id && states[slot].line == line)
			return true;
	return false;
}

/* "blk bdf=00:08.0,path=/srv/more.img". What is in the configuration by now is served by that. */
static void take_line(struct guest *guest, char *text, unsigned number, uint64_t deadline)
{
	char *options = text, *word = strsep(&options, " "), where[WHERE_MAX];
	const struct virtio_device_type *type = device_type_find(word);
	uint64_t line = options ? kept_digest(word, options) : 0;
	struct guest_device *device;
	struct device_config config;

	if (!type || !line || !is_held(guest, line))
		return;
	snprintf(where, sizeof(where), "%.256s:%u: %.32s", guest->state.record, number, word);
	if (device_config_parse(&config, type, true, where, options) ||
	    devices_find(guest, config.common.bdf)) {
		device_config_free(&config);
		return;
	}
	device = devices_new_own(guest, &config, line);
	if (device)
		open_device(guest, device, deadline);
}

void kept_open(struct guest *guest)
{
	uint64_t deadline = loop_now() + PATIENCE_NS;
	FILE *file = fopen(guest->state.record, "re");
	unsigned number = 0;
	char *line = NULL;
	size_t room = 0;

	if (!file && errno != ENOENT)
		log_warning("%s: %m", guest->state.record);
	if (!file)
		return;
	while (getline(&line, &room, file) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		take_line(guest, line, ++number, deadline);
	}
	free(line);
	fclose(file);
}
