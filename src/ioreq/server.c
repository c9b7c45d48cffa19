/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.c: life of an IOREQ server, and its slots.
 *
 * Theory of operation. Each vCPU has one slot in a page that Xen shares with
 * us and one event channel. A vCPU that touches what we claimed fills its slot
 * (READY), sends the event and stops. We move the slot READY -> INPROCESS ->
 * IORESP_READY and notify. Xen crashes the domain if a state ever moves
 * backwards, and nothing but our event wakes the vCPU: neither closing the
 * channel nor destroying the server does. Hence:
 *
 *  - beginning: create, map the page, enable (this fills the port numbers in),
 *    bind the ports; ranges are claimed later, one by one;
 *  - end: give the ranges up, disable, answer every slot, notify every port, on
 *    Arm wait until each vCPU has taken its answer, destroy;
 *  - the server outlives its process. A new process maps the same page and
 *    binds the same ports (Xen refuses the second bind while the old process
 *    lives), then looks at every slot. A request found INPROCESS may have been
 *    handled already, so register handlers must bear being run twice. */
#include "ioreq/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <xen/memory.h>

#include "base/log.h"
#include "base/util.h"
#include "ioreq/internal.h"
#include "memory/foreign.h"
#include "memory/quiet.h"

#define ALIVE_INTERVAL_NS 1000000000ULL
#define NS_PER_MS         1000000ULL
#define ADOPT_TRIES       50
#define ADOPT_PAUSE_NS    20000000L
#define TAKEN_TRIES       100
#define TAKEN_PAUSE_NS    20000000L

uint16_t ioreq_server_id(const struct ioreq_server *server)
{
	return server->id;
}

unsigned ioreq_server_vcpus(const struct ioreq_server *server)
{
	return server->nvcpus;
}

bool ioreq_server_adopted(const struct ioreq_server *server)
{
	return server->adopted;
}

uint64_t ioreq_server_accesses(const struct ioreq_server *server)
{
	return counter_read(&server->accesses);
}

unsigned ioreq_server_own_domid(const struct ioreq_server *server)
{
	return server->platform.own_domid;
}

bool ioreq_server_has_msi(const struct ioreq_server *server)
{
	return !server->platform.ecam; /* Xen has no MSI controller for guests on Arm */
}

bool ioreq_server_has_pirqs(const struct ioreq_server *server)
{
	return server->pirqs;
}

static void notify_vcpu(struct ioreq_server *server, unsigned vcpu)
{
	xenevtchn_notify(server->evtchn, (evtchn_port_t)server->vcpus[vcpu].port);
}

static void answer_slot(struct ioreq_server *server, unsigned vcpu)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
	server->page->vcpu_ioreq[vcpu].state = STATE_IORESP_READY;
	notify_vcpu(server, vcpu);
}

/* @state is READY, or after adoption INPROCESS. */
static void handle_slot(struct ioreq_server *server, unsigned vcpu)
{
	struct ioreq *slot = &server->page->vcpu_ioreq[vcpu];
	struct ioreq request;

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	slot->state = STATE_IOREQ_INPROCESS;
	request = *slot;
	server->current = vcpu;
	counter_add(&server->accesses, 1);
	ioreq_dispatch(server, &request);
	if (request.dir == IOREQ_READ && !request.data_is_ptr)
		slot->data = request.data;
	if (!server->vcpus[vcpu].later_owner)
		answer_slot(server, vcpu);
}

static unsigned slot_state(const struct ioreq_server *server, unsigned vcpu)
{
	return ((volatile struct ioreq *)&server->page->vcpu_ioreq[vcpu])->state;
}

/* One event per call: the loop comes back as long as there are more. */
static void event_ready(struct loop_watch *watch)
{
	struct ioreq_server *server = container_of(watch, struct ioreq_server, watch);
	xenevtchn_port_or_error_t port = xenevtchn_pending(server->evtchn);
	unsigned i;

	if (port < 0)
		return;
	for (i = 0; i < server->nvcpus; i++) {
		if (server->vcpus[i].port != port)
			continue;
		if (slot_state(server, i) == STATE_IOREQ_READY)
			handle_slot(server, i);
		break;
	}
	xenevtchn_unmask(server->evtchn, (evtchn_port_t)port);
}

void ioreq_server_resume(struct ioreq_server *server)
{
	unsigned i;

	for (i = 0; i < server->nvcpus; i++) {
		unsigned state = slot_state(server, i);

		if (state == STATE_IOREQ_READY || state == STATE_IOREQ_INPROCESS)
			handle_slot(server, i);
		else if (state == STATE_IORESP_READY)
			notify_vcpu(server, i); /* the state is Xen's already */
	}
}

static void arm_later(struct ioreq_server *server)
{
	uint64_t first = UINT64_MAX, now = loop_now();
	unsigned i;

	for (i = 0; i < server->nvcpus; i++)
		if (server->vcpus[i].later_owner)
			first = min_u64(first, server->vcpus[i].later_due);
	if (first != UINT64_MAX)
		loop_timer(server->loop, &server->later, first > now ? first - now : 0);
}

