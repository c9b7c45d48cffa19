/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load.c: a driver of virtio-blk that costs little: requests are built once, one
 * indirect table each, in pieces of a page, and sent again and again. It sleeps until an
 * interrupt, takes all that is done, sends as much again and rings once.
 */
#include <check.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>

#include "base/util.h"
#include "bench/blk.h"
#include "fake/fake.h"

#define MOST     64u
#define PIECES   32u /* of the data, at most */
#define DATA     (64u * FAKE_PAGE)
#define NOT_DONE 0xff

struct slot {
	struct virtio_blk_outhdr header;
	uint8_t status;
	struct vring_desc table[PIECES + 2];
} __attribute__((aligned(1024)));

/* What driver and device share; the data follows at DATA. */
struct shared {
	struct vring_desc desc[BLK_RING];
	struct {
		uint16_t flags, idx, ring[BLK_RING], used_event;
	} avail __attribute__((aligned(FAKE_PAGE)));
	struct {
		uint16_t flags, idx;
		struct vring_used_elem ring[BLK_RING];
		uint16_t avail_event;
	} used __attribute__((aligned(FAKE_PAGE)));
	struct slot slot[MOST] __attribute__((aligned(FAKE_PAGE)));
};

_Static_assert(sizeof(struct shared) <= DATA, "the data comes behind it");
_Static_assert(DATA + MOST * PIECES * FAKE_PAGE <= BLK_MEMORY, "all has room");

static const struct blk_server *server;
static struct blk_load load;
static struct blk_memory memory;
static volatile struct shared *shared;
static bool in_flight[MOST];
static uint16_t avail_idx, kicked_idx, last_used;

/* ---- building ------------------------------------------------------------------------ */

static uint64_t address(const volatile void *at)
{
	return memory.addr + (uint64_t)((const volatile uint8_t *)at - memory.at);
}

static volatile uint8_t *data_of(unsigned i)
{
	return memory.at + DATA + (size_t)i * load.bytes;
}

static void describe(volatile struct vring_desc *desc, const volatile void *at, uint32_t len,
		     uint16_t flags, unsigned next)
{
	desc->addr = address(at);
	desc->len = len;
	desc->flags = flags;
	desc->next = (uint16_t)next;
}

static void build(unsigned i)
{
	volatile struct slot *slot = &shared->slot[i];
	unsigned pieces = load.bytes / FAKE_PAGE, n;

	slot->header.type = VIRTIO_BLK_T_IN;
	describe(&slot->table[0], &slot->header, sizeof(slot->header), VRING_DESC_F_NEXT, 1);
	for (n = 0; n < pieces; n++)
		describe(&slot->table[n + 1], data_of(i) + (size_t)n * FAKE_PAGE, FAKE_PAGE,
			 VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, n + 2);
	describe(&slot->table[n + 1], &slot->status, 1, VRING_DESC_F_WRITE, 0);
	describe(&shared->desc[i], slot->table, (n + 2) * sizeof(struct vring_desc),
		 VRING_DESC_F_INDIRECT, 0);
}

void load_prepare(const struct blk_server *to, const struct blk_memory *where,
		  const struct blk_load *what)
{
	struct blk_ring ring;
	unsigned i;

	ck_assert(what->depth <= MOST && what->bytes / FAKE_PAGE <= PIECES);
	server = to;
	load = *what;
	memory = *where;
	shared = (volatile struct shared *)memory.at;
	for (i = 0; i < load.depth; i++)
		build(i);
	ring = (struct blk_ring){ .desc = address(shared->desc),
				  .avail = address(&shared->avail),
				  .used = address(&shared->used) };
	server->enable(&ring);
}

/* ---- running ------------------------------------------------------------------------- */

static uint32_t random_below(uint32_t below)
{
	static uint32_t seed = 1;

	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

static void send(unsigned i)
{
	volatile struct slot *slot = &shared->slot[i];

	slot->header.sector = (uint64_t)random_below(BLK_DISK / load.bytes) * (load.bytes / 512);
	slot->status = NOT_DONE;
	in_flight[i] = true;
	shared->avail.ring[avail_idx++ % BLK_RING] = (uint16_t)i;
}

static void publish(void)
{
	uint16_t old = kicked_idx;

	if (avail_idx == old)
		return;
	atomic_thread_fence(memory_order_release);
	shared->avail.idx = kicked_idx = avail_idx;
	atomic_thread_fence(memory_order_seq_cst);
	if (vring_need_event(shared->used.avail_event, avail_idx, old))
		server->kick();
}

static void check_data(unsigned i)
{
	uint64_t first = shared->slot[i].header.sector / 8, n;

	for (n = 0; n < load.bytes / FAKE_PAGE; n++)
		ck_assert_uint_eq(*(volatile uint64_t *)(data_of(i) + n * FAKE_PAGE), first + n);
}

static unsigned take_one(void)
{
	volatile struct vring_used_elem *used = &shared->used.ring[last_used++ % BLK_RING];
	unsigned i = used->id;

	ck_assert_msg(i < load.depth && in_flight[i], "%u is done, but was not sent", i);
	in_flight[i] = false;
	ck_assert_uint_eq(shared->slot[i].status, VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(used->len, load.bytes + 1);
	if (load.stamped)
		check_data(i);
	return i;
}

static bool is_more(void)
{
	return shared->used.idx != last_used;
}

/* As Linux, it wants an interrupt for what comes next before it looks for the last time. */
static bool is_more_at_last(void)
{
	shared->avail.used_event = last_used;
	atomic_thread_fence(memory_order_seq_cst);
	return is_more();
}

/* Takes what is done and, unless it is time to end, sends as much. */
static unsigned turn(bool again)
{
	unsigned n = 0, i;

	while (is_more() || is_more_at_last()) {
		atomic_thread_fence(memory_order_acquire);
		i = take_one();
		if (again)
			send(i);
		n++;
	}
	publish();
	return n;
}

static void wait_used(void)
{
	while (!is_more())
		ck_assert_msg(server->wait(), "%s: of %u requests in flight %s", server->name,
			      (uint16_t)(avail_idx - last_used),
			      is_more() ? "the interrupt is lost" : "none is done");
}

uint64_t load_run(unsigned ms)
{
	uint64_t end = fake_now_ns() + ms * 1000000ull, done = 0;
	unsigned i;

	for (i = 0; i < load.depth; i++)
		send(i);
	publish();
	while (last_used != avail_idx) {
		wait_used();
		done += turn(fake_now_ns() < end);
	}
	return done;
}
