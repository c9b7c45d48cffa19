/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring.c: see ring.h. */
#include "unit/ring.h"

#include <string.h>

struct split_ring ring;
struct inflight ring_inflight;
struct vring_desc *desc, *table;
volatile struct vring_avail *avail;
volatile struct vring_used *used;

void ring_setup(void)
{
	access_start(512);
	ck_assert_int_eq(split_init(&ring, RING_BATCH, &access_own, &ring_inflight), 0);
	desc = fake_ram(RING_DESC);
	avail = fake_ram(RING_AVAIL);
	used = fake_ram(RING_USED);
	table = fake_ram(RING_TABLE);
}

void ring_teardown(void)
{
	split_stop(&ring, &memory);
	split_free(&ring);
	access_end();
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
