/* SPDX-License-Identifier: GPL-2.0-or-later */
/* devices.c: the devices of a guest: opened, shown to it, waited for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/opener.h"
#include "base/util.h"
#include "daemon/internal.h"
#include "devices/types.h"
#include "ioreq/server.h"

#define RETRY_NS  200000000ULL /* for what is waited for */
#define NS_PER_US 1000ULL

static int open_device(struct guest_device *device)
{
	const struct device_config *config = device->config;
	const struct memory_options memory = { .policy = config->common.memory,
					       .map_from = config->common.map_from };
	char bdf[BDF_TEXT_MAX];
	int err;

	snprintf(device->name, sizeof(device->name), "%s %s", bdf_format(config->common.bdf, bdf),
		 config->type->name);
	err = virtio_device_open(&device->virtio, config->type, device->name, &memory,
				 config->common.wait, config->options);
	device->virtio.busy_poll_ns = config->common.busy_poll * NS_PER_US;
	if (!config->common.indirect)
		device->virtio.offered &= ~BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	return err;
}

static int open_slot(struct guest *guest, unsigned slot, const struct device_config *config)
{
	struct guest_device *device = calloc(1, sizeof(*device));
	int err;

	if (!device)
		return -ENOMEM;
	device->config = config;
	err = open_device(device);
	if (err)
		free(device);
	else
		guest->devices[slot] = device;
	return err;
}

struct names {
	struct opener_thing *things;
	unsigned count;
	bool full;
};

static void add_name(void *arg, const struct opener_thing *thing)
{
	struct names *names = arg;
	void *more = reallocarray(names->things, names->count + 1, sizeof(*names->things));

	names->full |= !more;
	if (!more)
		return;
	names->things = more;
	names->things[names->count++] = *thing;
}

int devices_seal(const struct guest *guest)
{
	struct names names = { 0 };
	unsigned i;
	int err;

	for (i = 0; i < guest->config->ndevices; i++) {
		const struct device_config *device = &guest->config->devices[i];

		if (device->type->names)
			device->type->names(device->options, add_name, &names);
	}
	err = names.full ? -ENOMEM : opener_seal(names.things, names.count);
	free(names.things);
	return err;
}

int devices_open(struct guest *guest)
{
	unsigned i;
	int err = 0;

	for (i = 0; !err && i < guest->config->ndevices; i++)
		err = open_slot(guest, i, &guest->config->devices[i]);
	return err;
}

static void close_slot(struct guest *guest, unsigned slot)
{
	if (!guest->devices[slot])
		return;
	virtio_device_close(&guest->devices[slot]->virtio);
	free(guest->devices[slot]);
	guest->devices[slot] = NULL;
}

void devices_close(struct guest *guest)
{
	unsigned slot;

	for (slot = CONFIG_MAX_DEVICES; slot; slot--)
		close_slot(guest, slot - 1);
}

/* What a dead process left of this device, wherever it stood in its list. */
static const struct pci_state *find_left(const struct guest *guest,
					 const struct device_state *device)
{
	unsigned i;

	for (i = 0; guest->left && i < CONFIG_MAX_DEVICES; i++)
		if (guest->left->devices[i].sbdf == device->sbdf &&
		    guest->left->devices[i].virtio_id == device->virtio_id)
			return &guest->left->devices[i].pci;
	return NULL;
}

/* A device whose process died is found where the guest left it, but reset. */
static int attach(struct guest *guest, unsigned slot)
{
	struct guest_device *device = guest->devices[slot];
	struct device_state *state = &guest->state.region->devices[slot];
	const struct pci_state *left;
	int err;

	state->sbdf = bdf_sbdf(device->config->common.bdf);
	state->virtio_id = device->config->type->virtio_id;
	left = find_left(guest, state);
	err = virtio_device_attach(&device->virtio, guest->loop, &state->virtio, guest->workers,
				   guest->nworkers, &guest->next_worker);
	if (err)
		return err;
	virtio_pci_init(&device->transport, &device->virtio, guest->server,
			device->config->common.bdf, &state->transport, &state->pci);
	device->attached = true;
	if (left)
		pci_function_restore(&device->transport.function, left);
	return ioreq_add_function(guest->server, &device->transport.function);
}

