/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-fake-memory.c: grants and foreign frames of the fake Xen layer: what a
 * call gives, and what it notices.
 */
#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/sys/gntdev.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>

#include "fake/fake.h"

static void put(char *at, const char *text)
{
	memcpy(at, text, strlen(text) + 1);
}

/* ---- grants ------------------------------------------------------------------------------------ */

static xengnttab_handle *gnttab_start(void)
{
	unsigned int i;

	fake_start(FAKE_HVM, 1, 64);
	for (i = 0; i < 8; i++)
		fake_grant(100 + i, 10 + i, i == 7);
	return xengnttab_open(NULL, 0);
}

START_TEST(grants_are_mapped_and_given_back)
{
	xengnttab_handle *xgt = gnttab_start();
	uint32_t refs[3] = { 102, 100, 107 };
	char *va;

	va = xengnttab_map_domain_grant_refs(xgt, 3, FAKE_DOMID, refs, PROT_READ);
	ck_assert_ptr_nonnull(va);
	put(fake_ram(10 * FAKE_PAGE), "ten");
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

	put((char *)fake_ram(10 * FAKE_PAGE) + 5, "in");
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

/* head 3 of the ring at page 20 owns grant 100 */
static void ring_start(void)
{
	unsigned int ring = fake_ring_watch(20 * FAKE_PAGE, 8);

	fake_grant_owner(100, ring, 3);
}

static void publish_head(uint16_t head)
{
	uint16_t *used = fake_ram(20 * FAKE_PAGE);

	used[2 + 4 * used[1]] = head;
	used[1]++;
}

static void publish(void)
{
	publish_head(3);
}

START_TEST(a_grant_still_mapped_when_used_moves_is_noticed)
{
	xengnttab_handle *xgt = gnttab_start();
	void *va;

	ring_start();
	va = xengnttab_map_grant_ref(xgt, FAKE_DOMID, 100, PROT_READ);
	publish();
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

	ring_start();
	seg = to_guest(100, out, 1);
	xengnttab_grant_copy(xgt, 1, &seg);
	ck_assert_uint_eq(fake_violations(), 0);
	publish();
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
	publish_head(3);
	seg = to_guest(100, out, 1);
	xengnttab_grant_copy(xgt, 1, &seg);
	fake_grant_disown(100, ring, 3);
	fake_ring_consumed(ring, 1);
	ck_assert_uint_eq(fake_violations(), 0);
	publish_head(4);
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

/* ---- gntdev without the library --------------------------------------------------------------- */

/* At most eight grants from ref on. */
static int raw_map(xengnttab_handle *xgt, uint32_t ref, uint32_t count, uint64_t *index)
{
	struct {
		struct ioctl_gntdev_map_grant_ref op;
		struct ioctl_gntdev_grant_ref room[7];
	} map = { .op.count = count };
	uint32_t i;
	int rc;

	for (i = 0; i < count; i++)
		(&map.op.refs[0])[i] = (struct ioctl_gntdev_grant_ref){ FAKE_DOMID, ref + i };
	rc = ioctl(xengnttab_fd(xgt), IOCTL_GNTDEV_MAP_GRANT_REF, &map);
	*index = map.op.index;
	return rc;
}

static char *raw_mmap(xengnttab_handle *xgt, uint64_t index, uint32_t count, int prot)
{
	void *va = mmap(NULL, count * FAKE_PAGE, prot, MAP_SHARED, xengnttab_fd(xgt), (off_t)index);

	return va == MAP_FAILED ? NULL : va;
}

static int raw_drop(xengnttab_handle *xgt, uint64_t index, uint32_t count)
{
	struct ioctl_gntdev_unmap_grant_ref op = { .index = index, .count = count };

	return ioctl(xengnttab_fd(xgt), IOCTL_GNTDEV_UNMAP_GRANT_REF, &op);
}

START_TEST(a_raw_map_costs_four_calls)
{
	xengnttab_handle *xgt = gnttab_start();
	uint64_t index;
	char *va;

	fake_calls_reset();
	ck_assert_int_eq(raw_map(xgt, 100, 3, &index), 0);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	va = raw_mmap(xgt, index, 3, PROT_READ | PROT_WRITE);
	ck_assert_ptr_nonnull(va);
	put(fake_ram(10 * FAKE_PAGE), "ten");
	put(va + 2 * FAKE_PAGE, "twelve");
	ck_assert_str_eq(va, "ten");
	ck_assert_str_eq(fake_ram(12 * FAKE_PAGE), "twelve");
	ck_assert_uint_eq(fake_grants_mapped(), 3);
	ck_assert(!fake_grant_end(102));
	ck_assert_int_eq(munmap(va, 3 * FAKE_PAGE), 0);
	ck_assert(fake_grant_end(102));
	ck_assert_int_eq(raw_drop(xgt, index, 3), 0);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_MAP), 1);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_UNMAP), 1);
	ck_assert_uint_eq(fake_syscalls(), 4);
	ck_assert_uint_eq(fake_hypercalls(), 2);
	xengnttab_close(xgt);
}
END_TEST

