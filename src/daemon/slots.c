/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slots.c: PCI slots and general purpose events as hvmloader's DSDT has them
 * (Xen's tools/libacpi/mk_dsdt.c; QEMU's docs/specs/acpi_pci_hotplug).
 *
 * An event in PCI's bit raises the interrupt. The guest takes it out of the enabled ones,
 * clears it, and runs \_GPE._E01: that reads for each of 31 slots which devices have come
 * and which are to go. When it is through the guest enables the event again. A device that
 * was to go is out of use when its _EJ0 writes its bit to the register EJECT.
 *
 * What is read here when nothing is shown makes no guest do anything: above all no device
 * of QEMU's is to go. */
#include "daemon/slots.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/util.h"
#include "ioreq/irq.h"
#include "ioreq/server.h"

#define NS_PER_S 1000000000ULL
#define PULSE    (NS_PER_S / 10)

#define SLOTS_FIRST  0xae00
#define SLOTS_LAST   0xae0f
#define EVENTS_FIRST 0xafe0
#define EVENTS_LAST  0xafe3

/* Offsets, in bytes. */
#define EJECT       8
#define EJECT_BYTES 4
#define LOOK_BYTES  8 /* of what has come and is to go */
#define ENABLED     2
#define EVENT_BYTES 2 /* of each register */

/* Bits of events. Linux enables both and leaves them so; QEMU's own registers have kept
 * that when the ports are QEMU's again. */
#define EVENT_PCI  BIT_ULL(1)
#define EVENT_CPU  BIT_ULL(2)
#define ALL_EVENTS (EVENT_PCI | EVENT_CPU)

struct slot_registers {
	uint32_t come, go, eject;
	uint32_t pluggable; /* _STA goes by it: 0 would take QEMU's devices away */
};

struct event_registers {
	uint16_t status, enabled;
};

_Static_assert(sizeof(struct slot_registers) == SLOTS_LAST - SLOTS_FIRST + 1, "size");
_Static_assert(sizeof(struct event_registers) == EVENTS_LAST - EVENTS_FIRST + 1, "size");

/* A domain that dies meanwhile is no news. */
static void drive(const struct slots *slots, bool level)
{
	int err = irq_sci(slots->server, level);

	if (err && err != -ESRCH)
		log_guest("ACPI's interrupt: %s", strerror(-err));
}

static void update_level(struct slots *slots)
{
	bool level = slots->status & slots->enabled && !slots->rests;

	if (level == slots->level)
		return;
	slots->level = level;
	drive(slots, level);
}

static uint32_t part(const void *registers, unsigned offset, unsigned size)
{
	uint32_t value = 0;

	memcpy(&value, (const uint8_t *)registers + offset, size);
	return value;
}

static void touch(struct slots *slots)
{
	slots->accessed = loop_now();
	slots->rests = false;
}

static uint32_t read_slots(void *arg, uint16_t port, unsigned size)
{
	struct slots *slots = arg;
	const struct slot_registers registers = { .come = slots->come,
						  .go = slots->go,
						  .pluggable = ~0U };
	unsigned offset = port - SLOTS_FIRST;

	touch(slots);
	if (offset < LOOK_BYTES)
		slots->read = true;
	return part(&registers, offset, size);
}

static void write_slots(void *arg, uint16_t port, unsigned size, uint32_t value)
{
	struct slots *slots = arg;
	unsigned i, offset = port - SLOTS_FIRST;
	uint32_t devices = 0;

	touch(slots);
	for (i = 0; i < size; i++)
		if (offset + i >= EJECT && offset + i < EJECT + EJECT_BYTES)
			devices |= (value >> (8 * i) & 0xff) << (8 * (offset + i - EJECT));
	if (devices)
		slots->ops.ejected(slots->ops.arg, devices);
}

static uint32_t read_events(void *arg, uint16_t port, unsigned size)
{
	struct slots *slots = arg;
	const struct event_registers registers = { .status = slots->status,
						   .enabled = slots->enabled };

	touch(slots);
	return part(&registers, port - EVENTS_FIRST, size);
}

/* Not while there is news that it may have come too late for, nor in the middle of its look. */
bool slots_read(const struct slots *slots)
{
	return slots->read && slots->enabled & EVENT_PCI && !(slots->status & EVENT_PCI);
}

