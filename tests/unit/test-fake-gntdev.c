/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-fake-gntdev.c: the fake's gntdev without the library, on kernels with
 * pages of 4 to 64 KiB.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/sys/gntdev.h>

#include "unit/gnttab.h"
#include "unit/unit.h"

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
	gnttab_put(fake_ram(10 * FAKE_PAGE), "ten");
	gnttab_put(va + 2 * FAKE_PAGE, "twelve");
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

	gnttab_own();
	raw_map(xgt, 100, 1, &index);
	va = raw_mmap(xgt, index, 1, PROT_READ);
	gnttab_publish(3);
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
		gnttab_put(va + i * page, "here");
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

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(a_raw_map_costs_four_calls),
		ONCE(a_raw_map_is_all_or_nothing),
		ONCE(indexes_are_used_again),
		ONCE(wrong_lengths_and_indexes_are_noticed),
		ONCE(a_raw_map_fails_as_told),
		ONCE(a_raw_unmap_after_used_moved_is_noticed),
		ONCE(maps_are_counted_and_limited),
		TIMES(each_grant_is_the_beginning_of_a_kernel_page, 5),
		ONCE(lengths_in_pages_of_xen_are_noticed),
		ONCE(sharing_larger_pages_is_noticed),
		ONCE(other_calls_are_not_touched),
	};

	return unit_main("fake-gntdev", NULL, fake_end, tests, ARRAY_SIZE(tests));
}
