/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-memory.c: guest addresses of both kinds: which are valid, how copies are
 * cut and batched, what fails alone and what fails together.
 */
#include "memory/memory.h"

#include <errno.h>
#include <string.h>

#include "unit/access.h"

static void setup(void)
{
	access_start(4096);
}

struct piece {
	uint64_t address;
	uint32_t length;
	bool to_guest;
	void *local;
	int err;
};

static void copy_all(struct piece *pieces, unsigned count)
{
	struct piece *piece;

	for (piece = pieces; piece < pieces + count; piece++) {
		piece->err = 0;
		memory_copy(&memory, piece->address, piece->local, piece->length, piece->to_guest,
			    &piece->err);
	}
	memory_flush(&memory);
}

/* ---- which addresses are grants -------------------------------------------------- */

struct edge {
	uint64_t address;
	uint32_t length;
	bool valid;
};

static const struct edge edges[] = {
	{ GRANT(0, 0), 1, true },
	{ GRANT(8, 4095), 1, true },
	{ GRANT(8, 4095), 2, true },
	{ GRANT(0xffffffff, 0), 4096, true },
	{ GRANT(0xffffffff, 0), 4097, false }, /* the next reference would be 0 */
	{ GRANT(0xffffffff, 4095), 2, false },
	{ GRANT(0xfffffffe, 1), 8192, false },
	{ GRANT(0xfffffffe, 0), 8192, true },
	{ GRANT(0xfff00000, 0), 0xffffffff, true },
	{ GRANT(0xfff00001, 0), 0xffffffff, false },
	{ GRANT(5, 0), 0, false },
	{ UINT64_MAX, 1, false },
};

START_TEST(gref_edges)
{
	unsigned i, bit;

	for (i = 0; i < ARRAY_SIZE(edges); i++)
		if (grants_valid(edges[i].address, edges[i].length) != edges[i].valid)
			ck_abort_msg("%#llx, %u bytes", (unsigned long long)edges[i].address,
				     edges[i].length);
	for (bit = 44; bit <= 62; bit++)
		ck_assert(!grants_valid(GRANT(8, 0) | BIT_ULL(bit), 1));
}
END_TEST

/* An address that cannot be never reaches a library. */
START_TEST(gref_edges_are_refused_before_any_call)
{
	uint8_t byte[2];
	unsigned bit;

	fake_calls_reset();
	for (bit = 44; bit <= 62; bit++)
		ck_assert_int_eq(access_copy(GRANT(8, 0) | BIT_ULL(bit), byte, 1, false), -EFAULT);
	ck_assert_int_eq(access_copy(GRANT(0xffffffff, 4095), byte, 2, false), -EFAULT);
	for (bit = 52; bit <= 62; bit++)
		ck_assert_int_eq(access_copy(BIT_ULL(bit), byte, 1, false), -EFAULT);
	ck_assert_int_eq(access_copy((1ull << 52) - 1, byte, 2, false), -EFAULT);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_COPY), 0);
	ck_assert_uint_eq(fake_calls(FAKE_FOREIGN_MAP), 0);
}
END_TEST

/* ---- copies ------------------------------------------------------------------------ */

/* Every offset and length over three pages, in both directions, of both kinds. */
START_TEST(copies_of_any_place_and_length)
{
	static const uint32_t offsets[] = { 0, 1, 7, 2048, 4094, 4095 };
	static const uint32_t lengths[] = { 1, 2, 3, 100, 4095, 4096, 4097, 8000, 8191 };
	uint8_t local[8192], *ram = fake_ram(0x20000);
	bool to_guest = _i & 1;
	unsigned i, j;

	access_grant(40, 3, 0x20, false);
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		for (j = 0; j < ARRAY_SIZE(lengths); j++) {
			uint64_t address = _i & 2 ? GRANT(40, offsets[i]) : 0x20000 + offsets[i];

			access_fill(local, sizeof(local));
			access_fill(ram, 3 * FAKE_PAGE);
			ck_assert_int_eq(access_copy(address, local, lengths[j], to_guest), 0);
			ck_assert_mem_eq(ram + offsets[i], local, lengths[j]);
		}
}
END_TEST

/* Not a byte beside what was asked for. */
START_TEST(copies_touch_nothing_else)
{
	uint8_t local[5002], *ram = fake_ram(0x20000);

	access_grant(40, 2, 0x20, false);
	memset(ram, 0x11, 2 * FAKE_PAGE);
	memset(local, 0x22, sizeof(local));
	ck_assert_int_eq(access_copy(_i ? GRANT(40, 100) : 0x20064, local + 1, 5000, true), 0);
	ck_assert_uint_eq(ram[99], 0x11);
	ck_assert_uint_eq(ram[100], 0x22);
	ck_assert_uint_eq(ram[5099], 0x22);
	ck_assert_uint_eq(ram[5100], 0x11);
	memset(ram, 0x33, 2 * FAKE_PAGE);
	ck_assert_int_eq(access_copy(_i ? GRANT(40, 100) : 0x20064, local + 1, 5000, false), 0);
	ck_assert_uint_eq(local[0], 0x22);
	ck_assert_uint_eq(local[1], 0x33);
	ck_assert_uint_eq(local[5000], 0x33);
	ck_assert_uint_eq(local[5001], 0x22);
}
END_TEST

