/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-fake-memory.c: grants and foreign frames of the fake Xen layer: what a
 * call gives, and what it notices.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <xenforeignmemory.h>

#include "unit/gnttab.h"
#include "unit/unit.h"

/* ---- grants ------------------------------------------------------------------------------------ */

START_TEST(grants_are_mapped_and_given_back)
{
	xengnttab_handle *xgt = gnttab_start();
	uint32_t refs[3] = { 102, 100, 107 };
	char *va;

	va = xengnttab_map_domain_grant_refs(xgt, 3, FAKE_DOMID, refs, PROT_READ);
	ck_assert_ptr_nonnull(va);
	gnttab_put(fake_ram(10 * FAKE_PAGE), "ten");
	ck_assert_str_eq(va + FAKE_PAGE, "ten");
	ck_assert_uint_eq(fake_grants_mapped(), 3);
	ck_assert(!fake_grant_end(100));
	ck_assert(fake_grant_end(101));
	ck_assert_int_eq(xengnttab_unmap(xgt, va, 2), -1);
	ck_assert(fake_expect_violation("of 2 pages, mapped as 3"));
	ck_assert_int_eq(xengnttab_unmap(xgt, va, 3), 0);
	ck_assert(fake_grant_end(100));
	ck_assert_uint_eq(fake_syscalls(), 1 + 2 + 1 + 3);
	xengnttab_close(xgt);
}
END_TEST

START_TEST(a_map_call_is_all_or_nothing)
{
	xengnttab_handle *xgt = gnttab_start();
	uint32_t readonly[2] = { 100, 107 }, bad[2] = { 100, 200 };

	ck_assert_ptr_null(
		xengnttab_map_domain_grant_refs(xgt, 2, FAKE_DOMID, readonly, PROT_WRITE));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(xengnttab_map_domain_grant_refs(xgt, 2, FAKE_DOMID, bad, PROT_READ));
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	fake_grant_revoke(100);
	ck_assert_ptr_null(xengnttab_map_grant_ref(xgt, FAKE_DOMID, 100, PROT_READ));
	xengnttab_close(xgt);
}
END_TEST

static struct xengnttab_grant_copy_segment from_guest(uint32_t ref, uint16_t offset, void *to,
						      uint16_t len)
{
	struct xengnttab_grant_copy_segment seg = { .len = len, .flags = GNTCOPY_source_gref };

	seg.source.foreign.ref = ref;
	seg.source.foreign.offset = offset;
	seg.source.foreign.domid = FAKE_DOMID;
	seg.dest.virt = to;
	return seg;
}

static struct xengnttab_grant_copy_segment to_guest(uint32_t ref, void *from, uint16_t len)
{
	struct xengnttab_grant_copy_segment seg = { .len = len, .flags = GNTCOPY_dest_gref };

	seg.dest.foreign.ref = ref;
	seg.dest.foreign.domid = FAKE_DOMID;
	seg.source.virt = from;
	return seg;
}

START_TEST(each_copy_segment_has_its_status)
{
	xengnttab_handle *xgt = gnttab_start();
	struct xengnttab_grant_copy_segment seg[4];
	char buf[16] = "", out[] = "out";

	gnttab_put((char *)fake_ram(10 * FAKE_PAGE) + 5, "in");
	seg[0] = from_guest(100, 5, buf, 3);
	seg[1] = to_guest(107, out, 4);
	seg[2] = from_guest(40000, 0, buf, 3);
	seg[3] = to_guest(101, out, 4);
	ck_assert_int_eq(xengnttab_grant_copy(xgt, 4, seg), 0);
	ck_assert_int_eq(seg[0].status, GNTST_okay);
	ck_assert_int_eq(seg[1].status, GNTST_general_error);
	ck_assert_int_eq(seg[2].status, GNTST_bad_gntref);
	ck_assert_int_eq(seg[3].status, GNTST_okay);
	ck_assert_str_eq(buf, "in");
	ck_assert_str_eq(fake_ram(11 * FAKE_PAGE), "out");
	ck_assert_uint_eq(fake_copy_segments(), 4);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_COPY), 1);
	seg[0] = from_guest(100, 4094, buf, 3);
	ck_assert_int_eq(xengnttab_grant_copy(xgt, 1, seg), -1);
	ck_assert(fake_expect_violation("crosses a page"));
	xengnttab_close(xgt);
}
END_TEST

