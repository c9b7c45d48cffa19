/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-guest.c: the model guest's rings and grants are what Linux makes them,
 * and it notices a device that does wrong. The device here is a few lines that
 * reach the ring through grants.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xengnttab.h>

#include "guest/guest.h"

#define SIZE 16

static xengnttab_handle *xgt;
static struct gdma dma;
static struct gring *ring;

static void start(bool indirect, bool event_idx)
{
	guest_boot(FAKE_PVH, 1, 1024);
	dma = (struct gdma){ .kind = GDMA_GRANTS };
	ring = gring_new(&dma, SIZE, indirect, event_idx);
	xgt = xengnttab_open(NULL, 0);
}

static void end(void)
{
	gring_free(ring);
	xengnttab_close(xgt);
	ck_assert(dma.broken || dma.grants == 0);
	fake_end();
}

/* Queue a request of one readable and one writable part, over two pages each. */
static void add(void *token)
{
	uint64_t gpa = gpage_alloc(4);
	struct gsg out = { gpa + 4090, 10 }, in = { gpa + 3 * FAKE_PAGE - 100, 200 };

	memcpy(fake_ram(out.gpa), "0123456789", 10);
	ck_assert(gring_add(ring, &out, 1, &in, 1, token));
}

/* The device's way to guest memory: map the pages behind a DMA address. */
static uint8_t *map(uint64_t addr, uint32_t len, int prot)
{
	uint32_t ref = gdma_ref(addr), refs[8], i;
	uint32_t count = (uint32_t)((addr % FAKE_PAGE + len + FAKE_PAGE - 1) / FAKE_PAGE);
	uint8_t *va;

	for (i = 0; i < count; i++)
		refs[i] = ref + i;
	va = xengnttab_map_domain_grant_refs(xgt, count, FAKE_DOMID, refs, prot);
	return va ? va + addr % FAKE_PAGE : NULL;
}

static void unmap(uint64_t addr, uint32_t len, uint8_t *va)
{
	uint32_t count = (uint32_t)((addr % FAKE_PAGE + len + FAKE_PAGE - 1) / FAKE_PAGE);

	xengnttab_unmap(xgt, va - addr % FAKE_PAGE, count);
}

static void publish(uint32_t id, uint32_t len)
{
	uint16_t idx = ring->used->idx;

	ring->used->ring[idx % SIZE].id = id;
	ring->used->ring[idx % SIZE].len = len;
	ring->used->idx = (uint16_t)(idx + 1);
}

static uint16_t available(void)
{
	return ring->avail->ring[(ring->avail->idx - 1) % SIZE];
}

/* Check both parts of a request through grants, write the second. */
static void serve(struct vring_desc first, struct vring_desc second)
{
	uint8_t *va;

	ck_assert_uint_eq(first.addr >> 63, 1);
	ck_assert_uint_eq(first.len, 10);
	ck_assert_uint_eq(second.len, 200);
	ck_assert(second.flags & VRING_DESC_F_WRITE);
	ck_assert_ptr_null(map(first.addr, first.len, PROT_READ | PROT_WRITE));
	va = map(first.addr, first.len, PROT_READ);
	ck_assert(!memcmp(va, "0123456789", 10));
	unmap(first.addr, first.len, va);
	va = map(second.addr, second.len, PROT_READ | PROT_WRITE);
	memset(va, 7, second.len);
	unmap(second.addr, second.len, va);
}

START_TEST(a_direct_request_is_granted_and_revoked)
{
	uint32_t len;
	int token;

	start(false, false);
	add(&token);
	ck_assert_uint_eq(dma.grants, ring->pages + 4);
	ck_assert(gring_kick_prepare(ring));
	serve(ring->desc[available()], ring->desc[ring->desc[available()].next]);
	publish(available(), 200);
	ck_assert_ptr_eq(gring_get(ring, &len), &token);
	ck_assert_uint_eq(len, 200);
	ck_assert_uint_eq(dma.grants, ring->pages);
	ck_assert_uint_eq(ring->num_free, SIZE);
}
END_TEST

