/* SPDX-License-Identifier: GPL-2.0-or-later */
/* map.c: mappings for a queue's life. */
#include <errno.h>

#include "base/log.h"
#include "base/util.h"
#include "memory/foreign.h"
#include "memory/grants.h"
#include "memory/internal.h"
#include "memory/memory.h"

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

/* An area has no gaps; between the pages of a mapping there may be some. */
static int check_gaps(const struct memory *memory, const struct memory_area *area)
{
	size_t stride = grants_stride(memory->grants);

	if (stride == GUEST_PAGE_SIZE || guest_pages(area->address, area->length) == 1)
		return 0;
	log_guest("%zu bytes across grants cannot be mapped in one piece: this kernel has pages "
		  "of %zu KiB; one with pages of 4 KiB could",
		  area->length, stride >> 10);
	return -EOPNOTSUPP;
}

static int map_grants(const struct memory *memory, const struct memory_area *area, uint64_t address,
		      struct memory_map *map)
{
	const struct segment segment = { .address = area->address,
					 .length = (uint32_t)area->length };
	size_t page = (address >> GUEST_PAGE_SHIFT) - first_page(area);
	int err = grants_map(memory->grants, &segment, 1, area->writable, &map->granted);

	if (err)
		return err;
	map->base = map->granted->base;
	map->pages = map->granted->pages;
	map->address = map->granted->base + page * grants_stride(memory->grants) +
		       (address & (GUEST_PAGE_SIZE - 1));
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
	int err = memory_check(memory, area->address, area->length);

	if (err)
		return err;
	if (!(area->address & GUEST_ADDRESS_GRANT))
		return map_plain(memory, area, map);
	err = check_gaps(memory, area);
	if (err)
		return err;
	join(&joined, areas, count);
	err = memory_check(memory, joined.address, joined.length);
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
