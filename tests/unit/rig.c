/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig.c: see rig.h. */
#include "unit/rig.h"

#include "fake/fake.h"
#include "memory/bounce.h"
#include "memory/grants.h"
#include "unit/unit.h"

void rig_call(struct rig *rig, void (*fn)(void *arg), void *arg)
{
	unit_call(rig->loop, fn, arg);
}

static void nothing(void *arg)
{
	(void)arg;
}

/* A kick is answered first, handed on at the end of that turn and looked at in the next. */
void rig_settle(struct rig *rig)
{
	unsigned turn;

	for (turn = 0; turn < 3; turn++)
		rig_call(rig, nothing, NULL);
}

/* What a worker has of the guest's, and of its own pool; told by its thread. */
struct use {
	const struct worker *worker;
	unsigned bounced, granted, lent;
};

static void look(void *arg)
{
	struct use *use = arg;

	use->bounced = bounce_used(use->worker->bounce);
	use->granted = grants_mapped(use->worker->grants);
	use->lent = foreign_lent(use->worker->foreign);
}

/* With @running the main loop is to be asked where it moves the data. */
static void assert_idle(const struct rig *rig, bool running)
{
	unsigned i;

	for (i = 0; i < rig->nworkers; i++) {
		const struct worker *worker = &rig->workers[i];
		struct use use = { .worker = worker };

		if (running || worker->own_thread)
			unit_call(worker->loop, look, &use);
		else
			look(&use);
		ck_assert_uint_eq(use.bounced, 0);
		ck_assert_uint_eq(use.granted, 0);
		ck_assert_uint_eq(use.lent, 0);
	}
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	ck_assert_uint_eq(fake_maps(), 0);
}

void rig_assert_idle(struct rig *rig)
{
	assert_idle(rig, true);
}

static void invalidate(void *arg)
{
	struct rig *rig = arg;
	unsigned i;

	for (i = 0; i < rig->nworkers; i++)
		worker_invalidate(&rig->workers[i]);
}

static void *thread_main(void *arg)
{
	loop_run(((struct rig *)arg)->loop);
	return NULL;
}

static void start_workers(struct rig *rig, const struct rig_config *config)
{
	struct worker_options options = { .domid = FAKE_DOMID,
					  .bounce_bytes = config->bounce ? config->bounce : 8 << 20,
					  .foreign = config->windows };
	unsigned i, workers = config->workers;

	if (!options.foreign.window_bytes)
		options.foreign.window_bytes = 2u << 20;
	rig->nworkers = workers ? workers : 1;
	for (i = 0; i < rig->nworkers; i++)
		ck_assert_int_eq(
			worker_start(&rig->workers[i], i, &options, workers ? NULL : rig->loop), 0);
}

static void start_device(struct rig *rig)
{
	const struct pci_bdf bdf = { .device = RIG_BDF >> 3 };
	struct pci_state fresh;
	unsigned next = 0;

	ck_assert_int_eq(virtio_device_attach(&rig->device, rig->loop, &rig->state, rig->workers,
					      rig->nworkers, &next),
			 0);
	virtio_device_begin(&rig->device, false);
	virtio_pci_init(&rig->transport, &rig->device, rig->server, bdf, &fresh);
	virtio_pci_begin(&rig->transport, &rig->transport_state, &rig->pci_state,
			 VIRTIO_PCI_NOTHING);
	ck_assert_int_eq(ioreq_add_function(rig->server, &rig->transport.function), 0);
}

void rig_start(struct rig *rig, const struct virtio_device_type *type, const void *options,
	       const struct rig_config *config)
{
	const struct ioreq_events events = { .invalidate = invalidate,
					     .gone = nothing,
					     .arg = rig };

	*rig = (struct rig){ .loop = loop_new(), .server_id = IOREQ_NO_SERVER };
	ck_assert_ptr_nonnull(rig->loop);
	ck_assert_int_eq(virtio_device_open(&rig->device, type, "device", &config->memory,
					    config->wait, options),
			 0);
	ck_assert_int_eq(ioreq_server_open(rig->loop, FAKE_DOMID, unit_platform(), &rig->server_id,
					   &events, &rig->server),
			 0);
	ck_assert_int_eq(ioreq_server_enable(rig->server), 0);
	start_workers(rig, config);
	start_device(rig);
	ck_assert_int_eq(pthread_create(&rig->thread, NULL, thread_main, rig), 0);
}

static void withdraw(void *arg)
{
	struct rig *rig = arg;

	ioreq_server_withdraw(rig->server);
	virtio_device_reset(&rig->device);
}

static void stop_if_quiet(void *arg)
{
	struct rig *rig = arg;

	rig->quiet = !virtio_device_resetting(&rig->device);
	if (rig->quiet)
		loop_stop(rig->loop);
}

void rig_stop(struct rig *rig)
{
	rig_call(rig, withdraw, rig);
	do {
		unit_nap_us(100);
		rig_call(rig, stop_if_quiet, rig);
	} while (!rig->quiet);
	pthread_join(rig->thread, NULL);
	assert_idle(rig, false);
	workers_quit(rig->workers, rig->nworkers);
	virtio_device_detach(&rig->device);
	virtio_pci_destroy(&rig->transport);
	while (rig->nworkers)
		worker_stop(&rig->workers[--rig->nworkers]);
	ck_assert_uint_eq(fake_foreign_mapped(), 0);
	ioreq_server_close(rig->server);
	loop_free(rig->loop);
	virtio_device_close(&rig->device);
}
