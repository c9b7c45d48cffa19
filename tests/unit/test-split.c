/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-split.c: chains and the available ring, of good drivers and of drivers that
 * break the rules of virtio 1.2, 2.7, in every way we know.
 */
#include <string.h>

#include "unit/ring.h"

/* ---- chains --------------------------------------------------------------------- */

START_TEST(a_chain_has_readable_then_writable_segments)
{
	struct chain *chain;

	ring_start(8, 0);
	desc[5] = (struct vring_desc){ RING_DATA, 16, N, 2 };
	desc[2] = (struct vring_desc){ RING_DATA + 0x1000, 512, N | W, 7 };
	desc[7] = (struct vring_desc){ GUEST_ADDRESS_GRANT | 0x9008, 1, W, 5 };
	ring_offer(5);
	ck_assert_ptr_null(ring_pop(&chain));
	ck_assert_uint_eq(chain->head, 5);
	ck_assert_uint_eq(chain->nout, 1);
	ck_assert_uint_eq(chain->nin, 2);
	ck_assert_uint_eq(chain->out_length, 16);
	ck_assert_uint_eq(chain->in_length, 513);
	ck_assert_uint_eq(chain->segments[1].address, RING_DATA + 0x1000);
	ck_assert_uint_eq(chain->segments[2].address, GUEST_ADDRESS_GRANT | 0x9008);
}
END_TEST

START_TEST(an_idle_ring_gives_nothing)
{
	struct chain *chain;
	const char *why;

	ring_start(4, 0);
	ck_assert_int_eq(split_pop(&ring, &memory, &chain, 1, &why), 0);
}
END_TEST

/* What a chain is by the words of the standard: a walk of its own, which marks
 * the descriptors it has seen. */
struct expected {
	unsigned nout, nin;
	struct segment segments[16];
};

static bool expect_segment(struct expected *e, const struct vring_desc *d)
{
	bool writable = d->flags & W;

	if (!d->len || (!writable && e->nin))
		return false;
	e->segments[e->nout + e->nin] = (struct segment){ d->addr, d->len };
	e->nout += !writable;
	e->nin += writable;
	return true;
}

static bool expect_table(const struct vring_desc *d)
{
	return !(d->flags & N) && d->len && !(d->len % 16);
}

static bool expect_chain(struct expected *e, const struct vring_desc *from, unsigned n)
{
	unsigned i = 0, seen = 0;

	while (i < n && !(seen & 1u << i)) {
		const struct vring_desc *d = &from[i];

		seen |= 1u << i;
		if (d->flags & I)
			return from == desc && expect_table(d) &&
			       expect_chain(e, fake_ram(d->addr), d->len / 16);
		if (!expect_segment(e, d))
			return false;
		if (!(d->flags & N))
			return true;
		i = d->next;
	}
	return false;
}

static void compare(const struct expected *e, bool valid)
{
	struct chain *chain;
	const char *why;
	unsigned i;

	ring_rewind(0);
	ring_offer(0);
	why = ring_pop(&chain);
	if (valid != !why)
		ck_abort_msg("valid: %d, but %s", valid, why ? why : "taken");
	if (why)
		return;
	if (chain->nout != e->nout || chain->nin != e->nin)
		ck_abort_msg("%u+%u segments, not %u+%u", chain->nout, chain->nin, e->nout, e->nin);
	for (i = 0; i < e->nout + e->nin; i++)
		if (chain->segments[i].address != e->segments[i].address ||
		    chain->segments[i].length != e->segments[i].length)
			ck_abort_msg("segment %u differs", i);
}

/* Every descriptor that matters in a table of up to 4: to each place and behind
 * the end, readable or writable, empty or not. */
static unsigned make_alphabet(struct vring_desc *alphabet)
{
	unsigned n = 0, next, writable, empty;

	for (writable = 0; writable < 2; writable++)
		for (empty = 0; empty < 2; empty++) {
			uint16_t flags = writable ? W : 0;
			uint32_t len = empty ? 0 : 512;

			alphabet[n++] = (struct vring_desc){ 0, len, flags, 0 };
			for (next = 0; next <= 4; next++)
				alphabet[n++] =
					(struct vring_desc){ 0, len, flags | N, (uint16_t)next };
		}
	return n;
}

