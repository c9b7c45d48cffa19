/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory.c: tells the kinds of address apart and keeps to the policy. */
#include "memory/memory.h"

#include <errno.h>

#include "base/util.h"
#include "memory/foreign.h"
#include "memory/grants.h"

const char *const memory_policy_names[] = { "auto", "grants", "foreign", NULL };

static int check(const struct memory *memory, uint64_t address, size_t length)
{
	if (!(address & GUEST_ADDRESS_GRANT))
		return memory->options.policy == MEMORY_GRANTS ? -EPERM : 0;
	if (memory->options.policy == MEMORY_FOREIGN)
		return -EPERM;
	return grants_valid(address, length) ? 0 : -EFAULT;
}

void memory_copy(const struct memory *memory, uint64_t address, void *local, uint32_t length,
		 bool to_guest, int *err)
{
	int failed = check(memory, address, length);

	if (failed)
		*err = failed;
	else if (address & GUEST_ADDRESS_GRANT)
		grants_copy(memory->grants, address, local, length, to_guest, err);
	else
		foreign_copy(memory->foreign, address, local, length, to_guest, err);
}

void memory_flush(const struct memory *memory)
{
	grants_flush(memory->grants);
}

bool memory_lends(const struct memory *memory, uint64_t address, size_t length)
{
	if (!(address & GUEST_ADDRESS_GRANT))
		return length;
	return memory->options.map_from && length >= memory->options.map_from;
}

/* What follows on what is there in the same window makes the piece longer. */
static bool extends(const struct memory_loan *loan, const void *at, const struct window *window)
{
	unsigned last = loan->count - 1;

	return loan->count && loan->windows[last] == window &&
	       (const uint8_t *)loan->pieces[last].iov_base + loan->pieces[last].iov_len == at;
}

static int lend_piece(const struct memory *memory, struct memory_loan *loan, uint64_t address,
		      size_t *length)
{
	struct window *window;
	void *at;
	int err = foreign_lend(memory->foreign, address, length, &at, &window);

	if (err)
		return err;
	if (extends(loan, at, window)) {
		loan->pieces[loan->count - 1].iov_len += *length;
		foreign_return(memory->foreign, window, at, 0);
		return 0;
	}
	loan->pieces[loan->count] = (struct iovec){ .iov_base = at, .iov_len = *length };
	loan->windows[loan->count++] = window;
	return loan->count < MEMORY_LOAN_PIECES ? 0 : -E2BIG;
}

static int lend_plain(const struct memory *memory, const struct segment *segments, unsigned count,
		      struct memory_loan *loan)
{
	unsigned i;
	int err = 0;

	loan->map = NULL;
	for (i = 0; i < count && !err; i++) {
		uint64_t address = segments[i].address;
		size_t left = segments[i].length, here;

		for (; left && !err; left -= here, address += here) {
			here = left;
			err = lend_piece(memory, loan, address, &here);
		}
	}
	return err;
}

static int lend_grants(const struct memory *memory, const struct segment *segments, unsigned count,
		       struct memory_loan *loan)
{
	uint8_t *page;
	unsigned i;
	int err = grants_map(memory->grants, segments, count, loan->writable, &loan->map);

	if (err)
		return err;
	page = loan->map->base;
	for (i = 0; i < count; i++) {
		uint64_t offset = segments[i].address & (GUEST_PAGE_SIZE - 1);

		loan->pieces[i] =
			(struct iovec){ .iov_base = page + offset, .iov_len = segments[i].length };
		page += (size_t)guest_pages(segments[i].address, segments[i].length)
			<< GUEST_PAGE_SHIFT;
	}
	loan->count = count;
	return 0;
}

int memory_lend(const struct memory *memory, const struct segment *segments, unsigned count,
		bool writable, struct memory_loan *loan)
{
	uint64_t kind = segments[0].address & GUEST_ADDRESS_GRANT;
	unsigned i;
	int err = count > MEMORY_LOAN_PIECES ? -E2BIG : 0;

	loan->count = 0;
	loan->writable = writable;
	for (i = 0; i < count && !err; i++) {
		err = check(memory, segments[i].address, segments[i].length);
		if ((segments[i].address & GUEST_ADDRESS_GRANT) != kind)
			err = -EXDEV;
	}
	if (err)
		return err;
	err = kind ? lend_grants(memory, segments, count, loan)
		   : lend_plain(memory, segments, count, loan);
	if (err)
		memory_return(memory, loan);
	return err;
}

