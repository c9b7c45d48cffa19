/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * evtchn.c: libxenevtchn of the fake Xen. A handle's descriptor is readable
 * while ports are queued; a port is queued once and stays quiet until it is
 * unmasked, as with /dev/xen/evtchn.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <xenevtchn.h>

#include "world.h"

struct xenevtchn_handle {
	struct restricted restricted;
	int handle;
};

static int fail(int err)
{
	errno = err;
	return -1;
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
	xenevtchn_handle *xce;

	(void)logger;
	(void)flags;
	if (!world_call(FAKE_EVTCHN_OPEN, 1, 0))
		return NULL;
	xce = calloc(1, sizeof(*xce));
	if (!xce)
		return NULL;
	world_lock();
	xce->handle = handle_new();
	world_unlock();
	if (xce->handle < 0) {
		free(xce);
		return NULL;
	}
	restricted_open(&xce->restricted, true);
	return xce;
}

/* ---- both ends (lock held) ------------------------------------------------ */

static void lport_raise(unsigned int lport)
{
	struct lport *l = &world->lport[lport];

	if (!l->enabled) {
		l->pending = true;
		return;
	}
	l->enabled = false;
	handle_queue(l->handle, lport);
}

void evtchn_to_daemon(unsigned int eport)
{
	if (world->eport[eport].lport)
		lport_raise(world->eport[eport].lport);
}

static void lport_close(unsigned int lport)
{
	struct lport *l = &world->lport[lport];

	if (l->eport >= 0)
		world->eport[l->eport].lport = 0;
	l->used = false;
}

void evtchn_close_eport(unsigned int eport)
{
	struct eport *e = &world->eport[eport];

	if (e->lport)
		world->lport[e->lport].eport = -1;
	*e = (struct eport){ .used = false };
}

void evtchn_forget_handle(int handle)
{
	unsigned int i;

	for (i = 0; i < MAX_PORTS; i++)
		if (world->lport[i].used && world->lport[i].handle == handle)
			lport_close(i);
	handle_free(handle);
}

/* ---- the library ----------------------------------------------------------- */

int xenevtchn_close(xenevtchn_handle *xce)
{
	if (!xce)
		return 0;
	world_lock();
	evtchn_forget_handle(xce->handle);
	world_unlock();
	restricted_close(&xce->restricted);
	free(xce);
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
	return world->handle[xce->handle].fd;
}

int xenevtchn_restrict(xenevtchn_handle *xce, domid_t domid)
{
	xce->restricted.domid = domid;
	return 0;
}

/*
 * Binding makes the new port pending at once: what was sent before is not lost.
 * Who binds the ports of a dead daemon's server has adopted it.
 */
static int bind(xenevtchn_handle *xce, evtchn_port_t remote_port)
{
	unsigned int eport = remote_port - FIRST_EPORT, i;

	if (remote_port < FIRST_EPORT || eport >= NR_EPORTS || !world->eport[eport].used)
		return fail(EINVAL);
	if (world->eport[eport].lport)
		return fail(EINVAL);
	for (i = FIRST_LPORT; i < MAX_PORTS && world->lport[i].used; i++)
		;
	if (i == MAX_PORTS)
		return fail(ENOSPC);
	world->lport[i] = (struct lport){
		.used = true, .enabled = true, .handle = xce->handle, .eport = (int)eport
	};
	world->eport[eport].lport = i;
	world->server[eport / MAX_VCPUS].proc = fake_proc;
	lport_raise(i);
	return (int)i;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid,
						     evtchn_port_t remote_port)
{
	int port;

	if (!world_call(FAKE_EVTCHN_BIND, 1, 1) || !restricted_allows(&xce->restricted, domid))
		return -1;
	if (domid != FAKE_DOMID || !world->alive)
		return fail(ESRCH);
	world_lock();
	port = bind(xce, remote_port);
	world_unlock();
	return port;
}

/* The port, if this handle bound it. */
static struct lport *own_port(xenevtchn_handle *xce, evtchn_port_t port)
{
	struct lport *l = port < MAX_PORTS ? &world->lport[port] : NULL;

	return l && l->used && l->handle == xce->handle ? l : NULL;
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
	bool ours;

	if (!world_call(FAKE_EVTCHN_UNBIND, 1, 1))
		return -1;
	world_lock();
	ours = own_port(xce, port);
	if (ours)
		lport_close(port);
	world_unlock();
	return ours ? 0 : fail(ENOTCONN);
}

/* What Xen does with an event from the emulator: wake the vCPU. */
static void vcpu_wake(unsigned int v)
{
	world->vcpu[v].notified_ns = fake_now_ns();
	futex_wake(&world->vcpu[v].notified);
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	struct lport *l;

	if (!world_call(FAKE_EVTCHN_NOTIFY, 1, 1) ||
	    !restricted_allows(&xce->restricted, xce->restricted.domid))
		return -1;
	world_lock();
	l = own_port(xce, port);
	if (l && l->eport >= 0)
		vcpu_wake((unsigned int)l->eport % MAX_VCPUS);
	world_unlock();
	return l ? 0 : fail(ENOTCONN);
}

/* Blocks while nothing is queued, as read() on the device does. */
xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
	struct pollfd pfd = { .fd = xenevtchn_fd(xce), .events = POLLIN };
	uint32_t port;
	bool got;

	if (!world_call(FAKE_EVTCHN_PENDING, 1, 0))
		return -1;
	do {
		if (poll(&pfd, 1, -1) < 0)
			return -1;
		world_lock();
		got = handle_take(xce->handle, &port);
		world_unlock();
	} while (!got);
	return (int)port;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
	struct lport *l;

	if (!world_call(FAKE_EVTCHN_UNMASK, 1, 0))
		return -1;
	world_lock();
	l = own_port(xce, port);
	if (l && !l->enabled) {
		l->enabled = true;
		if (l->pending) {
			l->pending = false;
			lport_raise(port);
		}
	}
	world_unlock();
	return 0;
}