START_TEST(a_grant_still_mapped_when_used_moves_is_noticed)
{
	xengnttab_handle *xgt = gnttab_start();
	void *va;

	gnttab_own();
	va = xengnttab_map_grant_ref(xgt, FAKE_DOMID, 100, PROT_READ);
	gnttab_publish(3);
	xengnttab_unmap(xgt, va, 1);
	ck_assert(fake_expect_violation("grant 100 unmapped after its request (head 3)"));
	xengnttab_close(xgt);
}
END_TEST

START_TEST(a_copy_after_used_moved_is_noticed)
{
	xengnttab_handle *xgt = gnttab_start();
	struct xengnttab_grant_copy_segment seg;
	char out[] = "x";

	gnttab_own();
	seg = to_guest(100, out, 1);
	xengnttab_grant_copy(xgt, 1, &seg);
	ck_assert_uint_eq(fake_violations(), 0);
	gnttab_publish(3);
	xengnttab_grant_copy(xgt, 1, &seg);
	ck_assert(fake_expect_violation("grant 100 copied after its request"));
	xengnttab_close(xgt);
}
END_TEST

START_TEST(a_shared_grant_is_done_with_its_last_request)
{
	xengnttab_handle *xgt = gnttab_start();
	unsigned int ring = fake_ring_watch(20 * FAKE_PAGE, 8);
	struct xengnttab_grant_copy_segment seg;
	char out[] = "x";
	void *va;

	fake_grant_owner(100, ring, 3);
	fake_grant_owner(100, ring, 4);
	va = xengnttab_map_grant_ref(xgt, FAKE_DOMID, 100, PROT_READ);
	gnttab_publish(3);
	seg = to_guest(100, out, 1);
	xengnttab_grant_copy(xgt, 1, &seg);
	fake_grant_disown(100, ring, 3);
	fake_ring_consumed(ring, 1);
	ck_assert_uint_eq(fake_violations(), 0);
	gnttab_publish(4);
	xengnttab_unmap(xgt, va, 1);
	ck_assert(fake_expect_violation("grant 100 unmapped after its request (head 4)"));
	fake_grant_disown(100, ring, 4);
	xengnttab_grant_copy(xgt, 1, &seg);
	ck_assert(fake_expect_violation("grant 100 copied without a request"));
	fake_grant_owner(100, ring, 3);
	xengnttab_grant_copy(xgt, 1, &seg);
	ck_assert_uint_eq(fake_violations(), 0);
	xengnttab_close(xgt);
}
END_TEST

START_TEST(a_shared_grant_may_stay_mapped_until_its_last_answer)
{
	xengnttab_handle *xgt = gnttab_start();
	unsigned int ring = fake_ring_watch(20 * FAKE_PAGE, 8);
	void *va;

	fake_grant_owner(100, ring, 3);
	fake_grant_owner(100, ring, 4);
	va = xengnttab_map_grant_ref(xgt, FAKE_DOMID, 100, PROT_READ);
	fake_grant_disown(100, ring, 3);
	ck_assert_uint_eq(fake_violations(), 0);
	fake_grant_disown(100, ring, 4);
	ck_assert(fake_expect_violation("grant 100 still mapped after its last request (head 4)"));
	fake_grant_owner(100, ring, 5);
	xengnttab_unmap(xgt, va, 1);
	xengnttab_close(xgt);
}
END_TEST