START_TEST(a_raw_map_is_all_or_nothing)
{
	xengnttab_handle *xgt = gnttab_start();
	uint64_t index, bad;
	char *va;

	raw_map(xgt, 106, 2, &index);
	raw_map(xgt, 106, 3, &bad);
	ck_assert_ptr_null(raw_mmap(xgt, index, 2, PROT_READ | PROT_WRITE));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(raw_mmap(xgt, bad, 3, PROT_READ));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	ck_assert_int_eq(raw_drop(xgt, bad, 3), 0);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_UNMAP), 0);
	va = raw_mmap(xgt, index, 2, PROT_READ);
	ck_assert_uint_eq(fake_grants_mapped(), 2);
	munmap(va, 2 * FAKE_PAGE);
	raw_drop(xgt, index, 2);
	ck_assert_int_eq(raw_map(xgt, 100, 0, &index), -1);
	ck_assert_int_eq(errno, EINVAL);
	xengnttab_close(xgt);
}
END_TEST

START_TEST(indexes_are_used_again)
{
	xengnttab_handle *xgt = gnttab_start();
	uint64_t first, second, third, fourth;

	raw_map(xgt, 100, 2, &first);
	raw_map(xgt, 102, 1, &second);
	ck_assert_uint_eq(first, 0);
	ck_assert_uint_eq(second, 2 * FAKE_PAGE);
	raw_drop(xgt, first, 2);
	raw_map(xgt, 103, 3, &third);
	ck_assert_uint_eq(third, 3 * FAKE_PAGE);
	raw_map(xgt, 100, 1, &fourth);
	ck_assert_uint_eq(fourth, 0);
	raw_drop(xgt, second, 1);
	raw_drop(xgt, third, 3);
	raw_drop(xgt, fourth, 1);
	xengnttab_close(xgt);
}
END_TEST

