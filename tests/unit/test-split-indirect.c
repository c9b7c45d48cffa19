/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-split-indirect.c: indirect tables (virtio 1.2, 2.7.5.3).
 */
#include <string.h>

#include "unit/ring.h"

/* ---- indirect tables ------------------------------------------------------------ */

struct indirect_case {
	const char *why; /* NULL: good */
	uint64_t features;
	struct vring_desc in_ring;
	struct vring_desc in_table[3];
};

static const struct indirect_case indirect_cases[] = {
	{ "not negotiated", 0, { RING_TABLE, 16, I, 0 }, { { RING_DATA, 8, 0, 0 } } },
	{ "next one", INDIRECT, { RING_TABLE, 16, I | N, 1 }, { { RING_DATA, 8, 0, 0 } } },
	{ "wrong size", INDIRECT, { RING_TABLE, 0, I, 0 }, { { RING_DATA, 8, 0, 0 } } },
	{ "wrong size", INDIRECT, { RING_TABLE, 8, I, 0 }, { { RING_DATA, 8, 0, 0 } } },
	{ "wrong size", INDIRECT, { RING_TABLE, 17, I, 0 }, { { RING_DATA, 8, 0, 0 } } },
	{ "wrong size", INDIRECT, { RING_TABLE, 16 * 257, I, 0 }, { { RING_DATA, 8, 0, 0 } } },
	{ "wrong size", INDIRECT, { RING_TABLE, 0xfffffff0, I, 0 }, { { RING_DATA, 8, 0, 0 } } },
	{ "in an indirect table", INDIRECT, { RING_TABLE, 16, I, 0 }, { { RING_TABLE, 16, I, 0 } } },
	{ "outside of its table", INDIRECT, { RING_TABLE, 32, I, 0 }, { { RING_DATA, 8, N, 2 } } },
	{ "loop in an indirect", INDIRECT, { RING_TABLE, 16, I, 0 }, { { RING_DATA, 8, N, 0 } } },
	{ "empty descriptor", INDIRECT, { RING_TABLE, 16, I, 0 }, { { RING_DATA, 0, 0, 0 } } },
	{ "cannot be read", INDIRECT, { 0x1ffff0, 32, I, 0 }, { { RING_DATA, 8, 0, 0 } } },
	{ "cannot be read", INDIRECT, { 1ull << 63, 16, I, 0 }, { { RING_DATA, 8, 0, 0 } } },
	{ "behind a writable",
	  INDIRECT,
	  { RING_TABLE, 32, I, 0 },
	  { { 0, 8, W | N, 1 }, { 0, 8, 0, 0 } } },
	/* The write flag of the descriptor itself means nothing (2.7.5.3.2). */
	{ NULL, INDIRECT, { RING_TABLE, 16, I | W, 0 }, { { RING_DATA, 8, 0, 0 } } },
	/* Entries behind the chain's end are nobody's business. */
	{ NULL, INDIRECT, { RING_TABLE, 48, I, 0 }, { { RING_DATA, 8, 0, 0 }, { 0, 0, N, 9 } } },
};

START_TEST(vq_indirect)
{
	const struct indirect_case *c = &indirect_cases[_i];
	struct chain *chain;

	ring_start(4, c->features);
	desc[0] = c->in_ring;
	memcpy(table, c->in_table, sizeof(c->in_table));
	ring_offer(0);
	if (c->why)
		ring_assert_broken(c->why);
	else
		ck_assert_ptr_null(ring_pop(&chain));
}
END_TEST