/* Calls @check for every table of @size letters. */
static void for_all_tables(struct vring_desc *into, unsigned size,
			   const struct vring_desc *alphabet, unsigned letters, void (*check)(void))
{
	unsigned digits[4] = { 0 }, i = 0;

	while (i < size) {
		for (i = 0; i < size; i++) {
			into[i] = alphabet[digits[i]];
			if (!into[i].addr)
				into[i].addr = RING_DATA + 0x1000 * i;
		}
		check();
		for (i = 0; i < size && ++digits[i] == letters; i++)
			digits[i] = 0;
	}
}

static void check_ring(void)
{
	struct expected e = { 0 };
	bool valid = expect_chain(&e, desc, ring.size);

	compare(&e, valid);
}

/* All rings of 1, 2 and 4 descriptors, some of them indirect. */
START_TEST(vq_chain_loops)
{
	struct vring_desc alphabet[32];
	unsigned n = make_alphabet(alphabet);

	alphabet[n++] = (struct vring_desc){ RING_TABLE, 16, I, 0 };
	alphabet[n++] = (struct vring_desc){ RING_TABLE, 32, I | W, 0 };
	alphabet[n++] = (struct vring_desc){ RING_TABLE + 16, 16, I, 0 };
	alphabet[n++] = (struct vring_desc){ RING_TABLE, 32, I | N, 0 };
	alphabet[n++] = (struct vring_desc){ RING_TABLE, 24, I, 0 };
	table[0] = (struct vring_desc){ RING_DATA + 0x8000, 16, N, 1 };
	table[1] = (struct vring_desc){ RING_DATA + 0x9000, 16, W, 0 };
	ring_start((uint16_t)(1u << _i), INDIRECT);
	desc[ring.size] = (struct vring_desc){ RING_DATA, 16, 0, 0 }; /* not the ring's any more */
	for_all_tables(desc, ring.size, alphabet, n, check_ring);
}
END_TEST

/* A long table that was here before must not make a short one longer. */
static void leave_a_table_behind(void)
{
	struct chain *chain;
	unsigned i;

	for (i = 0; i < 8; i++)
		table[i] = (struct vring_desc){ RING_DATA, 16, 0, 0 };
	desc[0] = (struct vring_desc){ RING_TABLE, 16 * 8, I, 0 };
	ring_offer(0);
	ck_assert_ptr_null(ring_pop(&chain));
}

/* All indirect tables of 1 to 4 descriptors. */
START_TEST(vq_chain_loops_indirect)
{
	struct vring_desc alphabet[32];
	unsigned n = make_alphabet(alphabet), size = (unsigned)_i + 1;

	alphabet[n++] = (struct vring_desc){ RING_TABLE, 16, I, 0 };
	ring_start(4, INDIRECT);
	leave_a_table_behind();
	desc[0] = (struct vring_desc){ RING_TABLE, 16 * size, I, 0 };
	for_all_tables(table, size, alphabet, n, check_ring);
}
END_TEST

START_TEST(a_chain_may_use_the_whole_ring_but_not_go_round)
{
	struct chain *chain;
	uint16_t i;

	ring_start(256, 0);
	for (i = 0; i < 256; i++)
		desc[i] = (struct vring_desc){ RING_DATA, 4, i < 255 ? N : 0, (uint16_t)(i + 1) };
	ring_offer(0);
	ck_assert_ptr_null(ring_pop(&chain));
	ck_assert_uint_eq(chain->nout, 256);
	ring_push(chain, 0);
	desc[255].flags = N;
	desc[255].next = 0;
	ring_offer(0);
	ring_assert_broken("loop");
}
END_TEST

START_TEST(a_head_outside_of_the_ring_breaks_it)
{
	static const uint16_t heads[] = { 4, 5, 255, 256, 0x8000, 0xffff };

	ring_start(4, 0);
	ring_offer(heads[_i]);
	ring_assert_broken("head outside");
}
END_TEST

/* ---- the available index -------------------------------------------------------- */

/* Each distance the index can jump, from several places, with much or little
 * taken at a time. */
START_TEST(vq_avail_jump)
{
	static const uint16_t from[] = { 0, 1, 0x7ffe, 0xfffe, 0xffff };
	unsigned delta, i, max = _i & 1 ? RING_BATCH : 1;
	struct chain *chains[RING_BATCH];
	const char *why;
	int n;

	ring_start(4, 0);
	for (i = 0; i < 4; i++) {
		desc[i] = (struct vring_desc){ RING_DATA, 8, 0, 0 };
		avail->ring[i] = (uint16_t)i;
	}
	for (delta = 0; delta < 65536; delta++) {
		ring_rewind(from[_i / 2]);
		avail->idx = (uint16_t)(from[_i / 2] + delta);
		n = split_pop(&ring, &memory, chains, max, &why);
		if (n != (delta <= 4 ? (int)min_u64(delta, max) : -1))
			ck_abort_msg("delta %u: %d", delta, n);
	}
}
END_TEST

