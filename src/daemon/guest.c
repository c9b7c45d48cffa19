/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest.c: composes server, workers and devices for one domain.
 *
 * Theory of operation. The server is made and its number recorded before it is
 * enabled, so that a process that dies at any point leaves a server that the
 * next one finds. Functions are claimed last: no guest byte is looked at
 * before everything stands. The end goes the other way round: withdraw from
 * Xen first, so that nothing new arrives, then let the queues come to rest on
 * their workers, and only then close what they used. */
#include "daemon/guest.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/util.h"
#include "bridge/host.h"
#include "daemon/config.h"
#include "daemon/domain.h"
#include "daemon/service.h"
#include "daemon/state.h"
#include "devices/types.h"
#include "ioreq/server.h"
#include "virtio/pci.h"
#include "virtio/worker.h"

#define RETRY_NS  200000000ULL /* for what is waited for */
#define NS_PER_US 1000ULL

struct guest_device {
	char name[BDF_TEXT_MAX + 16]; /* "00:06.0 blk" */
	struct virtio_device virtio;
	struct virtio_pci transport;
};

struct guest {
	const struct config *config;
	struct bridge bridge;
	bool bridged;
	struct guest_device devices[CONFIG_MAX_DEVICES];
	unsigned nopen, nattached;
	uint32_t domid;
	struct state state;
	struct state_region *left; /* by a dead process; NULL: none */
	struct loop *loop;
	struct ioreq_server *server;
	struct worker workers[CONFIG_MAX_WORKERS];
	unsigned nworkers;
	struct loop_watch signals;
	struct loop_timer retry;
	struct service_watchdog watchdog;
	struct loop_work quiet;
	bool ending;
};

static int open_device(struct guest_device *device, const struct device_config *config)
{
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

int guest_open(const struct config *config, struct guest **result)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	int err = 0;

	if (!guest)
		return -ENOMEM;
	guest->config = config;
	guest->state.fd = guest->signals.fd = -1;
	while (!err && guest->nopen < config->ndevices) {
		err = open_device(&guest->devices[guest->nopen], &config->devices[guest->nopen]);
		guest->nopen += !err;
	}
	if (err) {
		guest_close(guest);
		return err;
	}
	*result = guest;
	return 0;
}

void guest_close(struct guest *guest)
{
	while (guest->nopen)
		virtio_device_close(&guest->devices[--guest->nopen].virtio);
	free(guest);
}

/* A loop may end only when no queue is left in use. */
static void check_quiet(struct loop_work *work)
{
	struct guest *guest = container_of(work, struct guest, quiet);
	unsigned i;

	for (i = 0; i < guest->nattached; i++)
		if (guest->devices[i].virtio.resetting)
			return;
	loop_stop(guest->loop);
}

static void begin_end(struct guest *guest)
{
	unsigned i;

	if (guest->ending)
		return;
	guest->ending = true;
	ioreq_server_withdraw(guest->server);
	for (i = 0; i < guest->nattached; i++) {
		guest->devices[i].virtio.when_quiet = &guest->quiet;
		virtio_device_reset(&guest->devices[i].virtio);
	}
	loop_post(guest->loop, &guest->quiet);
}

static void look_again(struct guest *guest)
{
	unsigned i;

	for (i = 0; i < guest->nattached; i++)
		virtio_device_look_again(&guest->devices[i].virtio);
}

static void signalled(struct loop_watch *watch)
{
	struct guest *guest = container_of(watch, struct guest, signals);
	struct signalfd_siginfo info;

	if (read(watch->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		look_again(guest);
		return;
	}
	log_info("%s: withdrawing from domain %u", strsignal((int)info.ssi_signo), guest->domid);
	service_notify("STOPPING=1");
	begin_end(guest);
}

static void domain_gone(void *arg)
{
	struct guest *guest = arg;

	log_info("domain %u is gone", guest->domid);
	service_notify("STOPPING=1");
	begin_end(guest);
}

static void invalidate(void *arg)
{
	struct guest *guest = arg;
	unsigned i;

	for (i = 0; i < guest->nworkers; i++)
		worker_invalidate(&guest->workers[i]);
}

static int watch_signals(struct guest *guest)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	guest->signals.fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (guest->signals.fd < 0)
		return -errno;
	guest->signals.ready = signalled;
	loop_watch(guest->loop, &guest->signals);
	return 0;
}

