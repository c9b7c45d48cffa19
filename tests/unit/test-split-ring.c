/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-split-ring.c: where a ring may lie, how chains are given back, who is told,
 * and that everything in it is read once.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "unit/hostile.h"
#include "unit/ring.h"

/* ---- geometry ------------------------------------------------------------------- */

START_TEST(vq_geometry)
{
	struct virtqueue_registers regs = ring_registers(0);
	unsigned size;

	for (size = 0; size < 65536; size++) {
		bool good = size && size <= VIRTQUEUE_SIZE_MAX && !(size & (size - 1));

		regs.size = (uint16_t)size;
		if (ring_try(&regs) != (good ? 0 : -EINVAL))
			ck_abort_msg("size %u", size);
	}
}
END_TEST

START_TEST(vq_geometry_misaligned)
{
	unsigned offset;

	for (offset = 0; offset < 64; offset++) {
		struct virtqueue_registers descriptors = ring_registers(8),
					   driver = ring_registers(8), device = ring_registers(8);

		descriptors.descriptors += offset;
		driver.driver_area += offset;
		device.device_area += offset;
		ck_assert_int_eq(ring_try(&descriptors), offset % 16 ? -EINVAL : 0);
		ck_assert_int_eq(ring_try(&driver), offset % 2 ? -EINVAL : 0);
		ck_assert_int_eq(ring_try(&device), offset % 4 ? -EINVAL : 0);
	}
}
END_TEST

/* Places where no ring can be: each area there in turn. */
START_TEST(vq_geometry_nowhere)
{
	static const uint64_t places[] = {
		0x200000,                /* behind the guest's memory */
		0x1ffff0,                /* begins in it, ends behind it */
		(1ull << 52) - 16,       /* the end of what can be an address */
		1ull << 62,              /* bits that neither kind has */
		0x7ffffffffffffff0,      /* wraps into the other kind */
		1ull << 63,              /* a grant that is not given */
		1ull << 63 | 1ull << 44, /* reference of more than 32 bits */
		0x80000ffffffffff0,      /* grants whose references wrap */
		0xfffffffffffffff0,      /* wraps round */
	};
	struct virtqueue_registers regs = ring_registers(256);
	uint64_t *areas[] = { &regs.descriptors, &regs.driver_area, &regs.device_area };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(areas); i++) {
		uint64_t good = *areas[i];

		*areas[i] = places[_i];
		ck_assert_int_lt(ring_try(&regs), 0);
		ck_assert_uint_eq(fake_foreign_mapped(), 0);
		*areas[i] = good;
	}
	ck_assert_int_eq(ring_try(&regs), 0);
}
END_TEST

START_TEST(a_hole_under_the_ring_refuses_it)
{
	struct virtqueue_registers regs = ring_registers(8);
	static const uint64_t areas[] = { RING_DESC, RING_AVAIL, RING_USED };

	fake_hole(areas[_i] >> 12, true);
	ck_assert_int_eq(ring_try(&regs), -EFAULT);
	ck_assert_uint_eq(fake_foreign_mapped(), 0);
}
END_TEST

START_TEST(the_policy_holds_for_rings)
{
	struct virtqueue_registers regs = ring_registers(8);

	memory.options.policy = MEMORY_GRANTS;
	ck_assert_int_eq(ring_try(&regs), -EPERM);
	memory.options.policy = MEMORY_FOREIGN;
	ck_assert_int_eq(ring_try(&regs), 0);
	regs.device_area = GUEST_ADDRESS_GRANT | 0x8000;
	ck_assert_int_eq(ring_try(&regs), -EPERM);
}
END_TEST

/* Two areas readable, the used ring writable: so Linux grants them or not. */
START_TEST(a_ring_of_grants_is_mapped_with_the_rights_it_needs)
{
	struct virtqueue_registers regs = { .size = 256,
					    .descriptors = GUEST_ADDRESS_GRANT | 100ull << 12,
					    .driver_area = GUEST_ADDRESS_GRANT | 101ull << 12,
					    .device_area = GUEST_ADDRESS_GRANT | 102ull << 12 };

	fake_grant(100, RING_DESC >> 12, true);
	fake_grant(101, RING_AVAIL >> 12, true);
	fake_grant(102, RING_USED >> 12, true);
	ck_assert_int_lt(ring_try(&regs), 0); /* nobody could write the used ring */
	fake_grant(102, RING_USED >> 12, false);
	ck_assert_int_eq(split_start(&ring, &memory, &regs, 0), 0);
	ck_assert_uint_eq(fake_grants_mapped(), 3);
	split_stop(&ring, &memory);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
}
END_TEST