/* A status bit is cleared by writing it. */
static void write_events(void *arg, uint16_t port, unsigned size, uint32_t value)
{
	struct slots *slots = arg;
	struct event_registers registers = { .enabled = slots->enabled };
	unsigned offset = port - EVENTS_FIRST;
	bool was_enabled = slots->enabled & EVENT_PCI;

	touch(slots);
	memcpy((uint8_t *)&registers + offset, &value, size);
	slots->status &= (uint16_t)~registers.status;
	slots->enabled = registers.enabled;
	update_level(slots);
	if (!was_enabled && slots_read(slots))
		slots->ops.looked(slots->ops.arg);
}

static struct ioreq_ports slot_ports(struct slots *slots)
{
	return (struct ioreq_ports){ .first = SLOTS_FIRST,
				     .last = SLOTS_LAST,
				     .read = read_slots,
				     .write = write_slots,
				     .arg = slots };
}

/* Who reads late writes it back to QEMU. */
static struct ioreq_ports event_ports(struct slots *slots)
{
	return (struct ioreq_ports){ .first = EVENTS_FIRST,
				     .last = EVENTS_LAST,
				     .read = read_events,
				     .write = write_events,
				     .arg = slots,
				     .stale = ALL_EVENTS };
}

static int claim(struct slots *slots, bool *claimed, struct ioreq_ports ports)
{
	int err;

	if (*claimed)
		return 0;
	err = ioreq_claim_ports(slots->server, &ports);
	*claimed = !err;
	log_debug("ports %#x to %#x: %s", ports.first, ports.last, err ? strerror(-err) : "ours");
	return err;
}

static void release(struct slots *slots, bool *claimed, struct ioreq_ports ports)
{
	if (!*claimed)
		return;
	ioreq_unclaim_ports(slots->server, &ports);
	*claimed = false;
	log_debug("ports %#x to %#x: given back", ports.first, ports.last);
}

void slots_init(struct slots *slots, struct ioreq_server *server, const struct slots_ops *ops,
		bool adopted)
{
	struct ioreq_ports of_slots = slot_ports(slots), of_events = event_ports(slots);
	bool left;

	*slots = (struct slots){ .server = server, .ops = *ops, .enabled = ALL_EVENTS };
	if (!adopted)
		return;
	left = !ioreq_unclaim_ports(server, &of_slots);
	left |= !ioreq_unclaim_ports(server, &of_events);
	if (left)
		drive(slots, false);
}

/* All or none: what is half ours would be answered in part only. */
static int claim_all(struct slots *slots)
{
	bool had_slots = slots->slots_claimed;
	int err = claim(slots, &slots->slots_claimed, slot_ports(slots));

	if (!err)
		err = claim(slots, &slots->events_claimed, event_ports(slots));
	if (err && !had_slots)
		release(slots, &slots->slots_claimed, slot_ports(slots));
	return err;
}

int slots_show(struct slots *slots, uint32_t come, uint32_t go)
{
	bool more = come & ~slots->come || go & ~slots->go;
	int err = more ? claim_all(slots) : 0;

	if (err)
		return err;
	slots->come = come;
	slots->go = go;
	if (more) {
		slots->shown = loop_now();
		slots->rests = slots->read = false;
		slots->status |= EVENT_PCI;
	} else if (!come && !go) {
		slots->status &= (uint16_t)~EVENT_PCI;
	}
	update_level(slots);
	return 0;
}

/* Others drive the wire, too: it may be down although it should not be. And while it is up a
 * guest that does not clear the event, for whatever reason, does nothing but serve it; Linux
 * gives such an interrupt up for good. So it is up for a tenth of each second only until the
 * guest has been here. */
void slots_insist(struct slots *slots)
{
	bool answered = slots->accessed >= slots->shown;

	slots->rests = !answered && (loop_now() - slots->shown) % NS_PER_S >= PULSE;
	update_level(slots);
	if (slots->level)
		drive(slots, true);
}

void slots_release_events(struct slots *slots)
{
	slots_show(slots, 0, 0);
	slots->enabled = ALL_EVENTS;
	release(slots, &slots->events_claimed, event_ports(slots));
}

void slots_release(struct slots *slots)
{
	slots_release_events(slots);
	release(slots, &slots->slots_claimed, slot_ports(slots));
}
