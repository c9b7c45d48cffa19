/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory.c: tells the kinds of address apart and keeps to the policy. */
#include "memory/memory.h"

#include <errno.h>

#include "memory/foreign.h"
#include "memory/grants.h"

const char *const memory_policy_names[] = { "auto", "grants", "foreign", NULL };

static int check(const struct memory *memory, uint64_t address, size_t length)
{
	if (!(address & GUEST_ADDRESS_GRANT))
		return memory->policy == MEMORY_GRANTS ? -EPERM : 0;
	if (memory->policy == MEMORY_FOREIGN)
		return -EPERM;
	return grants_valid(address, length) ? 0 : -EFAULT;
}

void memory_copy(const struct memory *memory, struct memory_copy *copies, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		struct memory_copy *copy = &copies[i];

		copy->err = check(memory, copy->address, copy->length);
		if (copy->err)
			continue;
		if (copy->address & GUEST_ADDRESS_GRANT)
			grants_copy(memory->grants, copy);
		else
			copy->err = foreign_copy(memory->foreign, copy->address, copy->local,
						 copy->length, copy->to_guest);
	}
	grants_flush(memory->grants);
}

int memory_map(const struct memory *memory, uint64_t address, size_t length, bool writable,
	       struct memory_map *map)
{
	unsigned pages = guest_pages(address, length);
	int err = check(memory, address, length);
	void *base;

	if (err)
		return err;
	map->granted = address & GUEST_ADDRESS_GRANT;
	if (map->granted)
		err = grants_map(memory->grants, address, pages, writable, &base);
	else
		err = foreign_map(memory->foreign, address, pages, writable, &base);
	if (err)
		return err;
	map->base = base;
	map->pages = pages;
	map->address = (uint8_t *)base + (address & (GUEST_PAGE_SIZE - 1));
	return 0;
}

void memory_unmap(const struct memory *memory, struct memory_map *map)
{
	if (!map->address)
		return;
	if (map->granted)
		grants_unmap(memory->grants, map->base, map->pages);
	else
		foreign_unmap(memory->foreign, map->base, map->pages);
	map->address = NULL;
}