/* The guest may take its grant back at any time: our mapping holds until the end. */
START_TEST(grant_vanishes)
{
	struct virtqueue_registers regs = ring_registers(4);
	struct chain *chain;

	regs.descriptors = GUEST_ADDRESS_GRANT | 100ull << 12;
	fake_grant(100, RING_DESC >> 12, true);
	ck_assert_int_eq(split_start(&ring, &memory, &regs, 0), 0);
	fake_grant_revoke(100);
	desc[0] = (struct vring_desc){ RING_DATA, 8, 0, 0 };
	ring_offer(0);
	ck_assert_ptr_null(ring_pop(&chain));
}
END_TEST

/* ---- host errors ---------------------------------------------------------------- */

START_TEST(a_ring_that_cannot_be_mapped_leaves_nothing_behind)
{
	struct virtqueue_registers regs = ring_registers(8);

	fake_fail(FAKE_FOREIGN_MAP, (unsigned)_i + 1, ENOMEM);
	ck_assert_int_lt(split_start(&ring, &memory, &regs, 0), 0);
	ck_assert(fake_failed(FAKE_FOREIGN_MAP));
	ck_assert_uint_eq(fake_foreign_mapped(), 0);
	ck_assert_int_eq(ring_try(&regs), 0);
}
END_TEST

/* ---- giving back ---------------------------------------------------------------- */

START_TEST(used_len_exact)
{
	static const uint32_t edges[] = { 0, 1, 4095, 4096, 0x7fffffff, 0x80000000, 0xffffffff };
	struct chain *chain;
	unsigned i;

	ring_start(4, 0);
	desc[2] = (struct vring_desc){ RING_DATA, 4096, W, 0 };
	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		ring_offer(2);
		ck_assert_ptr_null(ring_pop(&chain));
		ring_push(chain, edges[i]);
		ck_assert_uint_eq(used->idx, i); /* not before it is published */
		split_publish(&ring);
		ck_assert_uint_eq(used->idx, i + 1);
		ck_assert_uint_eq(used->ring[i % 4].id, 2);
		ck_assert_uint_eq(used->ring[i % 4].len, edges[i]);
	}
}
END_TEST

/* More often than the indexes have numbers, in batches of changing size. */
START_TEST(indexes_wrap_around)
{
	struct chain *chains[4];
	unsigned turn, i, n;
	uint16_t seen = 0;
	const char *why;

	ring_start(4, _i ? EVENTS : 0);
	for (i = 0; i < 4; i++)
		desc[i] = (struct vring_desc){ RING_DATA, 8, W, 0 };
	for (turn = 0; turn < 66000; turn++) {
		n = turn % 4 + 1;
		for (i = 0; i < n; i++)
			ring_offer((uint16_t)((turn + i) % 4));
		if (split_pop(&ring, &memory, chains, 4, &why) != (int)n)
			ck_abort_msg("turn %u", turn);
		for (i = n; i--;)
			ring_push(chains[i], turn);
		split_publish(&ring);
		for (i = n; i--; seen++)
			if (used->ring[seen % 4].id != (turn + i) % 4 ||
			    used->ring[seen % 4].len != turn)
				ck_abort_msg("turn %u, entry %u", turn, i);
		if (used->idx != seen)
			ck_abort_msg("turn %u: index %u", turn, used->idx);
	}
}
END_TEST

/* ---- who wants to be told ------------------------------------------------------- */

static volatile uint16_t *used_event(void)
{
	return &avail->ring[ring.size];
}

static uint16_t avail_event(void)
{
	return *(volatile uint16_t *)&used->ring[ring.size];
}