void ioreq_answer_later(struct ioreq_server *server, const void *owner)
{
	struct ioreq_vcpu *vcpu = &server->vcpus[server->current];

	vcpu->later_owner = owner;
	vcpu->later_due = loop_now() + IOREQ_LATER_MS * NS_PER_MS;
	arm_later(server);
}

static void answer_owed(struct ioreq_server *server, unsigned vcpu)
{
	server->vcpus[vcpu].later_owner = NULL;
	answer_slot(server, vcpu);
}

void ioreq_answer(struct ioreq_server *server, const void *owner)
{
	unsigned i;

	for (i = 0; i < server->nvcpus; i++)
		if (server->vcpus[i].later_owner == owner)
			answer_owed(server, i);
}

static void later_is_now(struct loop_timer *timer)
{
	struct ioreq_server *server = container_of(timer, struct ioreq_server, later);
	uint64_t now = loop_now();
	unsigned i;

	for (i = 0; i < server->nvcpus; i++)
		if (server->vcpus[i].later_owner && server->vcpus[i].later_due <= now)
			answer_owed(server, i);
	arm_later(server);
}

/* There is nothing of us left in Xen, and so nothing to find again. */
static void end(struct ioreq_server *server)
{
	server->ended = true;
	*server->record = IOREQ_NO_SERVER;
}

/* Xen destroys a dying domain's servers first of all. */
static bool is_gone(const struct ioreq_server *server)
{
	return xendevicemodel_get_ioreq_server_info(server->dm, (domid_t)server->domid, server->id,
						    NULL, NULL, NULL) &&
	       (errno == ESRCH || errno == ENOENT);
}

static void still_alive(struct loop_timer *timer)
{
	struct ioreq_server *server = container_of(timer, struct ioreq_server, alive);

	if (!is_gone(server)) {
		loop_timer(server->loop, timer, ALIVE_INTERVAL_NS);
		return;
	}
	end(server);
	server->events.gone(server->events.arg);
}

static void destroy(struct ioreq_server *server)
{
	xendevicemodel_destroy_ioreq_server(server->dm, (domid_t)server->domid, server->id);
	end(server);
}

static int map_page(struct ioreq_server *server)
{
	void *page = NULL;

	server->resource = xenforeignmemory_map_resource(
		server->fmem, (domid_t)server->domid, XENMEM_resource_ioreq_server, server->id,
		XENMEM_resource_ioreq_server_frame_ioreq(0), 1, &page, PROT_READ | PROT_WRITE, 0);
	if (!server->resource)
		return -errno;
	server->page = page;
	return 0;
}

static int bind_vcpu(struct ioreq_server *server, unsigned vcpu)
{
	const struct timespec pause = { .tv_nsec = ADOPT_PAUSE_NS };
	evtchn_port_t remote = server->page->vcpu_ioreq[vcpu].vp_eport;
	unsigned tries = server->adopted ? ADOPT_TRIES : 1;
	int port;

	for (;;) {
		port = xenevtchn_bind_interdomain(server->evtchn, server->domid, remote);
		if (port >= 0)
			break;
		if (errno != EINVAL || !--tries)
			return server->adopted && errno == EINVAL ? -EBUSY : -errno;
		nanosleep(&pause, NULL); /* the dead process is still being taken apart */
	}
	server->vcpus[vcpu].port = port;
	return 0;
}

static int bind_ports(struct ioreq_server *server)
{
	unsigned i;
	int err;

	server->vcpus = calloc(server->nvcpus, sizeof(*server->vcpus));
	if (!server->vcpus)
		return -ENOMEM;
	for (i = 0; i < server->nvcpus; i++) {
		err = bind_vcpu(server, i);
		if (err)
			return err;
	}
	return 0;
}

/* @allowed: Xen has let us ask for this guest before. Returns @err. */
static int cannot(const struct ioreq_server *server, const char *what, bool allowed, int err)
{
	log_error("domain %u: cannot %s: %s%s", server->domid, what, strerror(-err),
		  ioreq_why_refused(err, allowed));
	return err;
}

static int create(struct ioreq_server *server)
{
	int err = ioreq_create_server(server);

	if (err)
		return cannot(server, "create an IOREQ server", true, err);
	*server->record = server->id;
	err = map_page(server);
	if (err) {
		cannot(server, "map the page of the IOREQ server", true, err);
		destroy(server);
	}
	return err;
}

/* The one server that is surely ours is the one on record. */
static int adopt_or_create(struct ioreq_server *server)
{
	int err;

	if (*server->record == IOREQ_NO_SERVER)
		return create(server);
	server->id = (ioservid_t)*server->record;
	err = map_page(server);
	if (err == -ENOENT)
		return create(server);
	server->adopted = !err;
	return err ? cannot(server, "map the page of the IOREQ server", true, err) : 0;
}

static int open_handles(struct ioreq_server *server)
{
	static const struct foreign_options small = { .window_bytes = FOREIGN_WINDOW_MIN };
	int err = foreign_open(server->domid, &small, &server->foreign);

	if (err)
		return err;
	server->dm = xendevicemodel_open(quiet_logger(), 0);
	if (server->dm)
		server->fmem = xenforeignmemory_open(quiet_logger(), 0);
	if (server->fmem)
		server->evtchn = xenevtchn_open(quiet_logger(), 0);
	if (server->evtchn)
		return 0;
	err = -errno;
	log_error("cannot open Xen's interfaces: %m (is this a Xen backend domain?)");
	return err;
}