void memory_return(const struct memory *memory, struct memory_loan *loan)
{
	unsigned i, count = loan->count;

	loan->count = 0;
	if (!count)
		return;
	if (loan->map) {
		grants_unmap(memory->grants, loan->map);
		return;
	}
	for (i = 0; i < count; i++)
		foreign_return(memory->foreign, loan->windows[i], loan->pieces[i].iov_base,
			       loan->writable ? loan->pieces[i].iov_len : 0);
}

static uint64_t first_page(const struct memory_area *area)
{
	return area->address >> GUEST_PAGE_SHIFT;
}

static uint64_t end_page(const struct memory_area *area)
{
	return first_page(area) + guest_pages(area->address, area->length);
}

/* Makes @area the pages of all areas that touch it or one that touches it. */
static void join(struct memory_area *area, const struct memory_area *areas, unsigned count)
{
	bool grown = true;
	unsigned i;

	while (grown) {
		uint64_t first = first_page(area), end = end_page(area);

		for (i = 0; i < count; i++) {
			if (first_page(&areas[i]) > end || end_page(&areas[i]) < first)
				continue;
			first = min_u64(first, first_page(&areas[i]));
			end = max_u64(end, end_page(&areas[i]));
			area->writable |= areas[i].writable;
		}
		grown = first != first_page(area) || end != end_page(area);
		area->address = first << GUEST_PAGE_SHIFT;
		area->length = (end - first) << GUEST_PAGE_SHIFT;
	}
}

static int map_grants(const struct memory *memory, const struct memory_area *area, uint64_t address,
		      struct memory_map *map)
{
	const struct segment segment = { .address = area->address,
					 .length = (uint32_t)area->length };
	int err = grants_map(memory->grants, &segment, 1, area->writable, &map->granted);

	if (err)
		return err;
	map->base = map->granted->base;
	map->pages = map->granted->pages;
	map->address = map->granted->base + (address - (area->address & ~(GUEST_PAGE_SIZE - 1ULL)));
	return 0;
}

static int map_plain(const struct memory *memory, const struct memory_area *area,
		     struct memory_map *map)
{
	unsigned pages = guest_pages(area->address, area->length);
	void *base;
	int err = foreign_map(memory->foreign, area->address, pages, area->writable, &base);

	if (err)
		return err;
	map->base = base;
	map->pages = pages;
	map->granted = NULL;
	map->address = (uint8_t *)base + (area->address & (GUEST_PAGE_SIZE - 1));
	return 0;
}

/* The cache of grants gives joined areas the same mapping. Where they cannot be
 * mapped together, some read-only for one, each is mapped for itself. */
static int map_area(const struct memory *memory, const struct memory_area *areas, unsigned count,
		    const struct memory_area *area, struct memory_map *map)
{
	struct memory_area joined = *area;
	int err = check(memory, area->address, area->length);

	if (err)
		return err;
	if (!(area->address & GUEST_ADDRESS_GRANT))
		return map_plain(memory, area, map);
	join(&joined, areas, count);
	err = check(memory, joined.address, joined.length);
	if (!err)
		err = map_grants(memory, &joined, area->address, map);
	return err ? map_grants(memory, area, area->address, map) : 0;
}

int memory_map(const struct memory *memory, const struct memory_area *areas, unsigned count,
	       struct memory_map *maps)
{
	unsigned i;
	int err;

	for (i = 0; i < count; i++) {
		err = map_area(memory, areas, count, &areas[i], &maps[i]);
		if (err) {
			memory_unmap(memory, maps, i);
			return err;
		}
	}
	return 0;
}

void memory_unmap(const struct memory *memory, struct memory_map *maps, unsigned count)
{
	struct memory_map *map;

	for (map = maps; map < maps + count; map++) {
		if (!map->address)
			continue;
		if (map->granted)
			grants_unmap(memory->grants, map->granted);
		else
			foreign_unmap(memory->foreign, map->base, map->pages);
		map->address = NULL;
	}
}

void memory_wrote(const struct memory *memory, uint64_t address, size_t length)
{
	if (!(address & GUEST_ADDRESS_GRANT))
		foreign_wrote(memory->foreign, address, length);
}

void memory_report(const struct memory *memory)
{
	foreign_report(memory->foreign);
}