/* All kinds in one call, more segments than the kernel takes at once. */
START_TEST(mixed_kinds_in_one_batch)
{
	static uint8_t local[600][3000];
	struct piece pieces[600];
	unsigned i;

	access_grant(100, 600, 0x60, false);
	for (i = 0; i < 600; i++) {
		access_fill(local[i], sizeof(local[i]));
		pieces[i] = (struct piece){ .address = i % 3 ? GRANT(100 + i, 2000)
							     : 0x60000 + i * 4096 + 2000,
					    .length = sizeof(local[i]),
					    .to_guest = true,
					    .local = local[i] };
	}
	fake_calls_reset();
	/* Pieces overlap the next page: every second one, then the others. */
	for (i = 0; i < 600; i += 2)
		copy_all(&pieces[i], 1);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_COPY), 200);
	fake_calls_reset();
	for (i = 0; i < 600; i += 2)
		pieces[i / 2] = pieces[i];
	copy_all(pieces, 300);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_COPY), 1);
	ck_assert_uint_eq(fake_copy_segments(), 400);
	for (i = 0; i < 600; i += 2)
		ck_assert_mem_eq(fake_ram(0x60000 + i * 4096 + 2000), local[i], 3000);
}
END_TEST

/* More than one call's worth: cut, and nothing lost. */
START_TEST(a_batch_of_any_size)
{
	static uint8_t local[3000];
	static struct piece pieces[3000];
	unsigned i;

	access_grant(100, 1, 0x60, false);
	for (i = 0; i < 3000; i++) {
		((uint8_t *)fake_ram(0x60000))[i] = (uint8_t)(i * 7);
		pieces[i] =
			(struct piece){ .address = GRANT(100, i), .length = 1, .local = &local[i] };
	}
	fake_calls_reset();
	copy_all(pieces, 3000);
	ck_assert_uint_le(fake_calls(FAKE_GRANT_COPY), 4);
	ck_assert_mem_eq(local, fake_ram(0x60000), 3000);
}
END_TEST

START_TEST(nothing_to_copy_costs_nothing)
{
	fake_calls_reset();
	copy_all(NULL, 0);
	ck_assert_uint_eq(fake_syscalls(), 0);
}
END_TEST

/* ---- failures ------------------------------------------------------------------------- */

/* Every subset of eight pieces is bad: not granted, or granted for reading only. */
START_TEST(one_bad_gref_fails_only_its_piece)
{
	struct piece pieces[8];
	uint8_t local[8][5000];
	unsigned bad, i;

	for (bad = 0; bad < 256; bad++) {
		for (i = 0; i < 8; i++) {
			bool spoilt = bad >> i & 1;

			access_grant(100 + 2 * i, 2, 0x60 + 2 * i, spoilt && i & 1);
			if (spoilt && !(i & 1))
				fake_grant_revoke(100 + 2 * i + 1); /* the second page */
			memset(local[i], (int)(bad + i), sizeof(local[i]));
			pieces[i] = (struct piece){ .address = GRANT(100 + 2 * i, 0),
						    .length = 5000,
						    .to_guest = true,
						    .local = local[i] };
		}
		copy_all(pieces, 8);
		for (i = 0; i < 8; i++) {
			bool spoilt = bad >> i & 1;

			ck_assert_int_eq(pieces[i].err, spoilt ? -EFAULT : 0);
			if (!spoilt)
				ck_assert_mem_eq(fake_ram(0x60000 + i * 8192), local[i], 5000);
		}
	}
}
END_TEST

/* The call as such fails, and says nothing of its pieces: each is tried alone. */
START_TEST(a_failing_call_is_repeated_piece_by_piece)
{
	uint8_t local[3] = { 0 };
	struct piece pieces[] = {
		{ .address = GRANT(100, 0), .length = 1, .local = &local[0] },
		{ .address = GRANT(200, 0), .length = 1, .local = &local[1] },
		{ .address = GRANT(101, 0), .length = 1, .local = &local[2] },
	};

	access_grant(100, 2, 0x60, false);
	memset(fake_ram(0x60000), 9, 2 * FAKE_PAGE);
	fake_fail(FAKE_GRANT_COPY, 1, ENOMEM);
	fake_calls_reset();
	copy_all(pieces, 3);
	ck_assert_int_eq(pieces[0].err, 0);
	ck_assert_int_eq(pieces[1].err, -EFAULT);
	ck_assert_int_eq(pieces[2].err, 0);
	ck_assert_uint_eq(local[0] + local[2], 18);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_COPY), 4);
}
END_TEST

/* ---- handles ---------------------------------------------------------------------------------- */

START_TEST(handles_that_cannot_be_opened)
{
	const struct foreign_options windows = { .window_bytes = 2u << 20 };
	struct grants *grants;
	struct foreign *foreign;
	const char *log;

	log_capture_begin();
	fake_fail(FAKE_GRANT_OPEN, 1, ENOENT);
	ck_assert_int_eq(grants_open(FAKE_DOMID, &access_own, &grants), -ENOENT);
	fake_fail(FAKE_FOREIGN_OPEN, 1, EACCES);
	ck_assert_int_eq(foreign_open(FAKE_DOMID, &windows, &foreign), -EACCES);
	log = log_capture_end();
	ck_assert_uint_eq(count_lines(log), 2);
	grants_close(NULL);
	foreign_close(NULL);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(gref_edges),
		ONCE(gref_edges_are_refused_before_any_call),
		TIMES(copies_of_any_place_and_length, 4),
		TIMES(copies_touch_nothing_else, 2),
		ONCE(mixed_kinds_in_one_batch),
		ONCE(a_batch_of_any_size),
		ONCE(nothing_to_copy_costs_nothing),
		ONCE(one_bad_gref_fails_only_its_piece),
		ONCE(a_failing_call_is_repeated_piece_by_piece),
		ONCE(handles_that_cannot_be_opened),
	};

	return unit_main("memory", setup, access_end, tests, ARRAY_SIZE(tests));
}
