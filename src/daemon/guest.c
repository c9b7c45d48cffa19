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
#include "base/opener.h"
#include "base/runtime.h"
#include "base/util.h"
#include "daemon/control.h"
#include "daemon/domain.h"
#include "daemon/internal.h"
#include "daemon/service.h"
#include "ioreq/server.h"

int guest_open(const struct config *config, struct guest **result)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	int err;

	if (!guest)
		return -ENOMEM;
	guest->config = config;
	guest->state.fd = guest->signals.fd = -1;
	err = devices_open(guest);
	if (err) {
		guest_close(guest);
		return err;
	}
	*result = guest;
	return 0;
}

void guest_close(struct guest *guest)
{
	devices_close(guest);
	opener_end();
	free(guest);
}

/* A loop may end only when no queue is left in use. */
static void check_quiet(struct loop_work *work)
{
	const struct guest *guest = container_of(work, struct guest, quiet);
	const struct guest_device *device;
	unsigned i = 0;

	while ((device = devices_next(guest, &i)))
		if (virtio_device_resetting(&device->virtio))
			return;
	loop_stop(guest->loop);
}

static void withdraw(struct guest *guest)
{
	hotplug_close(guest->hotplug);
	guest->hotplug = NULL;
	ioreq_server_withdraw(guest->server);
}

static void begin_end(struct guest *guest)
{
	struct guest_device *device;
	unsigned i = 0;

	if (guest->ending)
		return;
	guest->ending = true;
	service_notify("STOPPING=1");
	withdraw(guest);
	while ((device = devices_next(guest, &i))) {
		device->virtio.when_quiet = &guest->quiet;
		virtio_device_reset(&device->virtio);
	}
	loop_post(guest->loop, &guest->quiet);
}

void guest_end(struct guest *guest, const char *why)
{
	log_info("%s: withdrawing from domain %u", why, guest->domid);
	begin_end(guest);
}

/* As if we were killed: what is under way is for the next process to do once more. */
static void leave_all(const struct guest *guest)
{
	log_info("leaving domain %u to the next process", guest->domid);
	_exit(RUNTIME_LEFT);
}

static void signalled(struct loop_watch *watch)
{
	struct guest *guest = container_of(watch, struct guest, signals);
	struct signalfd_siginfo info;

	if (read(watch->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		devices_look_again(guest);
		return;
	}
	if (info.ssi_signo == SIGUSR1) {
		if (!guest->ending)
			leave_all(guest);
		return;
	}
	guest_end(guest, strsignal((int)info.ssi_signo));
}

static void domain_gone(void *arg)
{
	struct guest *guest = arg;

	log_info("domain %u is gone", guest->domid);
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
	sigaddset(&set, SIGUSR1);
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

static int start_hotplug(struct guest *guest)
{
	return hotplug_open(guest->loop, guest->server, guest->domid,
			    (enum hotplug_way)guest->config->hotplug, &guest->hotplug);
}

int guest_start_workers(struct guest *guest)
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

	if (guest->nworkers)
		return 0;
	if (wanted == CONFIG_WORKERS_AUTO)
		wanted = (unsigned)min_u64(devices_queues(guest), cpus > 0 ? (uint64_t)cpus : 1);
	wanted = on_main ? 1 : (unsigned)min_u64(wanted, CONFIG_MAX_WORKERS);
	while (!err && guest->nworkers < wanted) {
		err = worker_start(&guest->workers[guest->nworkers], guest->nworkers, &options,
				   on_main ? guest->loop : NULL);
		guest->nworkers += !err;
	}
	return err;
}

/* Before any device, whose places are its own. */
static int attach_bridge(struct guest *guest)
{
	const struct bridge_state left = guest->state.region->bridge;

	if (!guest->config->has_bridge)
		return 0;
	guest->bridge = guest->config->bridge;
	guest->bridged = true;
	return bridge_attach(&guest->bridge, guest->server, &guest->state.region->bridge,
			     guest->adopts ? &left : NULL);
}

static int attach_all(struct guest *guest)
{
	int err;

	guest->adopts = ioreq_server_adopted(guest->server);
	err = attach_bridge(guest);
	if (!err)
		err = ports_attach(guest);
	return err ? err : devices_attach(guest);
}

static void stop(struct guest *guest)
{
	if (guest->control)
		control_close(guest->control);
	workers_quit(guest->workers, guest->nworkers);
	plug_end(guest);
	devices_detach(guest);
	devices_close(guest);
	ports_destroy(guest);
	if (guest->bridged)
		bridge_destroy(&guest->bridge);
	while (guest->nworkers)
		worker_stop(&guest->workers[--guest->nworkers]);
	ioreq_server_close(guest->server);
	loop_free(guest->loop);
	if (guest->control)
		control_free(guest->control);
	if (guest->signals.fd >= 0)
		close(guest->signals.fd);
	state_close(&guest->state);
}

static void say_ready(const struct guest *guest)
{
	char text[DEVICES_TEXT_MAX];

	log_info("ready: %s, IOREQ server %u%s", devices_describe(guest, text),
		 ioreq_server_id(guest->server),
		 ioreq_server_adopted(guest->server) ? ", adopted" : "");
	service_status("serves %s", text);
	service_notify("READY=1");
}

static void run(struct guest *guest)
{
	if (guest->config->platform.own_domid == IOREQ_DOMID_UNKNOWN)
		log_info("the guest is not told in which domain its backend is: give --own-domid");
	devices_resume(guest);
	ioreq_server_resume(guest->server);
	say_ready(guest);
	devices_wait(guest);
	service_watch(&guest->watchdog, guest->loop);
	loop_run(guest->loop);
}

static int listen_for_control(struct guest *guest)
{
	char path[256];
	int err = runtime_path(path, sizeof(path), config_instance(guest->config), "sock");

	return err ? err : control_open(guest->loop, path, guest_commands, guest, &guest->control);
}

static int start(struct guest *guest)
{
	int err;

	kept_open(guest);
	err = devices_seal(guest);
	if (!err)
		err = start_loop(guest);
	if (!err)
		err = start_server(guest);
	if (!err)
		err = start_hotplug(guest);
	if (err)
		return err;
	devices_fit(guest);
	err = guest_start_workers(guest);
	if (!err)
		err = attach_all(guest);
	return err ? err : listen_for_control(guest);
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
		withdraw(guest);
	if (guest->state.region->server == IOREQ_NO_SERVER)
		state_remove(&guest->state);
	stop(guest);
	return err;
}