START_TEST(wrong_lengths_and_indexes_are_noticed)
{
	xengnttab_handle *xgt = gnttab_start();
	uint64_t index;
	char *va;

	raw_map(xgt, 100, 2, &index);
	ck_assert_ptr_null(raw_mmap(xgt, index, 1, PROT_READ));
	ck_assert(fake_expect_violation("mmap() of 4096 bytes at index 0"));
	va = raw_mmap(xgt, index, 2, PROT_READ);
	ck_assert_ptr_null(raw_mmap(xgt, index, 2, PROT_READ));
	ck_assert(fake_expect_violation("or in use"));
	ck_assert_int_eq(munmap(va + FAKE_PAGE, FAKE_PAGE), -1);
	ck_assert(fake_expect_violation("munmap() of 1 pages of a grant map of 2"));
	ck_assert_int_eq(raw_drop(xgt, index, 2), -1);
	ck_assert(fake_expect_violation("before munmap()"));
	ck_assert_int_eq(munmap(va, 2 * FAKE_PAGE), 0);
	ck_assert_int_eq(raw_drop(xgt, index, 1), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert(fake_expect_violation("UNMAP_GRANT_REF of 1 pages"));
	ck_assert_int_eq(raw_drop(xgt, index + FAKE_PAGE, 2), -1);
	ck_assert(fake_expect_violation("at index 0x1000"));
	ck_assert_uint_eq(fake_violations(), 0);
	xengnttab_close(xgt);
	ck_assert(fake_expect_violation("with 1 grant maps open"));
}
END_TEST

START_TEST(a_raw_map_fails_as_told)
{
	xengnttab_handle *xgt = gnttab_start();
	uint64_t index;
	char *va;

	raw_map(xgt, 100, 2, &index);
	fake_fail(FAKE_GRANT_MAP, 1, ENOMEM);
	ck_assert_ptr_null(raw_mmap(xgt, index, 2, PROT_READ));
	ck_assert_int_eq(errno, ENOMEM);
	va = raw_mmap(xgt, index, 2, PROT_READ);
	fake_fail(FAKE_GRANT_UNMAP, 1, EIO);
	munmap(va, 2 * FAKE_PAGE);
	ck_assert_int_eq(raw_drop(xgt, index, 2), -1);
	ck_assert_int_eq(errno, EIO);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	xengnttab_close(xgt);
}
END_TEST

START_TEST(a_raw_unmap_after_used_moved_is_noticed)
{
	xengnttab_handle *xgt = gnttab_start();
	uint64_t index;
	char *va;

	ring_start();
	raw_map(xgt, 100, 1, &index);
	va = raw_mmap(xgt, index, 1, PROT_READ);
	publish();
	munmap(va, FAKE_PAGE);
	raw_drop(xgt, index, 1);
	ck_assert(fake_expect_violation("grant 100 unmapped after its request (head 3)"));
	xengnttab_close(xgt);
}
END_TEST

START_TEST(maps_are_counted_and_limited)
{
	xengnttab_handle *xgt = gnttab_start();
	uint64_t first, second;
	char *va;

	raw_map(xgt, 100, 3, &first);
	raw_map(xgt, 103, 2, &second);
	ck_assert_uint_eq(fake_maps(), 2);
	fake_maptrack(4);
	va = raw_mmap(xgt, first, 3, PROT_READ);
	ck_assert_ptr_null(raw_mmap(xgt, second, 2, PROT_READ));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_uint_eq(fake_grants_mapped(), 3);
	munmap(va, 3 * FAKE_PAGE);
	ck_assert_uint_eq(fake_maps(), 2);
	va = raw_mmap(xgt, second, 2, PROT_READ);
	ck_assert_ptr_nonnull(va);
	ck_assert_int_eq(raw_drop(xgt, first, 3), 0);
	munmap(va, 2 * FAKE_PAGE);
	ck_assert_int_eq(raw_drop(xgt, second, 2), 0);
	ck_assert_uint_eq(fake_maps(), 0);
	xengnttab_close(xgt);
}
END_TEST

/* ---- a kernel with larger pages --------------------------------------------------------------- */

static bool readable(const void *at)
{
	int fds[2];
	bool ok;

	ck_assert_int_eq(pipe(fds), 0);
	ok = write(fds[1], at, 1) == 1;
	close(fds[0]);
	close(fds[1]);
	return ok;
}

static xengnttab_handle *gnttab_start_with(uint32_t page)
{
	xengnttab_handle *xgt = gnttab_start();

	fake_page_size(page);
	ck_assert_int_eq(sysconf(_SC_PAGESIZE), page);
	return xgt;
}

START_TEST(each_grant_is_the_beginning_of_a_kernel_page)
{
	uint32_t i, page = 4096u << _i, step = page / FAKE_PAGE;
	xengnttab_handle *xgt = gnttab_start_with(page);
	uint64_t before, index;
	char *va;

	raw_map(xgt, 103, 2, &before);
	raw_map(xgt, 100, 3, &index);
	ck_assert_uint_eq(index, 2 * page);
	va = raw_mmap(xgt, index, 3 * step, PROT_READ | PROT_WRITE);
	ck_assert_ptr_nonnull(va);
	for (i = 0; i < 3; i++) {
		put(va + i * page, "here");
		ck_assert_str_eq(fake_ram((10 + i) * FAKE_PAGE), "here");
		ck_assert(readable(va + i * page + FAKE_PAGE - 1));
		ck_assert(page == FAKE_PAGE || !readable(va + i * page + FAKE_PAGE));
		ck_assert(page == FAKE_PAGE || !readable(va + i * page + page - 1));
	}
	ck_assert_int_eq(munmap(va, (size_t)3 * page), 0);
	ck_assert_int_eq(raw_drop(xgt, index, 3), 0);
	ck_assert_int_eq(raw_drop(xgt, before, 2), 0);
	xengnttab_close(xgt);
}
END_TEST

START_TEST(lengths_in_pages_of_xen_are_noticed)
{
	xengnttab_handle *xgt = gnttab_start_with(65536);
	uint32_t refs[2] = { 100, 101 };
	uint64_t index;
	char *va;

	raw_map(xgt, 100, 2, &index);
	ck_assert_ptr_null(raw_mmap(xgt, index, 2, PROT_READ));
	ck_assert(fake_expect_violation("mmap() of 8192 bytes at index 0"));
	va = raw_mmap(xgt, index, 32, PROT_READ);
	ck_assert_int_eq(munmap(va + 65536, 65536), -1);
	ck_assert(fake_expect_violation("munmap() of 1 pages of a grant map of 2"));
	ck_assert_int_eq(munmap(va, 2 * 65536), 0);
	raw_drop(xgt, index, 2);
	ck_assert_ptr_null(xengnttab_map_domain_grant_refs(xgt, 2, FAKE_DOMID, refs, PROT_READ));
	ck_assert(fake_expect_violation("mmap() of 8192 bytes"));
	xengnttab_close(xgt);
}
END_TEST

START_TEST(sharing_larger_pages_is_noticed)
{
	xengnttab_handle *xgt = gnttab_start_with(16384);
	xengntshr_handle *xgs = xengntshr_open(NULL, 0);
	uint32_t refs[2];
	void *va = xengntshr_share_pages(xgs, 0, 2, refs, 1);

	ck_assert(fake_expect_violation("with pages of 16384 bytes"));
	xengntshr_unshare(xgs, va, 2);
	xengntshr_close(xgs);
	xengnttab_close(xgt);
}
END_TEST

/* Others' descriptors and addresses, and what else is asked of this one. */
START_TEST(other_calls_are_not_touched)
{
	xengnttab_handle *xgt = gnttab_start();
	int fd = memfd_create("other", MFD_CLOEXEC), n = -1;
	char *va;

	ck_assert_int_eq(ftruncate(fd, 2 * FAKE_PAGE), 0);
	ck_assert_int_eq(pwrite(fd, "there", 6, FAKE_PAGE), 6);
	ck_assert_int_eq(ioctl(fd, FIONREAD, &n), 0);
	ck_assert_int_eq(n, 2 * FAKE_PAGE);
	va = mmap(NULL, 2 * FAKE_PAGE, PROT_READ, MAP_SHARED, fd, 0);
	ck_assert_str_eq(va + FAKE_PAGE, "there");
	ck_assert_int_eq(munmap(va, FAKE_PAGE), 0);
	ck_assert_int_eq(munmap(va + FAKE_PAGE, FAKE_PAGE), 0);
	ck_assert_int_eq(ioctl(xengnttab_fd(xgt), FIONREAD, &n), -1);
	ck_assert_int_eq(errno, ENOTTY);
	ck_assert_uint_eq(fake_syscalls(), 1);
	close(fd);
	xengnttab_close(xgt);
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
	put(va + 2 * FAKE_PAGE, "seven");
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
	put(fake_ram(5 * FAKE_PAGE), "old");
	va = xenforeignmemory_map(fmem, FAKE_DOMID, PROT_READ, 1, &pfn, NULL);
	fake_new_frame(5);
	put(fake_ram(5 * FAKE_PAGE), "new");
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

static Suite *suite(void)
{
	Suite *s = suite_create("fake-memory");
	TCase *tc = tcase_create("memory");

	tcase_add_checked_fixture(tc, NULL, fake_end);
	tcase_add_test(tc, grants_are_mapped_and_given_back);
	tcase_add_test(tc, a_map_call_is_all_or_nothing);
	tcase_add_test(tc, each_copy_segment_has_its_status);
	tcase_add_test(tc, a_grant_still_mapped_when_used_moves_is_noticed);
	tcase_add_test(tc, a_copy_after_used_moved_is_noticed);
	tcase_add_test(tc, a_shared_grant_is_done_with_its_last_request);
	tcase_add_test(tc, a_shared_grant_may_stay_mapped_until_its_last_answer);
	tcase_add_test(tc, a_leaked_mapping_is_noticed);
	tcase_add_test(tc, a_raw_map_costs_four_calls);
	tcase_add_test(tc, a_raw_map_is_all_or_nothing);
	tcase_add_test(tc, indexes_are_used_again);
	tcase_add_test(tc, wrong_lengths_and_indexes_are_noticed);
	tcase_add_test(tc, a_raw_map_fails_as_told);
	tcase_add_test(tc, a_raw_unmap_after_used_moved_is_noticed);
	tcase_add_test(tc, maps_are_counted_and_limited);
	tcase_add_loop_test(tc, each_grant_is_the_beginning_of_a_kernel_page, 0, 5);
	tcase_add_test(tc, lengths_in_pages_of_xen_are_noticed);
	tcase_add_test(tc, sharing_larger_pages_is_noticed);
	tcase_add_test(tc, other_calls_are_not_touched);
	tcase_add_test(tc, holes_are_reported_page_by_page);
	tcase_add_test(tc, an_old_mapping_shows_the_old_frame);
	tcase_add_test(tc, the_nth_call_fails_as_told);
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
