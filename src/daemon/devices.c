/* SPDX-License-Identifier: GPL-2.0-or-later */
/* devices.c: the devices of a guest: opened, shown to it, waited for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/opener.h"
#include "base/util.h"
#include "daemon/internal.h"
#include "devices/types.h"
#include "ioreq/server.h"

#define RETRY_NS  200000000ULL /* for what is waited for */
#define NS_PER_US 1000ULL

struct guest_device *devices_new(struct guest *guest, const struct device_config *config)
{
	struct guest_device *device = calloc(1, sizeof(*device));
	char bdf[BDF_TEXT_MAX];

	if (!device)
		return NULL;
	device->config = config;
	plug_init(guest, device);
	snprintf(device->name, sizeof(device->name), "%s %s", bdf_format(config->common.bdf, bdf),
		 config->type->name);
	return device;
}

struct guest_device *devices_new_own(struct guest *guest, struct device_config *config,
				     uint64_t line)
{
	struct guest_device *device = devices_new(guest, config);

	if (!device) {
		device_config_free(config);
		return NULL;
	}
	device->own = *config;
	device->config = &device->own;
	device->line = line;
	return device;
}

void devices_free(struct guest_device *device)
{
	if (device->own.type)
		device_config_free(&device->own);
	free(device);
}

static struct memory_options memory_of(const struct device_config *config)
{
	return (struct memory_options){ .policy = config->common.memory,
					.map_from = config->common.map_from };
}

int devices_prepare(struct guest_device *device)
{
	const struct memory_options memory = memory_of(device->config);

	return virtio_device_prepare(&device->virtio, device->config->type, device->name, &memory,
				     device->config->options);
}

static int open_slot(struct guest *guest, unsigned slot, const struct device_config *config)
{
	const struct memory_options memory = memory_of(config);
	struct guest_device *device = devices_new(guest, config);
	int err;

	if (!device)
		return -ENOMEM;
	err = virtio_device_open(&device->virtio, config->type, device->name, &memory,
				 config->common.wait, config->options);
	if (err)
		devices_free(device);
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
	const struct guest_device *device;
	struct names names = { 0 };
	unsigned i = 0;
	int err;

	while ((device = devices_next(guest, &i)))
		if (device->config->type->names)
			device->config->type->names(device->config->options, add_name, &names);
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
	devices_free(guest->devices[slot]);
	guest->devices[slot] = NULL;
}

void devices_close(struct guest *guest)
{
	unsigned slot;

	for (slot = CONFIG_MAX_DEVICES; slot; slot--)
		close_slot(guest, slot - 1);
}

/* What holds for all types, and is not the type's to know. */
static void apply_common(struct guest_device *device)
{
	const struct device_options *common = &device->config->common;

	device->virtio.busy_poll_ns = common->busy_poll * NS_PER_US;
	if (!common->indirect)
		device->virtio.offered &= ~BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
}

static bool is_of(const struct device_state *state, const struct device_config *config)
{
	return state->virtio_id == config->type->virtio_id &&
	       state->sbdf == bdf_sbdf(config->common.bdf);
}

/* One that comes and goes would take pirqs each time until there are none, which Linux's
 * driver does not survive. */
static bool needs_intx(const struct guest *guest, const struct guest_device *device)
{
	if (!device->line || device->config->common.msix == DEVICE_MSIX_ON ||
	    !ioreq_server_has_pirqs(guest->server))
		return false;
	log_info("%s: without MSI-X, since Xen never gets this guest's pirqs back (msix=on: with)",
		 device->name);
	return true;
}

/* A device whose process died goes on, or if it cannot is as at power-on where it was. */
static enum virtio_pci_left begin(const struct guest *guest, struct guest_device *device,
				  struct device_state *state)
{
	bool left = guest->adopts && is_of(state, device->config);

	if (!left) {
		*state = (struct device_state){ 0 };
		state->sbdf = bdf_sbdf(device->config->common.bdf);
		state->virtio_id = device->config->type->virtio_id;
		state->intx_only = needs_intx(guest, device);
		state->untold = device->line != 0;
	}
	device->virtio.intx_only = state->intx_only;
	state->line = device->line;
	device->goes_on = virtio_device_begin(&device->virtio, left);
	if (left && !device->goes_on)
		log_warning("%s: what was left of it is of no use: it is reset", device->name);
	if (device->goes_on)
		return VIRTIO_PCI_ALL;
	return left ? VIRTIO_PCI_PLACE : VIRTIO_PCI_NOTHING;
}

static int show(struct guest *guest, struct guest_device *device)
{
	struct pci_function *function = &device->transport.function;

	if (!device->port)
		return ioreq_add_function(guest->server, function);
	return port_insert(&device->port->port, function);
}

