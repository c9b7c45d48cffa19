/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dispatch.c: one request from a slot, whatever it asks.
 *
 * Requests may be stale (their range was given up while they were on the way)
 * or of a type that does not concern us; all are answered, reads by all-ones. */
#include "base/log.h"
#include "base/util.h"
#include "ioreq/internal.h"
#include "ioreq/pci.h"
#include "memory/foreign.h"

#define MAX_REPEAT 4096U /* a request never crosses a page */

/* One access to one address; @value is in and out. */
struct access {
	uint8_t type;
	bool write;
	unsigned size;
	uint64_t address, value;
};

static uint64_t mask(unsigned size)
{
	return size >= 8 ? ~0ULL : BIT_ULL(size * 8) - 1;
}

static bool size_valid(uint32_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

static struct ioreq_range *find_range(struct ioreq_server *server, uint64_t address, unsigned size)
{
	unsigned i;

	for (i = 0; i < server->nranges; i++) {
		struct ioreq_range *range = &server->ranges[i];

		if (address >= range->base && address - range->base <= range->size - size)
			return range;
	}
	return NULL;
}

static void access_bar(const struct ioreq_range *range, struct access *access)
{
	uint64_t offset = access->address - range->base;

	if (access->write)
		pci_bar_write(range->function, range->bar, offset, access->size, access->value);
	else
		access->value = pci_bar_read(range->function, range->bar, offset, access->size);
}

static void access_config(struct ioreq_server *server, struct access *access)
{
	struct ioreq_config_place place;

	/* There is no access of 8 bytes to config space. */
	if (access->size > 4 || !ioreq_config_place(server, access->type, access->address, &place))
		access->value = ~0ULL;
	else if (access->write)
		ioreq_config_write(server, place, access->size, (uint32_t)access->value);
	else
		access->value = ioreq_config_read(server, place, access->size);
}

/* NULL: none of ours. */
static const struct ioreq_port_range *find_ports(const struct ioreq_server *server,
						 const struct access *access)
{
	unsigned i;

	for (i = 0; i < server->nports && access->size <= 4; i++) {
		const struct ioreq_ports *ports = &server->ports[i].ports;

		if (access->address >= ports->first &&
		    access->address + access->size - 1 <= ports->last)
			return &server->ports[i];
	}
	return NULL;
}

static void access_port(struct ioreq_server *server, struct access *access)
{
	const struct ioreq_port_range *range = find_ports(server, access);
	uint16_t port = (uint16_t)access->address;

	if (!range)
		access->value = ~0ULL;
	else if (!range->claimed)
		access->value = range->ports.stale;
	else if (access->write)
		range->ports.write(range->ports.arg, port, access->size, (uint32_t)access->value);
	else
		access->value = range->ports.read(range->ports.arg, port, access->size);
}

/* Both directions are masked by size: what is beyond is not the guest's. */
static void perform(struct ioreq_server *server, struct access *access)
{
	const struct ioreq_range *range = NULL;

	access->value &= mask(access->size);
	if (access->type == IOREQ_TYPE_COPY)
		range = find_range(server, access->address, access->size);
	if (range)
		access_bar(range, access);
	else if (access->type == IOREQ_TYPE_PIO)
		access_port(server, access);
	else
		access_config(server, access);
	access->value &= mask(access->size);
}

/* The operands of a string instruction are in guest memory at request->data. Where
 * one is not there the rest is not looked for: each look costs a call to Xen. */
static void repeat(struct ioreq_server *server, const struct ioreq *request, struct access *access)
{
	int64_t step = request->df ? -(int64_t)request->size : (int64_t)request->size;
	bool in_memory = request->data_is_ptr;
	uint64_t operand = request->data;
	int err = 0;
	uint32_t i;

	for (i = 0; i < request->count; i++) {
		access->value = in_memory ? ~0ULL : request->data;
		if (in_memory && access->write && !err)
			foreign_copy(server->foreign, operand, &access->value, access->size, false,
				     &err);
		perform(server, access);
		if (in_memory && !access->write && !err)
			foreign_copy(server->foreign, operand, &access->value, access->size, true,
				     &err);
		operand += (uint64_t)step;
		if (access->type == IOREQ_TYPE_COPY)
			access->address += (uint64_t)step;
	}
}

void ioreq_dispatch(struct ioreq_server *server, struct ioreq *request)
{
	struct access access = { .type = request->type,
				 .write = request->dir == IOREQ_WRITE,
				 .size = request->size,
				 .address = request->addr,
				 .value = ~0ULL };

	if (request->type == IOREQ_TYPE_INVALIDATE) {
		foreign_invalidate(server->foreign);
		foreign_trim(server->foreign);
		server->events.invalidate(server->events.arg);
		return;
	}
	if (!size_valid(request->size) || request->count > MAX_REPEAT) {
		log_guest("odd request: type %u, size %u, count %u", request->type, request->size,
			  request->count);
		request->data = ~0ULL;
		return;
	}
	repeat(server, request, &access);
	if (!request->data_is_ptr)
		request->data = access.value;
}
