/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vcpu.c: the guest's vCPUs and the part of Xen that hands their accesses to
 * IOREQ servers: selection, the request protocol, what happens without an
 * answer. Runs in the test process.
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define WAIT_SLICE_MS 50

struct ioreq *server_slot(unsigned int server, unsigned int vcpu)
{
	const struct server *s = &world->server[server];

	return s->used && s->frame != NO_FRAME ? (struct ioreq *)world_frame(s->frame) + vcpu
					       : NULL;
}

static void crash(const char *why, unsigned int server, unsigned int vcpu, unsigned int from,
		  unsigned int to)
{
	world_violation("domain crashed: server %u, vCPU %u: %s (%u, then %u)", server, vcpu, why,
			from, to);
	world->crashed = true;
}

static void watch_slot(unsigned int s, unsigned int v)
{
	const struct ioreq *slot = server_slot(s, v);
	uint8_t *prev = &world->vcpu[v].prev_state[s];

	if (!slot)
		return;
	if (slot->state < *prev)
		crash("ioreq state went back", s, v, *prev, slot->state);
	*prev = slot->state;
}

/* Xen looks only now and then; the fake looks at every call of the daemon. */
void vcpu_watch_states(void)
{
	unsigned int s, v;

	for (v = 0; v < world->nr_vcpus; v++)
		for (s = 0; s < FAKE_NR_SERVERS && world->vcpu[v].asked; s++)
			if (world->vcpu[v].asked >> s & 1 && !world->crashed)
				watch_slot(s, v);
}

bool fake_domain_crashed(void)
{
	return world->crashed;
}

/* ---- selection --------------------------------------------------------------- */

static void io_bounds(const struct fake_io *io, uint64_t *start, uint64_t *end)
{
	uint64_t extra = (uint64_t)(io->count ? io->count - 1 : 0) * io->size;

	if (io->type == FAKE_CONFIG) {
		*start = *end = io->addr >> 32;
		return;
	}
	if (io->type == FAKE_PIO)
		extra = 0;
	*start = io->df ? io->addr - extra : io->addr;
	*end = io->addr + io->size - 1 + (io->df ? 0 : extra);
}

static enum fake_range io_range_type(enum fake_io_type type)
{
	return type == FAKE_CONFIG ? FAKE_RANGE_PCI
	       : type == FAKE_PIO  ? FAKE_RANGE_PORT
				   : FAKE_RANGE_MEMORY;
}

/* The highest enabled server that has all of the access in one range, or -1. */
static int server_select(const struct fake_io *io)
{
	enum fake_range type = io_range_type(io->type);
	uint64_t start, end;
	int s;

	io_bounds(io, &start, &end);
	if (world->platform == FAKE_ARM && type == FAKE_RANGE_PCI)
		return -1;
	for (s = FAKE_NR_SERVERS - 1; s >= 0; s--) {
		struct server *server = &world->server[s];

		if (server->used && server->enabled &&
		    range_contains(&server->ranges[type], start, end))
			return s;
	}
	return -1;
}

/* ---- sending -------------------------------------------------------------------- */

static uint64_t size_mask(uint32_t size)
{
	return size >= 8 ? UINT64_MAX : (1ull << size * 8) - 1;
}

/* Arm hands over whole registers, with whatever else is in them. */
static uint64_t wire_data(const struct fake_io *io)
{
	uint64_t mask = size_mask(io->size);

	if (io->data_is_ptr)
		return io->data;
	if (world->platform == FAKE_ARM && io->type != FAKE_INVALIDATE)
		return ((io->read ? 0 : io->data) & mask) | (0x5a5a5a5a5a5a5a5aull & ~mask);
	return io->read ? 0 : io->data & mask;
}

/* Fill the slot and send the event (lock held). */
static bool send(unsigned int server, unsigned int v, const struct fake_io *io)
{
	unsigned int eport = server * MAX_VCPUS + v;
	struct ioreq *slot = server_slot(server, v);

	if (!slot || slot->state != STATE_IOREQ_NONE) {
		crash("bad ioreq state", server, v, STATE_IOREQ_NONE, slot ? slot->state : 0);
		return false;
	}
	if (slot->vp_eport != FIRST_EPORT + eport) {
		crash("vp_eport was changed", server, v, FIRST_EPORT + eport, slot->vp_eport);
		return false;
	}
	slot->addr = io->addr;
	slot->data = wire_data(io);
	slot->count = io->type == FAKE_INVALIDATE ? 0 : io->count ? io->count : 1;
	slot->size = io->size;
	slot->data_is_ptr = io->data_is_ptr;
	slot->dir = io->read;
	slot->df = io->df;
	slot->type = (uint8_t)io->type;
	world->vcpu[v].prev_state[server] = STATE_IOREQ_READY;
	world->vcpu[v].asked |= (uint8_t)(1u << server);
	world->vcpu[v].claimed = true;
	atomic_thread_fence(memory_order_release);
	slot->state = STATE_IOREQ_READY;
	evtchn_to_daemon(eport);
	return true;
}