/* By the definition (2.7.7.2): when the index moves past the event. */
START_TEST(event_idx_decides_about_the_interrupt)
{
	static const uint16_t from[] = { 0, 1, 0x7fff, 0xfffd, 0xffff };
	unsigned moved, event, i;

	ring_start(8, EVENTS);
	avail->flags = VRING_AVAIL_F_NO_INTERRUPT; /* means nothing now */
	for (moved = 0; moved <= 4; moved++)
		for (event = 0; event < 65536; event++) {
			bool expected = false;

			ring_rewind(from[_i]);
			for (i = 0; i < moved; i++)
				expected |= (uint16_t)(from[_i] + i) == event;
			ring.used_index = (uint16_t)(from[_i] + moved);
			*used_event() = (uint16_t)event;
			if (split_publish(&ring) != expected)
				ck_abort_msg("moved %u, event %u", moved, event);
		}
}
END_TEST

START_TEST(an_event_interrupts_once)
{
	struct chain *chain;
	unsigned i;

	ring_start(8, EVENTS);
	desc[0] = (struct vring_desc){ RING_DATA, 8, 0, 0 };
	for (i = 0; i < 70000; i++) {
		*used_event() = (uint16_t)(i - i % 3); /* at every third */
		ring_offer(0);
		if (ring_pop(&chain))
			ck_abort();
		ring_push(chain, 0);
		if (split_publish(&ring) != !(i % 3))
			ck_abort_msg("%u", i);
	}
}
END_TEST

START_TEST(the_flag_decides_about_the_interrupt)
{
	ring_start(8, 0);
	ck_assert(split_publish(&ring));
	avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	*used_event() = 0;
	ck_assert(!split_publish(&ring));
	avail->flags = 0xfffe; /* bits that mean nothing */
	ck_assert(split_publish(&ring));
}
END_TEST

START_TEST(the_driver_is_told_when_to_kick)
{
	struct chain *chain;

	ring_start(8, 0);
	split_disarm(&ring);
	ck_assert_uint_eq(used->flags, VRING_USED_F_NO_NOTIFY);
	ck_assert(split_arm(&ring));
	ck_assert_uint_eq(used->flags, 0);
	desc[0] = (struct vring_desc){ RING_DATA, 8, 0, 0 };
	ring_offer(0);
	ck_assert(!split_arm(&ring)); /* it came meanwhile */
	ck_assert_ptr_null(ring_pop(&chain));
	ck_assert(split_arm(&ring));
}
END_TEST

START_TEST(the_event_index_says_when_to_kick)
{
	struct chain *chain;

	ring_start(8, EVENTS);
	desc[0] = (struct vring_desc){ RING_DATA, 8, 0, 0 };
	ring_rewind(0xffff);
	ring_offer(0);
	ck_assert(!split_arm(&ring));
	ck_assert_uint_eq(avail_event(), 0xffff);
	ck_assert_ptr_null(ring_pop(&chain));
	split_disarm(&ring);
	ck_assert_uint_eq(avail_event(), 0xffff); /* left behind: no kick wanted */
	ck_assert(split_arm(&ring));
	ck_assert_uint_eq(avail_event(), 0);
	ck_assert_uint_eq(used->flags, 0);
}
END_TEST

/* ---- everything is fetched once ------------------------------------------------- */

#if HOSTILE
/* A descriptor is copied by one or two loads, so each half is touched once. */
static void assert_fetched_once(unsigned index)
{
	unsigned at, begin = index * 16;

	for (at = 0; at < 16; at++)
		ck_assert_uint_le(hostile_accesses(begin + at), at % 8 ? 0 : 1);
	ck_assert_uint_eq(hostile_accesses(begin), 1);
}

static void spoil_descriptor(size_t offset)
{
	memset((uint8_t *)desc + (offset & ~7ull), 0xff, 8);
}

START_TEST(no_second_read_of_a_descriptor)
{
	struct chain *chain;
	const char *why;

	ring_start(4, 0);
	desc[0] = (struct vring_desc){ RING_DATA, 16, N, 2 };
	desc[2] = (struct vring_desc){ RING_DATA + 0x1000, 512, N | W, 3 };
	desc[3] = (struct vring_desc){ RING_DATA + 0x2000, 1, W, 0 };
	ring_offer(0);
	hostile_watch(ring.maps[SPLIT_DESCRIPTORS].base, FAKE_PAGE, PROT_READ, spoil_descriptor);
	why = ring_pop(&chain);
	hostile_unwatch();
	ck_assert_ptr_null(why);
	assert_fetched_once(0);
	assert_fetched_once(2);
	assert_fetched_once(3);
	ck_assert_uint_eq(chain->segments[1].address, RING_DATA + 0x1000);
	ck_assert_uint_eq(chain->segments[1].length, 512);
	ck_assert_uint_eq(chain->in_length, 513);
}
END_TEST