START_TEST(vq_inflight_cap)
{
	struct chain *chains[4];
	const char *why;
	uint16_t i;

	ring_start(4, 0);
	for (i = 0; i < 4; i++) {
		desc[i] = (struct vring_desc){ RING_DATA, 8, 0, 0 };
		ring_offer(i);
	}
	ck_assert_int_eq(split_pop(&ring, &memory, chains, 4, &why), 4);
	split_push(&ring, chains[2], 0);
	chains[2]->in_flight = false;
	ring_offer(2); /* given back, so it may come again */
	ck_assert_int_eq(split_pop(&ring, &memory, chains, 4, &why), 1);
	ck_assert_uint_eq(chains[0]->head, 2);
	ring_offer((uint16_t)_i); /* none of them was given back */
	ring_assert_broken("in flight");
}
END_TEST

START_TEST(the_same_head_twice_in_a_batch_breaks_the_ring)
{
	struct chain *chains[4];
	const char *why;

	ring_start(4, 0);
	desc[1] = (struct vring_desc){ RING_DATA, 8, 0, 0 };
	ring_offer(1);
	ring_offer(1);
	ck_assert_int_eq(split_pop(&ring, &memory, chains, 4, &why), -1);
	ck_assert_ptr_nonnull(strstr(why, "in flight"));
}
END_TEST

START_TEST(a_pop_takes_no_more_than_asked_and_the_rest_later)
{
	struct chain *chains[RING_BATCH];
	const char *why;
	uint16_t i;

	ring_start(64, 0);
	for (i = 0; i < 64; i++) {
		desc[i] = (struct vring_desc){ RING_DATA, i + 1u, 0, 0 };
		ring_offer((uint16_t)(63 - i));
	}
	ck_assert_int_eq(split_pop(&ring, &memory, chains, 10, &why), 10);
	ck_assert_uint_eq(chains[9]->head, 54);
	ck_assert_int_eq(split_pop(&ring, &memory, chains, RING_BATCH, &why), RING_BATCH);
	ck_assert_uint_eq(chains[0]->head, 53);
	ck_assert_int_eq(split_pop(&ring, &memory, chains, RING_BATCH, &why), 22);
	ck_assert_int_eq(split_pop(&ring, &memory, chains, RING_BATCH, &why), 0);
}
END_TEST

/* ---- lengths -------------------------------------------------------------------- */

static const uint32_t edges[] = { 0, 1, 4095, 4096, 0x7fffffff, 0x80000000, 0xffffffff };

/* Every pair of them, readable and writable. */
START_TEST(vq_len_edges)
{
	unsigned a, b, flags;
	struct chain *chain;

	ring_start(4, 0);
	for (a = 0; a < ARRAY_SIZE(edges); a++)
		for (b = 0; b < ARRAY_SIZE(edges); b++)
			for (flags = 0; flags < 4; flags++) {
				uint16_t wa = flags & 1 ? W : 0, wb = flags & 2 ? W : 0;
				uint64_t sum = (uint64_t)edges[a] + edges[b];
				bool good = edges[a] && edges[b] && sum <= UINT32_MAX &&
					    !(wa && !wb);

				ring_rewind(0);
				desc[0] = (struct vring_desc){ RING_DATA, edges[a], wa | N, 1 };
				desc[1] = (struct vring_desc){ RING_DATA, edges[b], wb, 0 };
				ring_offer(0);
				ck_assert_int_eq(!ring_pop(&chain), good);
				if (good)
					ck_assert_uint_eq(chain->out_length + chain->in_length,
							  sum);
			}
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(a_chain_has_readable_then_writable_segments),
		ONCE(an_idle_ring_gives_nothing),
		TIMES(vq_chain_loops, 3),
		TIMES(vq_chain_loops_indirect, 4),
		ONCE(a_chain_may_use_the_whole_ring_but_not_go_round),
		TIMES(a_head_outside_of_the_ring_breaks_it, 6),
		TIMES(vq_avail_jump, 10),
		TIMES(vq_inflight_cap, 4),
		ONCE(the_same_head_twice_in_a_batch_breaks_the_ring),
		ONCE(a_pop_takes_no_more_than_asked_and_the_rest_later),
		ONCE(vq_len_edges),
	};

	return unit_main("split", ring_setup, ring_teardown, tests, ARRAY_SIZE(tests));
}