static void vcpu_open(unsigned int v, const struct fake_io *io)
{
	struct vcpu *vcpu = &world->vcpu[v];

	if (vcpu->open || v >= world->nr_vcpus)
		abort();
	vcpu->open = true;
	vcpu->claimed = false;
	vcpu->asked = 0;
	vcpu->seen = atomic_load(&vcpu->notified);
	vcpu->io = *io;
	vcpu->data = UINT64_MAX;
	vcpu->began_ns = fake_now_ns();
}

void vcpu_begin(unsigned int v, const struct fake_io *io)
{
	int s;

	world_lock();
	vcpu_open(v, io);
	s = world->crashed ? -1 : server_select(io);
	if (s >= 0)
		send((unsigned int)s, v, io);
	else if (world->platform == FAKE_ARM && !world->crashed && world->alive)
		world_violation("data abort: nobody claims %#llx", (unsigned long long)io->addr);
	world_unlock();
}

void vcpu_begin_stale(unsigned int v, unsigned int server, const struct fake_io *io)
{
	world_lock();
	vcpu_open(v, io);
	send(server, v, io);
	world_unlock();
}

/* ---- answers --------------------------------------------------------------------- */

/* Xen's end of the request, once the answer is there (lock held). */
static void slot_finish(unsigned int s, unsigned int v)
{
	struct ioreq *slot = server_slot(s, v);
	struct vcpu *vcpu = &world->vcpu[v];

	atomic_thread_fence(memory_order_acquire);
	vcpu->data = slot->data;
	slot->state = STATE_IOREQ_NONE;
	vcpu->asked &= (uint8_t) ~(1u << s);
}

static bool slot_answered(unsigned int s, unsigned int v)
{
	const struct ioreq *slot = server_slot(s, v);

	return world->vcpu[v].asked >> s & 1 && slot && slot->state == STATE_IORESP_READY;
}

/*
 * A blocked vCPU looks at its slots only when it was notified. Every answer is
 * taken; true when none is missing (lock held).
 */
static bool collect(unsigned int v)
{
	struct vcpu *vcpu = &world->vcpu[v];
	uint32_t notified = atomic_load(&vcpu->notified);
	unsigned int s;

	vcpu_watch_states();
	for (s = 0; s < FAKE_NR_SERVERS && notified != vcpu->seen; s++)
		if (slot_answered(s, v))
			slot_finish(s, v);
	vcpu->seen = notified;
	return !vcpu->asked || world->crashed || !world->alive;
}

/*
 * Destroying a server wakes nobody. A vCPU that was woken before finds its
 * answer in the page, one that was not waits for ever.
 */
void vcpu_server_gone(unsigned int server)
{
	unsigned int v;

	for (v = 0; v < world->nr_vcpus; v++)
		if (slot_answered(server, v) &&
		    atomic_load(&world->vcpu[v].notified) != world->vcpu[v].seen)
			slot_finish(server, v);
}

static bool collect_locked(unsigned int v)
{
	bool done;

	world_lock();
	done = collect(v);
	world_unlock();
	return done;
}

static bool wait_answer(unsigned int v, unsigned int ms)
{
	uint64_t end = fake_now_ns() + ms * 1000000ull;
	_Atomic uint32_t *notified = &world->vcpu[v].notified;
	bool done = collect_locked(v);

	while (!done && fake_now_ns() < end) {
		uint32_t seen = world->vcpu[v].seen;

		futex_wait(notified, seen, ms < WAIT_SLICE_MS ? ms : WAIT_SLICE_MS);
		if (atomic_load(notified) == seen)
			child_poll();
		done = collect_locked(v);
	}
	return done;
}

/* Arm 4.17 puts the whole of data into the guest's register. */
static uint64_t guest_sees(const struct vcpu *vcpu)
{
	uint64_t mask = size_mask(vcpu->io.size);

	if (world->platform == FAKE_ARM && vcpu->io.read && vcpu->data & ~mask &&
	    vcpu->io.type != FAKE_INVALIDATE && vcpu->data != UINT64_MAX)
		world_violation("read of %u bytes at %#llx answered with %#llx", vcpu->io.size,
				(unsigned long long)vcpu->io.addr, (unsigned long long)vcpu->data);
	return vcpu->data & mask;
}

