/* SPDX-License-Identifier: GPL-2.0-or-later */
/* internal.h: what the files of this folder share about a server. */
#pragma once
#define __XEN_TOOLS__ 1 /* shows the constants of Xen's tool interfaces */
#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>

#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/ioreq.h>

#include "base/loop.h"
#include "base/stats.h"
#include "ioreq/server.h"

#define IOREQ_MAX_FUNCTIONS 64
#define IOREQ_MAX_RANGES    96
#define IOREQ_MAX_WINDOWS   34 /* config space, and a bridge's list of others */
#define IOREQ_MAX_PORTS     16

struct foreign;

/* A guest-physical range and the BAR behind it. */
struct ioreq_range {
	struct pci_function *function;
	unsigned bar;
	uint64_t base, size;
};

/* They stay known when they are given up: somebody may be on the way. */
struct ioreq_port_range {
	struct ioreq_ports ports;
	bool claimed;
};

struct ioreq_vcpu {
	int port;
	const void *later_owner; /* NULL: nothing is owed */
	uint64_t later_due;      /* ns */
};

struct ioreq_server {
	struct loop *loop;
	struct ioreq_events events;
	xendevicemodel_handle *dm;
	xenforeignmemory_handle *fmem;
	xenforeignmemory_resource_handle *resource;
	xenevtchn_handle *evtchn;
	struct foreign *foreign; /* operands of string instructions */
	struct ioreq_platform platform;
	int32_t *record; /* where our number outlives us */
	uint32_t domid;
	ioservid_t id;
	bool adopted, enabled;
	bool ended; /* withdrawn, or the domain is gone */
	bool pirqs; /* the guest has had a message go to one */
	struct loop_watch watch;
	struct loop_timer alive, later;
	struct shared_iopage *page;
	struct ioreq_vcpu *vcpus;
	unsigned nvcpus;
	unsigned current; /* vCPU whose request is being handled */
	counter_t accesses;
	struct pci_function *functions[IOREQ_MAX_FUNCTIONS];
	unsigned nfunctions;
	struct ioreq_range ranges[IOREQ_MAX_RANGES];
	unsigned nranges;
	struct address_window windows[IOREQ_MAX_WINDOWS];
	unsigned nwindows;
	struct ioreq_port_range ports[IOREQ_MAX_PORTS];
	unsigned nports;
	const struct ioreq_fallback *fallback; /* NULL: none */
};

/* Claims memory in Xen, unless it is in a window. 0 or -errno. */
int ioreq_claim_memory(struct ioreq_server *server, uint64_t base, uint64_t size);
void ioreq_unclaim_memory(struct ioreq_server *server, uint64_t base, uint64_t size);

/* Gives up what functions have, and ports; the rest ends with the server. */
void ioreq_unclaim_all(struct ioreq_server *server);

/* Handles one request; reads leave their result in it. */
void ioreq_dispatch(struct ioreq_server *server, struct ioreq *request);

/* refusal.c: what may be behind @err, a call for a guest that failed, and what helps; to
 * be put behind the error's own text. @allowed: an earlier call for this guest was let
 * through. Never NULL. */
const char *ioreq_why_refused(int err, bool allowed);

/* place.c: makes the server, with a number by which it is asked before the guest's device
 * model. 0 or -errno. */
int ioreq_create_server(struct ioreq_server *server);

/* config.c: how config accesses reach a function. */
void ioreq_config_unclaim(struct ioreq_server *server, struct pci_bdf bdf);

/* Where in config space an access goes. */
struct ioreq_config_place {
	uint32_t sbdf, offset;
};

/* True if it is an access to config space. */
bool ioreq_config_place(const struct ioreq_server *server, uint8_t type, uint64_t address,
			struct ioreq_config_place *place);
uint32_t ioreq_config_read(struct ioreq_server *server, struct ioreq_config_place place,
			   unsigned size);
void ioreq_config_write(struct ioreq_server *server, struct ioreq_config_place place, unsigned size,
			uint32_t value);