START_TEST(vq_indirect_after_normal_descriptors)
{
	struct chain *chain;

	ring_start(4, INDIRECT);
	desc[3] = (struct vring_desc){ RING_DATA, 16, N, 1 };
	desc[1] = (struct vring_desc){ RING_TABLE, 32, I, 0 };
	table[0] = (struct vring_desc){ RING_DATA + 0x1000, 512, N | W, 1 };
	table[1] = (struct vring_desc){ RING_DATA + 0x2000, 1, W, 0 };
	ring_offer(3);
	ck_assert_ptr_null(ring_pop(&chain));
	ck_assert_uint_eq(chain->nout, 1);
	ck_assert_uint_eq(chain->nin, 2);
	ck_assert_uint_eq(chain->segments[1].address, RING_DATA + 0x1000);
	ck_assert_uint_eq(chain->in_length, 513);
}
END_TEST

/* The ring's own descriptors and the table's together. */
START_TEST(vq_indirect_longest_chain)
{
	struct chain *chain;
	unsigned i, normal = (unsigned)_i;

	ring_start(4, INDIRECT);
	desc[0] = (struct vring_desc){ RING_DATA, 4, N, 1 };
	desc[1] = (struct vring_desc){ RING_TABLE, 16 * 256, I, 0 };
	for (i = 0; i < 256; i++)
		table[i] = (struct vring_desc){ RING_DATA, 4, i < 255 ? N : 0, (uint16_t)(i + 1) };
	ring_offer(normal ? 0 : 1);
	if (normal) {
		ring_assert_broken("too long");
		return;
	}
	ck_assert_ptr_null(ring_pop(&chain));
	ck_assert_uint_eq(chain->nout, 256);
}
END_TEST

/* A table anywhere, of both kinds of memory, split over two pages. */
START_TEST(vq_indirect_split_over_pages)
{
	uint64_t at = RING_TABLE + 0x1000 - 8;
	struct vring_desc two[] = { { RING_DATA, 8, N, 1 }, { RING_DATA + 8, 16, W, 0 } };
	struct chain *chain;

	ring_start(4, INDIRECT);
	memcpy(fake_ram(at), two, sizeof(two));
	fake_grant(200, RING_TABLE >> 12, true);
	fake_grant(201, (RING_TABLE >> 12) + 1, true);
	if (_i)
		at = GUEST_ADDRESS_GRANT | 200ull << 12 | (at & 0xfff);
	desc[0] = (struct vring_desc){ at, sizeof(two), I, 0 };
	ring_offer(0);
	ck_assert_ptr_null(ring_pop(&chain));
	ck_assert_uint_eq(chain->segments[0].address, RING_DATA);
	ck_assert_uint_eq(chain->segments[1].address, RING_DATA + 8);
}
END_TEST

START_TEST(all_tables_of_a_batch_are_fetched_by_one_call)
{
	struct chain *chains[RING_BATCH];
	const char *why;
	uint16_t i;

	ring_start(64, INDIRECT);
	for (i = 0; i < RING_BATCH; i++) {
		fake_grant(300u + i, (RING_TABLE >> 12) + i, true);
		*(struct vring_desc *)fake_ram(RING_TABLE + 0x1000ull * i) =
			(struct vring_desc){ RING_DATA + i, 8, 0, 0 };
		desc[i] = (struct vring_desc){ GUEST_ADDRESS_GRANT | (300ull + i) << 12, 16, I, 0 };
		ring_offer(i);
	}
	fake_calls_reset();
	ck_assert_int_eq(split_pop(&ring, &memory, chains, RING_BATCH, &why), RING_BATCH);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_COPY), 1);
	ck_assert_uint_eq(fake_copy_segments(), RING_BATCH);
	for (i = 0; i < RING_BATCH; i++)
		ck_assert_uint_eq(chains[i]->segments[0].address, RING_DATA + i);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(vq_indirect, ARRAY_SIZE(indirect_cases)),
		ONCE(vq_indirect_after_normal_descriptors),
		TIMES(vq_indirect_longest_chain, 2),
		TIMES(vq_indirect_split_over_pages, 2),
		ONCE(all_tables_of_a_batch_are_fetched_by_one_call),
	};

	return unit_main("split-indirect", ring_setup, ring_teardown, tests, ARRAY_SIZE(tests));
}