START_TEST(an_indirect_table_is_granted_read_only)
{
	struct vring_desc outer, *table;
	uint32_t len;
	int token;

	start(true, true);
	add(&token);
	outer = ring->desc[available()];
	ck_assert_uint_eq(outer.flags, VRING_DESC_F_INDIRECT);
	ck_assert_uint_eq(outer.len, 32);
	ck_assert_ptr_null(map(outer.addr, outer.len, PROT_READ | PROT_WRITE));
	table = (void *)map(outer.addr, outer.len, PROT_READ);
	serve(table[0], table[1]);
	unmap(outer.addr, outer.len, (void *)table);
	publish(available(), 0);
	ck_assert_ptr_eq(gring_get(ring, &len), &token);
	ck_assert_uint_eq(dma.grants, ring->pages);
}
END_TEST

START_TEST(a_grant_in_use_at_completion_breaks_the_device)
{
	struct vring_desc desc;
	uint32_t len;
	uint8_t *va;
	int token;

	start(false, false);
	add(&token);
	desc = ring->desc[available()];
	va = map(desc.addr, desc.len, PROT_READ);
	publish(available(), 0);
	gring_get(ring, &len);
	ck_assert(dma.broken);
	ck_assert(fake_expect_violation("still in use by backend domain"));
	ck_assert(!gring_add(ring, NULL, 0, &(struct gsg){ 0, 1 }, 1, &token));
	unmap(desc.addr, desc.len, va);
}
END_TEST

START_TEST(a_used_entry_nobody_waits_for_is_noticed)
{
	uint32_t len;
	int token;

	start(false, false);
	add(&token);
	publish(available() + 1, 0);
	ck_assert_ptr_null(gring_get(ring, &len));
	ck_assert(fake_expect_violation("is not in flight"));
}
END_TEST

START_TEST(more_written_than_there_was_room_for_is_noticed)
{
	uint32_t len;
	int token;

	start(false, false);
	add(&token);
	publish(available(), 201);
	gring_get(ring, &len);
	ck_assert(fake_expect_violation("used length 201, the request had room for 200"));
}
END_TEST

START_TEST(kicks_follow_flags_and_events)
{
	int token;

	start(false, false);
	ring->used->flags = VRING_USED_F_NO_NOTIFY;
	add(&token);
	ck_assert(!gring_kick_prepare(ring));
	ring->used->flags = 0;
	add(&token);
	ck_assert(gring_kick_prepare(ring));
	ck_assert(!gring_kick_prepare(ring));
}
END_TEST

START_TEST(kicks_follow_the_event_index)
{
	volatile uint16_t *avail_event;
	int token;

	start(false, true);
	avail_event = (volatile uint16_t *)&ring->used->ring[SIZE];
	*avail_event = 1; /* after the second */
	add(&token);
	ck_assert(!gring_kick_prepare(ring));
	add(&token);
	ck_assert(gring_kick_prepare(ring));
	gring_enable_cb(ring);
	ck_assert_uint_eq(ring->avail->ring[SIZE], 0);
	ck_assert_uint_eq(ring->avail->flags, 0);
}
END_TEST

START_TEST(a_full_ring_takes_nothing)
{
	struct gsg in = { .len = 16 };
	unsigned int i;
	int token;

	start(false, false);
	in.gpa = gpage_alloc(1);
	for (i = 0; i < SIZE; i++)
		ck_assert(gring_add(ring, NULL, 0, &in, 1, &token));
	ck_assert(!gring_add(ring, NULL, 0, &in, 1, &token));
	ck_assert_uint_eq(gring_inflight(ring), SIZE);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("guest");
	TCase *tc = tcase_create("ring");

	tcase_add_checked_fixture(tc, NULL, end);
	tcase_add_test(tc, a_direct_request_is_granted_and_revoked);
	tcase_add_test(tc, an_indirect_table_is_granted_read_only);
	tcase_add_test(tc, a_grant_in_use_at_completion_breaks_the_device);
	tcase_add_test(tc, a_used_entry_nobody_waits_for_is_noticed);
	tcase_add_test(tc, more_written_than_there_was_room_for_is_noticed);
	tcase_add_test(tc, kicks_follow_flags_and_events);
	tcase_add_test(tc, kicks_follow_the_event_index);
	tcase_add_test(tc, a_full_ring_takes_nothing);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