static void spoil_available(size_t offset)
{
	*(volatile uint16_t *)((volatile uint8_t *)avail + (offset & ~1ull)) = 0xfff0;
}

START_TEST(no_second_read_of_index_and_head)
{
	struct chain *chains[4];
	const char *why;
	int n;

	ring_start(4, 0);
	desc[1] = desc[3] = (struct vring_desc){ RING_DATA, 8, 0, 0 };
	ring_offer(3);
	ring_offer(1);
	hostile_watch(ring.maps[SPLIT_AVAILABLE].base, FAKE_PAGE, PROT_READ, spoil_available);
	n = split_pop(&ring, &memory, chains, 4, &why);
	hostile_unwatch();
	ck_assert_int_eq(n, 2);
	ck_assert_uint_eq(chains[0]->head, 3);
	ck_assert_uint_eq(chains[1]->head, 1);
	ck_assert_uint_eq(hostile_accesses(offsetof(struct vring_avail, idx)), 1);
	ck_assert_uint_eq(hostile_accesses(offsetof(struct vring_avail, ring[0])), 1);
	ck_assert_uint_eq(hostile_accesses(offsetof(struct vring_avail, ring[1])), 1);
}
END_TEST

#endif /* HOSTILE */

/* What the guest wrote into the used ring is never looked at. */
START_TEST(no_read_of_the_used_ring)
{
	struct chain *chain;

	ring_start(4, 0);
	desc[0] = (struct vring_desc){ RING_DATA, 8, W, 0 };
	memset(fake_ram(RING_USED), 0xff, FAKE_PAGE);
	ring_offer(0);
	ck_assert_ptr_null(ring_pop(&chain));
	split_push(&ring, chain, 8);
	split_publish(&ring);
	ck_assert_uint_eq(used->idx, 1);
	ck_assert_uint_eq(used->ring[0].len, 8);
}
END_TEST

/* A table is fetched by one copy; spoiling the guest's changes nothing. */
START_TEST(no_second_read_of_an_indirect_table)
{
	struct chain *chain;

	ring_start(4, INDIRECT);
	fake_grant(200, RING_TABLE >> 12, true);
	table[0] = (struct vring_desc){ RING_DATA, 8, N, 1 };
	table[1] = (struct vring_desc){ RING_DATA, 8, W, 0 };
	desc[0] = (struct vring_desc){ GUEST_ADDRESS_GRANT | 200ull << 12, 32, I, 0 };
	ring_offer(0);
	fake_calls_reset();
	ck_assert_ptr_null(ring_pop(&chain));
	ck_assert_uint_eq(fake_copy_segments(), 1);
	fake_grant_revoke(200);
	ck_assert_uint_eq(chain->segments[1].address, RING_DATA);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(vq_geometry),
		ONCE(vq_geometry_misaligned),
		TIMES(vq_geometry_nowhere, 9),
		TIMES(a_hole_under_the_ring_refuses_it, 3),
		ONCE(the_policy_holds_for_rings),
		ONCE(a_ring_of_grants_is_mapped_with_the_rights_it_needs),
		ONCE(grant_vanishes),
		TIMES(a_ring_that_cannot_be_mapped_leaves_nothing_behind, 3),
		ONCE(used_len_exact),
		TIMES(indexes_wrap_around, 2),
		TIMES(event_idx_decides_about_the_interrupt, 5),
		ONCE(an_event_interrupts_once),
		ONCE(the_flag_decides_about_the_interrupt),
		ONCE(the_driver_is_told_when_to_kick),
		ONCE(the_event_index_says_when_to_kick),
#if HOSTILE
		ONCE(no_second_read_of_a_descriptor),
		ONCE(no_second_read_of_index_and_head),
#endif
		ONCE(no_read_of_the_used_ring),
		ONCE(no_second_read_of_an_indirect_table),
	};

	return unit_main("split-ring", ring_setup, ring_teardown, tests, ARRAY_SIZE(tests));
}
