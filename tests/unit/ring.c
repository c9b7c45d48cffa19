/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring.c: see ring.h. */
#include "unit/ring.h"

#include <string.h>

#include "memory/foreign.h"
#include "memory/grants.h"
#include "memory/own.h"

static struct own own; /* no pages */
static const struct foreign_options windows = { .window_bytes = 2u << 20 };
struct memory memory;
struct split_ring ring;
struct vring_desc *desc, *table;
volatile struct vring_avail *avail;
volatile struct vring_used *used;

void ring_setup(void)
{
	fake_start(FAKE_HVM, 1, 512);
	memory = (struct memory){ .options.policy = MEMORY_AUTO };
	ck_assert_int_eq(grants_open(FAKE_DOMID, &own, &memory.grants), 0);
	ck_assert_int_eq(foreign_open(FAKE_DOMID, &windows, &memory.foreign), 0);
	ck_assert_int_eq(split_init(&ring, RING_BATCH, &own), 0);
	desc = fake_ram(RING_DESC);
	avail = fake_ram(RING_AVAIL);
	used = fake_ram(RING_USED);
	table = fake_ram(RING_TABLE);
}

void ring_teardown(void)
{
	split_stop(&ring, &memory);
	split_free(&ring);
	foreign_close(memory.foreign);
	grants_close(memory.grants);
	ck_assert_uint_eq(fake_foreign_mapped(), 0);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	fake_end();
}

struct virtqueue_registers ring_registers(uint16_t size)
{
	return (struct virtqueue_registers){ .size = size,
					     .descriptors = RING_DESC,
					     .driver_area = RING_AVAIL,
					     .device_area = RING_USED };
}

void ring_start(uint16_t size, uint64_t features)
{
	struct virtqueue_registers registers = ring_registers(size);

	ck_assert_int_eq(split_start(&ring, &memory, &registers, features), 0);
}

int ring_try(const struct virtqueue_registers *registers)
{
	int err = split_start(&ring, &memory, registers, 0);

	split_stop(&ring, &memory);
	return err;
}

void ring_rewind(uint16_t at)
{
	unsigned i;

	ring.last_available = ring.used_index = ring.published = at;
	for (i = 0; i < ring.size; i++)
		ring.chains[i].in_flight = false;
	avail->idx = at;
}

void ring_offer(uint16_t head)
{
	avail->ring[avail->idx % ring.size] = head;
	avail->idx++;
}

const char *ring_pop(struct chain **chain)
{
	const char *why = NULL;
	int n = split_pop(&ring, &memory, chain, 1, &why);

	if (n != (why ? -1 : 1)) /* ck_assert() is too slow for what is called a million times */
		ck_abort_msg("%d chains", n);
	return why;
}

void ring_assert_broken(const char *expected)
{
	struct chain *chain;
	const char *why = ring_pop(&chain);

	ck_assert_ptr_nonnull(why);
	ck_assert_msg(strstr(why, expected), "\"%s\", not \"%s\"", why, expected);
}

void ring_push(struct chain *chain, uint32_t written)
{
	split_push(&ring, chain, written);
	chain->in_flight = false;
}