static struct fake_answer vcpu_close(unsigned int v, bool answered)
{
	struct vcpu *vcpu = &world->vcpu[v];
	struct fake_answer a = { .claimed = vcpu->claimed, .answered = answered };

	world_lock();
	if (answered && vcpu->notified_ns > vcpu->began_ns)
		a.ns = vcpu->notified_ns - vcpu->began_ns;
	a.data = guest_sees(vcpu);
	if (a.ns > world->slowest_ns)
		world->slowest_ns = a.ns;
	vcpu->open = false;
	vcpu->asked = 0;
	world_unlock();
	return a;
}

bool vcpu_try_finish(unsigned int v, unsigned int ms, struct fake_answer *answer)
{
	if (!wait_answer(v, ms))
		return false;
	*answer = vcpu_close(v, true);
	return true;
}

bool vcpu_answered(unsigned int v)
{
	return collect_locked(v);
}

/* A guest with a stuck vCPU is as dead as one that crashed. */
struct fake_answer vcpu_finish(unsigned int v)
{
	const struct fake_io *io = &world->vcpu[v].io;
	struct fake_answer answer;

	if (vcpu_try_finish(v, world->timeout_ms, &answer))
		return answer;
	fake_violation("vCPU %u stuck: no answer to %s of %u bytes at %#llx (type %u) in %u ms", v,
		       io->read ? "read" : "write", io->size, (unsigned long long)io->addr,
		       io->type, world->timeout_ms);
	world->crashed = true;
	return vcpu_close(v, false);
}

uint64_t fake_slowest_ns(void)
{
	return world->slowest_ns;
}

/* ---- simple accesses --------------------------------------------------------------- */

struct fake_answer vcpu_io(unsigned int v, const struct fake_io *io)
{
	vcpu_begin(v, io);
	return vcpu_finish(v);
}

struct fake_io fake_config_io(uint16_t bdf, unsigned int reg, unsigned int size, bool read,
			      uint64_t value)
{
	struct fake_io io = { .type = FAKE_CONFIG, .read = read, .size = size, .data = value };

	io.addr = (uint64_t)bdf << 32 | reg;
	if (world->platform == FAKE_ARM) {
		io.type = FAKE_MMIO;
		io.addr = FAKE_ECAM + ((uint64_t)bdf << 12) + reg;
	}
	return io;
}

uint64_t vcpu_config_read(unsigned int v, uint16_t bdf, unsigned int reg, unsigned int size)
{
	struct fake_io io = fake_config_io(bdf, reg, size, true, 0);

	return vcpu_io(v, &io).data;
}

void vcpu_config_write(unsigned int v, uint16_t bdf, unsigned int reg, unsigned int size,
		       uint64_t value)
{
	struct fake_io io = fake_config_io(bdf, reg, size, false, value);

	vcpu_io(v, &io);
}

uint64_t vcpu_mmio_read(unsigned int v, uint64_t addr, unsigned int size)
{
	struct fake_io io = { .type = FAKE_MMIO, .read = true, .addr = addr, .size = size };

	return vcpu_io(v, &io).data;
}

void vcpu_mmio_write(unsigned int v, uint64_t addr, unsigned int size, uint64_t value)
{
	struct fake_io io = { .type = FAKE_MMIO, .addr = addr, .size = size, .data = value };

	vcpu_io(v, &io);
}

uint64_t vcpu_pio_read(unsigned int v, uint16_t port, unsigned int size)
{
	struct fake_io io = { .type = FAKE_PIO, .read = true, .addr = port, .size = size };

	return vcpu_io(v, &io).data;
}

void vcpu_pio_write(unsigned int v, uint16_t port, unsigned int size, uint32_t value)
{
	struct fake_io io = { .type = FAKE_PIO, .addr = port, .size = size, .data = value };

	vcpu_io(v, &io);
}

/* QEMU's server has no page here: it answers at once. */
void vcpu_invalidate(unsigned int v)
{
	struct fake_io io = { .type = FAKE_INVALIDATE, .size = 4, .data = UINT64_MAX };
	unsigned int s;

	world_lock();
	vcpu_open(v, &io);
	for (s = 0; s < FAKE_NR_SERVERS; s++)
		if (world->server[s].used && world->server[s].enabled && world->server[s].proc >= 0)
			send(s, v, &io);
	world_unlock();
	vcpu_finish(v);
}