static int count_vcpus(struct ioreq_server *server)
{
	if (xendevicemodel_nr_vcpus(server->dm, (domid_t)server->domid, &server->nvcpus))
		return cannot(server, "serve it", false, -errno);
	if (server->nvcpus > GUEST_PAGE_SIZE / sizeof(struct ioreq)) {
		log_error("domain %u has %u vCPUs; Xen's IOREQ page has room for %zu",
			  server->domid, server->nvcpus, GUEST_PAGE_SIZE / sizeof(struct ioreq));
		return -E2BIG;
	}
	return 0;
}

/* Lets go of the process's side only: the server stays in Xen. */
static void release(struct ioreq_server *server)
{
	if (server->resource)
		xenforeignmemory_unmap_resource(server->fmem, server->resource);
	if (server->evtchn)
		xenevtchn_close(server->evtchn);
	if (server->fmem)
		xenforeignmemory_close(server->fmem);
	if (server->dm)
		xendevicemodel_close(server->dm);
	foreign_close(server->foreign);
	free(server->vcpus);
	free(server);
}

int ioreq_server_open(struct loop *loop, uint32_t domid, const struct ioreq_platform *platform,
		      int32_t *id, const struct ioreq_events *events, struct ioreq_server **result)
{
	struct ioreq_server *server = calloc(1, sizeof(*server));
	int err;

	if (!server)
		return -ENOMEM;
	server->loop = loop;
	server->domid = domid;
	server->platform = *platform;
	server->events = *events;
	server->record = id;
	err = open_handles(server);
	if (!err)
		err = count_vcpus(server);
	if (!err)
		err = adopt_or_create(server);
	if (err) {
		release(server);
		return err;
	}
	*result = server;
	return 0;
}

int ioreq_server_enable(struct ioreq_server *server)
{
	int err;

	if (xendevicemodel_set_ioreq_server_state(server->dm, (domid_t)server->domid, server->id,
						  1)) {
		err = -errno;
		log_error("domain %u: cannot enable IOREQ server %u: %m", server->domid,
			  server->id);
		return err;
	}
	err = bind_ports(server);
	if (err) {
		log_error("domain %u: cannot bind the event channels: %s", server->domid,
			  err == -EBUSY ? "another process serves them" : strerror(-err));
		return err;
	}
	server->watch =
		(struct loop_watch){ .fd = xenevtchn_fd(server->evtchn), .ready = event_ready };
	loop_watch(server->loop, &server->watch);
	server->later.fire = later_is_now;
	server->alive.fire = still_alive;
	loop_timer(server->loop, &server->alive, ALIVE_INTERVAL_NS);
	server->enabled = true;
	return 0;
}

/* No function is left, so what a vCPU still waits for reads all-ones. */
static void answer_all(struct ioreq_server *server)
{
	unsigned i;

	for (i = 0; i < server->nvcpus; i++) {
		unsigned state = slot_state(server, i);

		if (server->vcpus[i].later_owner)
			answer_owed(server, i);
		else if (state == STATE_IOREQ_READY || state == STATE_IOREQ_INPROCESS)
			handle_slot(server, i);
		else
			notify_vcpu(server, i);
	}
}

static bool have_taken(const struct ioreq_server *server)
{
	unsigned i;

	for (i = 0; i < server->nvcpus; i++)
		if (slot_state(server, i) != STATE_IOREQ_NONE)
			return false;
	return true;
}

/* Xen on Arm goes on in the middle of a vCPU's wait, with what the server was: it dies if
 * that was freed (xen/common/ioreq.c, wait_for_io(); on x86 it looks for the server again).
 * A vCPU that is paused takes nothing. */
static bool may_destroy(const struct ioreq_server *server)
{
	const struct timespec pause = { .tv_nsec = TAKEN_PAUSE_NS };
	unsigned tries = TAKEN_TRIES;

	while (server->platform.ecam && !have_taken(server) && !is_gone(server)) {
		if (!tries--)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

void ioreq_server_withdraw(struct ioreq_server *server)
{
	domid_t domid = (domid_t)server->domid;

	loop_timer_cancel(server->loop, &server->alive);
	loop_timer_cancel(server->loop, &server->later);
	if (server->ended || !server->enabled)
		return;
	ioreq_unclaim_all(server);
	xendevicemodel_set_ioreq_server_state(server->dm, domid, server->id, 0);
	answer_all(server);
	if (may_destroy(server))
		destroy(server);
	else
		log_warning("domain %u: a vCPU has not taken its answer, is it paused? IOREQ "
			    "server %u stays for the next start",
			    server->domid, server->id);
}

void ioreq_server_close(struct ioreq_server *server)
{
	if (!server)
		return;
	/* Never enabled: nobody waits. An adopted one may be served by another. */
	if (!server->enabled && !server->adopted)
		destroy(server);
	release(server);
}