START_TEST(a_leaked_mapping_is_noticed)
{
	xengnttab_handle *xgt = gnttab_start();

	xengnttab_map_grant_ref(xgt, FAKE_DOMID, 100, PROT_READ);
	xengnttab_close(xgt);
	ck_assert(fake_expect_violation("with 1 grant maps open"));
}
END_TEST

/* ---- foreign memory -------------------------------------------------------------------------------- */

START_TEST(holes_are_reported_page_by_page)
{
	xenforeignmemory_handle *fmem;
	xen_pfn_t pfn[4] = { 5, 6, 7, 100 };
	int err[4];
	char *va;

	fake_start(FAKE_HVM, 1, 64);
	fmem = xenforeignmemory_open(NULL, 0);
	fake_hole(6, true);
	va = xenforeignmemory_map(fmem, FAKE_DOMID, PROT_READ | PROT_WRITE, 4, pfn, err);
	ck_assert_ptr_nonnull(va);
	ck_assert(!err[0] && err[1] && !err[2] && err[3]);
	gnttab_put(va + 2 * FAKE_PAGE, "seven");
	ck_assert_str_eq(fake_ram(7 * FAKE_PAGE), "seven");
	ck_assert_uint_eq(fake_foreign_mapped(), 4);
	ck_assert_ptr_null(xenforeignmemory_map(fmem, FAKE_DOMID, PROT_READ, 4, pfn, NULL));
	ck_assert_int_eq(xenforeignmemory_unmap(fmem, va, 4), 0);
	xenforeignmemory_close(fmem);
}
END_TEST

START_TEST(an_old_mapping_shows_the_old_frame)
{
	xenforeignmemory_handle *fmem;
	xen_pfn_t pfn = 5;
	char *va;

	fake_start(FAKE_HVM, 1, 64);
	fmem = xenforeignmemory_open(NULL, 0);
	gnttab_put(fake_ram(5 * FAKE_PAGE), "old");
	va = xenforeignmemory_map(fmem, FAKE_DOMID, PROT_READ, 1, &pfn, NULL);
	fake_new_frame(5);
	gnttab_put(fake_ram(5 * FAKE_PAGE), "new");
	ck_assert_str_eq(va, "old");
	xenforeignmemory_unmap(fmem, va, 1);
	va = xenforeignmemory_map(fmem, FAKE_DOMID, PROT_READ, 1, &pfn, NULL);
	ck_assert_str_eq(va, "new");
	xenforeignmemory_unmap(fmem, va, 1);
	xenforeignmemory_close(fmem);
}
END_TEST

START_TEST(the_nth_call_fails_as_told)
{
	xengnttab_handle *xgt = gnttab_start();
	void *va;

	fake_fail(FAKE_GRANT_MAP, 2, ENOMEM);
	va = xengnttab_map_grant_ref(xgt, FAKE_DOMID, 100, PROT_READ);
	ck_assert_ptr_nonnull(va);
	ck_assert(!fake_failed(FAKE_GRANT_MAP));
	ck_assert_ptr_null(xengnttab_map_grant_ref(xgt, FAKE_DOMID, 101, PROT_READ));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert(fake_failed(FAKE_GRANT_MAP));
	xengnttab_unmap(xgt, va, 1);
	xengnttab_close(xgt);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(grants_are_mapped_and_given_back),
		ONCE(a_map_call_is_all_or_nothing),
		ONCE(each_copy_segment_has_its_status),
		ONCE(a_grant_still_mapped_when_used_moves_is_noticed),
		ONCE(a_copy_after_used_moved_is_noticed),
		ONCE(a_shared_grant_is_done_with_its_last_request),
		ONCE(a_shared_grant_may_stay_mapped_until_its_last_answer),
		ONCE(a_leaked_mapping_is_noticed),
		ONCE(holes_are_reported_page_by_page),
		ONCE(an_old_mapping_shows_the_old_frame),
		ONCE(the_nth_call_fails_as_told),
	};

	return unit_main("fake-memory", NULL, fake_end, tests, ARRAY_SIZE(tests));
}