struct guest_device *devices_next(const struct guest *guest, unsigned *slot)
{
	while (*slot < CONFIG_MAX_DEVICES)
		if (guest->devices[(*slot)++])
			return guest->devices[*slot - 1];
	return NULL;
}

void devices_fit(struct guest *guest)
{
	struct guest_device *device;
	unsigned i = 0;

	while ((device = devices_next(guest, &i)))
		virtio_device_fit(&device->virtio, ioreq_server_vcpus(guest->server));
}

int devices_attach(struct guest *guest)
{
	unsigned slot;
	int err = 0;

	for (slot = 0; !err && slot < CONFIG_MAX_DEVICES; slot++)
		if (guest->devices[slot])
			err = attach(guest, slot);
	return err;
}

void devices_detach(struct guest *guest)
{
	struct guest_device *device;
	unsigned i = 0;

	while ((device = devices_next(guest, &i))) {
		if (!device->attached)
			continue;
		virtio_device_detach(&device->virtio);
		virtio_pci_destroy(&device->transport);
	}
}

void devices_look_again(struct guest *guest)
{
	struct guest_device *device;
	unsigned i = 0;

	while ((device = devices_next(guest, &i)))
		virtio_device_look_again(&device->virtio);
}

static void wait_for(struct guest *guest, uint64_t ns)
{
	if (devices_count(guest, true))
		loop_timer(guest->loop, &guest->retry, ns);
}

static void retry(struct loop_timer *timer)
{
	struct guest *guest = container_of(timer, struct guest, retry);
	struct guest_device *device;
	unsigned i = 0, waited = devices_count(guest, true);
	bool opening = false;
	char text[DEVICES_TEXT_MAX];

	if (guest->ending)
		return;
	while ((device = devices_next(guest, &i)))
		opening |= virtio_device_retry(&device->virtio) == -EINPROGRESS;
	if (devices_count(guest, true) != waited)
		service_status("serves %s", devices_describe(guest, text));
	wait_for(guest, opening ? OPENER_NAP_NS : RETRY_NS);
}

void devices_wait(struct guest *guest)
{
	guest->retry.fire = retry;
	wait_for(guest, RETRY_NS);
}

const char *devices_describe(const struct guest *guest, char text[static DEVICES_TEXT_MAX])
{
	unsigned n = devices_count(guest, false), waiting = devices_count(guest, true);
	char suffix[32] = "";

	if (waiting)
		snprintf(suffix, sizeof(suffix), ", %u of them waiting", waiting);
	snprintf(text, DEVICES_TEXT_MAX, "domain %u, %s%u device%s%s", guest->domid,
		 guest->bridged ? "host bridge, " : "", n, n == 1 ? "" : "s", suffix);
	return text;
}

unsigned devices_count(const struct guest *guest, bool waiting_only)
{
	const struct guest_device *device;
	unsigned i = 0, count = 0;

	while ((device = devices_next(guest, &i)))
		count += !waiting_only || !device->virtio.ready;
	return count;
}

unsigned devices_queues(const struct guest *guest)
{
	const struct guest_device *device;
	unsigned i = 0, queues = 0;

	while ((device = devices_next(guest, &i)))
		queues += device->virtio.nqueues;
	return queues;
}

struct guest_device *devices_find(const struct guest *guest, struct pci_bdf bdf)
{
	struct guest_device *device;
	unsigned i = 0;

	while ((device = devices_next(guest, &i)))
		if (bdf_sbdf(device->config->common.bdf) == bdf_sbdf(bdf))
			return device;
	return NULL;
}
