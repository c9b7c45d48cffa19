/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for the host bridge of a PVH guest: what an HVM guest has from its
 * device model and Linux wants before it scans bus 0 (with pci=lastbus=1).
 *   00:00.0      a host bridge
 *   port 0xcf8   reads back what was written
 *   port 0x42    reads 0: Linux polls the absent timer for seconds if it reads 0xff
 * Usage: pvh-bridge DOMID. Says "ready", ends with the domain.
 */
#define __XEN_TOOLS__ 1 /* for the constants of hvm_op.h */

#include <err.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/ioreq.h>
#include <xen/memory.h>

#define MAX_VCPUS           32
#define TIMER_PORT          0x42
#define CONFIG_ADDRESS_PORT 0xcf8

static const uint32_t config_space[64] = {
	[0] = 0x12378086, /* 440FX */
	[2] = 0x06000002, /* host bridge */
};

struct bridge {
	domid_t domid;
	ioservid_t id;
	unsigned int vcpus;
	xenevtchn_port_or_error_t ports[MAX_VCPUS];
	uint32_t config_address;
	shared_iopage_t *page;
	xendevicemodel_handle *dmod;
	xenforeignmemory_handle *fmem;
	xenevtchn_handle *evtchn;
};

static void open_xen(struct bridge *b)
{
	b->dmod = xendevicemodel_open(NULL, 0);
	b->fmem = xenforeignmemory_open(NULL, 0);
	b->evtchn = xenevtchn_open(NULL, 0);
	if (!b->dmod || !b->fmem || !b->evtchn)
		err(1, "cannot open Xen's interfaces");
}

static void create_server(struct bridge *b)
{
	if (xendevicemodel_nr_vcpus(b->dmod, b->domid, &b->vcpus))
		err(1, "domain %u", b->domid);
	if (b->vcpus > MAX_VCPUS)
		errx(1, "more than %u vCPUs", MAX_VCPUS);
	if (xendevicemodel_create_ioreq_server(b->dmod, b->domid, HVM_IOREQSRV_BUFIOREQ_OFF,
					       &b->id))
		err(1, "create_ioreq_server");
	if (!xenforeignmemory_map_resource(b->fmem, b->domid, XENMEM_resource_ioreq_server, b->id,
					   XENMEM_resource_ioreq_server_frame_ioreq(0), 1,
					   (void **)&b->page, PROT_READ | PROT_WRITE, 0))
		err(1, "map_resource");
}

static int enable_server(struct bridge *b)
{
	return xendevicemodel_set_ioreq_server_state(b->dmod, b->domid, b->id, 1);
}

static int claim_port(struct bridge *b, uint64_t first, uint64_t last)
{
	return xendevicemodel_map_io_range_to_ioreq_server(b->dmod, b->domid, b->id, 0, first,
							   last);
}

static void start_server(struct bridge *b)
{
	if (enable_server(b))
		err(1, "set_ioreq_server_state");
	for (unsigned int i = 0; i < b->vcpus; i++) {
		b->ports[i] = xenevtchn_bind_interdomain(b->evtchn, b->domid,
							 b->page->vcpu_ioreq[i].vp_eport);
		if (b->ports[i] < 0)
			err(1, "bind_interdomain");
	}
	if (xendevicemodel_map_pcidev_to_ioreq_server(b->dmod, b->domid, b->id, 0, 0, 0, 0) ||
	    claim_port(b, CONFIG_ADDRESS_PORT, CONFIG_ADDRESS_PORT + 3) ||
	    claim_port(b, TIMER_PORT, TIMER_PORT))
		err(1, "cannot claim the bridge");
}

static uint64_t read_config(const ioreq_t *req)
{
	unsigned int reg = req->addr & 0xff;

	return config_space[reg / 4] >> (reg % 4 * 8);
}

static void handle(struct bridge *b, ioreq_t *req)
{
	if (req->type == IOREQ_TYPE_PCI_CONFIG && req->dir == IOREQ_READ)
		req->data = read_config(req);
	else if (req->type == IOREQ_TYPE_PIO && req->dir == IOREQ_READ)
		req->data = req->addr == CONFIG_ADDRESS_PORT ? b->config_address : 0;
	else if (req->type == IOREQ_TYPE_PIO && req->addr == CONFIG_ADDRESS_PORT && req->size == 4)
		b->config_address = req->data;
}

static void answer(struct bridge *b, unsigned int vcpu)
{
	ioreq_t *req = &b->page->vcpu_ioreq[vcpu];

	if (req->state != STATE_IOREQ_READY)
		return;
	atomic_thread_fence(memory_order_acquire);
	req->state = STATE_IOREQ_INPROCESS;
	handle(b, req);
	atomic_thread_fence(memory_order_release);
	req->state = STATE_IORESP_READY;
	xenevtchn_notify(b->evtchn, b->ports[vcpu]);
}

/* Once a second without work: enabling again fails when Xen has ended the server. */
static void serve(struct bridge *b)
{
	struct pollfd pfd = { .fd = xenevtchn_fd(b->evtchn), .events = POLLIN };
	xenevtchn_port_or_error_t port;

	for (;;) {
		if (poll(&pfd, 1, 1000) <= 0) {
			if (enable_server(b))
				return;
			continue;
		}
		port = xenevtchn_pending(b->evtchn);
		for (unsigned int i = 0; i < b->vcpus; i++) {
			if (b->ports[i] != port)
				continue;
			xenevtchn_unmask(b->evtchn, port);
			answer(b, i);
		}
	}
}

int main(int argc, char **argv)
{
	struct bridge bridge = { 0 };

	if (argc != 2)
		errx(2, "usage: pvh-bridge DOMID");
	bridge.domid = strtoul(argv[1], NULL, 10);
	open_xen(&bridge);
	create_server(&bridge);
	start_server(&bridge);
	puts("ready");
	fflush(stdout);
	serve(&bridge);
	return 0;
}