static int start_loop(struct guest *guest)
{
	int err;

	guest->quiet.run = check_quiet;
	guest->loop = loop_new();
	if (!guest->loop) {
		err = -errno;
		log_error("cannot use io_uring: %m (see sysctl kernel.io_uring_disabled)");
		return err;
	}
	return watch_signals(guest);
}

static int start_server(struct guest *guest)
{
	const struct ioreq_events events = { .invalidate = invalidate,
					     .gone = domain_gone,
					     .arg = guest };
	int err = ioreq_server_open(guest->loop, guest->domid, &guest->config->platform,
				    &guest->state.region->server, &events, &guest->server);

	return err ? err : ioreq_server_enable(guest->server);
}

static void fit_devices(struct guest *guest)
{
	unsigned i;

	for (i = 0; i < guest->nopen; i++)
		virtio_device_fit(&guest->devices[i].virtio, ioreq_server_vcpus(guest->server));
}

static unsigned count_queues(const struct guest *guest)
{
	unsigned i, queues = 0;

	for (i = 0; i < guest->nopen; i++)
		queues += guest->devices[i].virtio.nqueues;
	return queues;
}

static int start_workers(struct guest *guest)
{
	const struct worker_options options = {
		.domid = guest->domid,
		.bounce_bytes = guest->config->bounce,
		.foreign = { .window_bytes = (uint32_t)guest->config->window,
			     .report_writes = guest->config->report_writes },
	};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned wanted = guest->config->workers;
	bool on_main = wanted == 0;
	int err = 0;

	if (wanted == CONFIG_WORKERS_AUTO)
		wanted = (unsigned)min_u64(count_queues(guest), cpus > 0 ? (uint64_t)cpus : 1);
	wanted = on_main ? 1 : (unsigned)min_u64(wanted, CONFIG_MAX_WORKERS);
	while (!err && guest->nworkers < wanted) {
		err = worker_start(&guest->workers[guest->nworkers], guest->nworkers, &options,
				   on_main ? guest->loop : NULL);
		guest->nworkers += !err;
	}
	return err;
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
static int attach(struct guest *guest, unsigned i, unsigned *next_worker)
{
	const struct device_config *config = &guest->config->devices[i];
	struct device_state *state = &guest->state.region->devices[i];
	struct guest_device *device = &guest->devices[i];
	struct pci_function *function = &device->transport.function;
	const struct pci_state *left;
	int err;

	state->sbdf = bdf_sbdf(config->common.bdf);
	state->virtio_id = config->type->virtio_id;
	left = find_left(guest, state);
	err = virtio_device_attach(&device->virtio, guest->loop, &state->virtio, guest->workers,
				   guest->nworkers, next_worker);
	if (err)
		return err;
	virtio_pci_init(&device->transport, &device->virtio, guest->server, config->common.bdf,
			&state->transport, &state->pci);
	guest->nattached++;
	if (left)
		pci_function_restore(function, left);
	return ioreq_add_function(guest->server, function);
}

static int copy_left(struct guest *guest)
{
	const struct state_region *region = guest->state.region;

	if (!ioreq_server_adopted(guest->server))
		return 0;
	guest->left = malloc(sizeof(*region));
	if (!guest->left)
		return -ENOMEM;
	*guest->left = *region;
	return 0;
}

/* Before any device, whose places are its own. */
static int attach_bridge(struct guest *guest)
{
	if (!guest->config->has_bridge)
		return 0;
	guest->bridge = guest->config->bridge;
	guest->bridged = true;
	return bridge_attach(&guest->bridge, guest->server, &guest->state.region->bridge,
			     guest->left ? &guest->left->bridge : NULL);
}

static int attach_devices(struct guest *guest)
{
	unsigned next_worker = 0;
	int err = copy_left(guest);

	if (!err)
		err = attach_bridge(guest);
	while (!err && guest->nattached < guest->nopen)
		err = attach(guest, guest->nattached, &next_worker);
	return err;
}

static void stop(struct guest *guest)
{
	unsigned i;

	workers_quit(guest->workers, guest->nworkers);
	for (i = 0; i < guest->nattached; i++) {
		virtio_device_detach(&guest->devices[i].virtio);
		virtio_pci_destroy(&guest->devices[i].transport);
	}
	if (guest->bridged)
		bridge_destroy(&guest->bridge);
	while (guest->nworkers)
		worker_stop(&guest->workers[--guest->nworkers]);
	ioreq_server_close(guest->server);
	free(guest->left);
	loop_free(guest->loop);
	if (guest->signals.fd >= 0)
		close(guest->signals.fd);
	state_close(&guest->state);
}

static unsigned count_waiting(const struct guest *guest)
{
	unsigned i, waiting = 0;

	for (i = 0; i < guest->nattached; i++)
		waiting += !guest->devices[i].virtio.ready;
	return waiting;
}

/* "domain 7, host bridge, 2 devices, 1 of them waiting", in @text. */
static const char *describe(const struct guest *guest, char text[static 96])
{
	unsigned n = guest->nattached, waiting = count_waiting(guest);
	char suffix[32] = "";

	if (waiting)
		snprintf(suffix, sizeof(suffix), ", %u of them waiting", waiting);
	snprintf(text, 96, "domain %u, %s%u device%s%s", guest->domid,
		 guest->bridged ? "host bridge, " : "", n, n == 1 ? "" : "s", suffix);
	return text;
}

static void retry(struct loop_timer *timer)
{
	struct guest *guest = container_of(timer, struct guest, retry);
	unsigned i, waited = count_waiting(guest);
	char text[96];

	if (guest->ending)
		return;
	for (i = 0; i < guest->nattached; i++)
		virtio_device_retry(&guest->devices[i].virtio);
	if (count_waiting(guest) != waited)
		service_status("serves %s", describe(guest, text));
	if (count_waiting(guest))
		loop_timer(guest->loop, timer, RETRY_NS);
}

static void say_ready(const struct guest *guest)
{
	char text[96];

	log_info("ready: %s, IOREQ server %u%s", describe(guest, text),
		 ioreq_server_id(guest->server),
		 ioreq_server_adopted(guest->server) ? ", adopted" : "");
	service_status("serves %s", text);
	service_notify("READY=1");
}

static void run(struct guest *guest)
{
	if (guest->config->platform.own_domid == IOREQ_DOMID_UNKNOWN)
		log_info("the guest is not told in which domain its backend is: give --own-domid");
	say_ready(guest);
	ioreq_server_resume(guest->server);
	guest->retry.fire = retry;
	if (count_waiting(guest))
		loop_timer(guest->loop, &guest->retry, RETRY_NS);
	service_watch(&guest->watchdog, guest->loop);
	loop_run(guest->loop);
}

static int start(struct guest *guest)
{
	int err = start_loop(guest);

	if (!err)
		err = start_server(guest);
	if (err)
		return err;
	fit_devices(guest);
	err = start_workers(guest);
	return err ? err : attach_devices(guest);
}

int guest_serve(struct guest *guest)
{
	const struct config *config = guest->config;
	int err = domain_find(config->domain, &guest->domid);

	if (err)
		return err;
	err = state_open(&guest->state, config_instance(config), guest->domid);
	if (err)
		return err;
	err = start(guest);
	if (!err)
		run(guest);
	else if (guest->server)
		ioreq_server_withdraw(guest->server);
	if (guest->state.region->server == IOREQ_NO_SERVER)
		state_remove(&guest->state);
	stop(guest);
	return err;
}