static int attach(struct guest *guest, unsigned slot)
{
	struct guest_device *device = guest->devices[slot];
	struct device_state *state = &guest->state.region->devices[slot];
	enum virtio_pci_left left;
	struct pci_state fresh;
	int err;

	device->state = state;
	apply_common(device);
	err = virtio_device_attach(&device->virtio, guest->loop, &state->virtio, guest->workers,
				   guest->nworkers, &guest->next_worker);
	if (err)
		return err;
	left = begin(guest, device, state);
	virtio_pci_init(&device->transport, &device->virtio, guest->server,
			device->config->common.bdf, &fresh);
	if (device->port)
		port_seat(&device->port->port, &device->transport.function);
	virtio_pci_begin(&device->transport, &state->transport, &state->pci, left);
	device->attached = true;
	return show(guest, device);
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

static void swap(struct guest *guest, unsigned a, unsigned b)
{
	struct guest_device *device = guest->devices[a];

	guest->devices[a] = guest->devices[b];
	guest->devices[b] = device;
}

/* What a dead process left stays where it is: it may be needed once more. */
static void settle(struct guest *guest)
{
	const struct device_state *states = guest->state.region->devices;
	unsigned slot, from;

	for (slot = 0; slot < CONFIG_MAX_DEVICES; slot++)
		for (from = 0; from < CONFIG_MAX_DEVICES; from++)
			if (guest->devices[from] &&
			    is_of(&states[slot], guest->devices[from]->config))
				swap(guest, slot, from);
}

/* What was attached is nothing to a server that is new. */
static void drop_attached(struct guest *guest)
{
	unsigned slot;

	for (slot = 0; slot < CONFIG_MAX_DEVICES; slot++)
		if (guest->devices[slot] && guest->devices[slot]->line)
			close_slot(guest, slot);
}

/* There is none any more if the configuration has changed. */
static void find_ports(struct guest *guest)
{
	unsigned slot;

	for (slot = 0; slot < CONFIG_MAX_DEVICES; slot++) {
		struct guest_device *device = guest->devices[slot];

		if (!device || bdf_is_none(device->config->common.port))
			continue;
		device->port = ports_find(guest, device->config->common.port);
		if (!device->port)
			close_slot(guest, slot);
	}
}

/* The guest finds nothing where they were, and may do without before they come again. */
static void drop_others(struct guest *guest)
{
	struct device_state *states = guest->state.region->devices;
	char bdf[BDF_TEXT_MAX];
	unsigned slot;

	for (slot = 0; slot < CONFIG_MAX_DEVICES; slot++) {
		if (!states[slot].virtio_id || guest->devices[slot])
			continue;
		log_warning("%s: it is served neither by the configuration nor by what was "
			    "attached: attach it anew when the guest has let go of it",
			    bdf_format(bdf_of(states[slot].sbdf), bdf));
		states[slot] = (struct device_state){ 0 };
	}
}

int devices_attach(struct guest *guest)
{
	unsigned slot;
	int err = 0;

	if (guest->adopts) {
		find_ports(guest);
		settle(guest);
		drop_others(guest);
	} else {
		drop_attached(guest);
	}
	for (slot = 0; !err && slot < CONFIG_MAX_DEVICES; slot++)
		if (guest->devices[slot])
			err = attach(guest, slot);
	ports_settle(guest);
	return err;
}

void devices_resume(struct guest *guest)
{
	struct guest_device *device;
	unsigned i = 0;

	while ((device = devices_next(guest, &i)))
		if (device->goes_on)
			virtio_device_resume(&device->virtio);
	i = 0;
	while ((device = devices_next(guest, &i)))
		if (device->state->untold)
			arrive_tell(&device->plug);
}

static void detach(struct guest_device *device)
{
	if (!device->attached)
		return;
	virtio_device_detach(&device->virtio);
	virtio_pci_destroy(&device->transport);
	device->attached = false;
}

void devices_detach(struct guest *guest)
{
	struct guest_device *device;
	unsigned i = 0;

	while ((device = devices_next(guest, &i)))
		detach(device);
}

static unsigned slot_of(const struct guest *guest, const struct guest_device *device)
{
	unsigned slot = 0;

	while (slot < CONFIG_MAX_DEVICES && guest->devices[slot] != device)
		slot++;
	return slot;
}

int devices_put(struct guest *guest, struct guest_device *device)
{
	unsigned slot = slot_of(guest, NULL);

	if (slot == CONFIG_MAX_DEVICES)
		return -ENOSPC;
	guest->devices[slot] = device;
	return (int)slot;
}

int devices_add(struct guest *guest, struct guest_device *device)
{
	int err, slot = devices_put(guest, device);

	if (slot < 0)
		return slot;
	virtio_device_fit(&device->virtio, ioreq_server_vcpus(guest->server));
	err = guest_start_workers(guest);
	if (!err)
		err = attach(guest, (unsigned)slot);
	if (!err)
		return 0;
	detach(device);
	guest->state.region->devices[slot] = (struct device_state){ 0 };
	guest->devices[slot] = NULL;
	return err;
}

void devices_hide(struct guest *guest, struct guest_device *device)
{
	if (device->port)
		port_empty(&device->port->port);
	else
		ioreq_remove_function(guest->server, &device->transport.function);
}

void devices_remove(struct guest *guest, struct guest_device *device)
{
	unsigned slot = slot_of(guest, device);

	detach(device);
	guest->state.region->devices[slot] = (struct device_state){ 0 };
	close_slot(guest, slot);
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
