/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mem.c: the guest's page allocator and its DMA layer: Linux's grant-dma-ops,
 * or plain guest-physical addresses.
 */
#include "guest.h"

#include <stdlib.h>
#include <string.h>

#define GRANT_DMA       (1ull << 63)
#define RESERVED_GRANTS 8
#define FIRST_PAGE      256 /* the first MiB is firmware's */

static uint8_t page_used[1u << 16];
static uint8_t ref_used[FAKE_NR_GRANTS];
static const struct gdma *ref_dma[FAKE_NR_GRANTS]; /* who has given it */
static uint32_t seed;

void guest_boot(enum fake_platform platform, unsigned int nr_vcpus, unsigned int ram_pages)
{
	fake_start(platform, nr_vcpus, ram_pages);
	memset(page_used, 0, sizeof(page_used));
	memset(ref_used, 0, sizeof(ref_used));
	memset(ref_used, 1, RESERVED_GRANTS);
	seed = 1;
}

uint32_t guest_random(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return below ? seed % below : 0;
}

/* First fit of nr free entries in a row; marks them used. Returns 0 if there are none. */
static uint32_t take_run(uint8_t *used, uint32_t from, uint32_t to, unsigned int nr)
{
	uint32_t first = from, i;

	for (i = from; i < to; i++) {
		if (used[i])
			first = i + 1;
		else if (i - first + 1 == nr)
			return memset(used + first, 1, nr) ? first : 0;
	}
	return 0;
}

uint64_t gpage_alloc(unsigned int nr)
{
	uint32_t all = (uint32_t)(fake_ram_size() / FAKE_PAGE);
	uint32_t pfn = take_run(page_used, FIRST_PAGE, all, nr);

	if (!pfn)
		abort();
	memset(fake_ram((uint64_t)pfn * FAKE_PAGE), 0, (size_t)nr * FAKE_PAGE);
	return (uint64_t)pfn * FAKE_PAGE;
}

void gpage_free(uint64_t gpa, unsigned int nr)
{
	memset(page_used + gpa / FAKE_PAGE, 0, nr);
}

/* ---- grants ---------------------------------------------------------------- */

static unsigned int pages_of(uint64_t addr, uint32_t len)
{
	return (unsigned int)((addr % FAKE_PAGE + len + FAKE_PAGE - 1) / FAKE_PAGE);
}

uint32_t gdma_ref(uint64_t addr)
{
	return (uint32_t)((addr & ~GRANT_DMA) >> 12);
}

/* base is where the pool begins, in the same kind of address. */
static bool in_pool(const struct gdma *dma, uint64_t addr, uint64_t base)
{
	return addr >= base && addr - base < (uint64_t)dma->pool_pages * FAKE_PAGE;
}

uint64_t gdma_map(struct gdma *dma, uint64_t gpa, uint32_t len, enum gdma_dir dir)
{
	unsigned int i, nr = pages_of(gpa, len);
	uint32_t ref;

	if (dma->kind == GDMA_PLAIN)
		return gpa;
	if (in_pool(dma, gpa, dma->pool))
		return gpa - dma->pool + dma->pool_addr;
	ref = dma->broken ? 0 : take_run(ref_used, RESERVED_GRANTS, FAKE_NR_GRANTS, nr);
	if (!ref)
		return GDMA_ERROR;
	for (i = 0; i < nr; i++) {
		fake_grant(ref + i, gpa / FAKE_PAGE + i, dir == GDMA_TO_DEVICE);
		ref_dma[ref + i] = dma;
	}
	dma->grants += nr;
	return GRANT_DMA | (uint64_t)ref << 12 | gpa % FAKE_PAGE;
}

/* A grant the backend still holds breaks the device for good; the rest leaks. */
void gdma_unmap(struct gdma *dma, uint64_t addr, uint32_t len)
{
	unsigned int i, nr = pages_of(addr, len);
	uint32_t ref = gdma_ref(addr);

	if (dma->kind == GDMA_PLAIN || dma->broken || in_pool(dma, addr, dma->pool_addr))
		return;
	for (i = 0; i < nr; i++) {
		if (!fake_grant_end(ref + i)) {
			fake_violation("grant %u still in use by backend domain", ref + i);
			dma->broken = true;
			return;
		}
		ref_used[ref + i] = 0;
		dma->grants--;
	}
}

void gdma_check_reset(const struct gdma *dma)
{
	bool others = false;
	uint32_t ref;

	for (ref = RESERVED_GRANTS; ref < FAKE_NR_GRANTS; ref++) {
		if (!ref_used[ref])
			continue;
		others |= ref_dma[ref] != dma;
		if (ref_dma[ref] == dma && fake_grant_mapped(ref))
			fake_violation("grant %u is still mapped after the reset", ref);
	}
	if (!others && fake_maps())
		fake_violation("%u grant maps are still open after the reset", fake_maps());
}

uint64_t gdma_alloc(struct gdma *dma, unsigned int pages, uint64_t *addr)
{
	uint64_t gpa = gpage_alloc(pages);

	*addr = gdma_map(dma, gpa, pages * FAKE_PAGE, GDMA_FROM_DEVICE);
	return gpa;
}

void gdma_free(struct gdma *dma, uint64_t gpa, unsigned int pages, uint64_t addr)
{
	gdma_unmap(dma, addr, pages * FAKE_PAGE);
	gpage_free(gpa, pages);
}

void gdma_own(struct gdma *dma, uint64_t addr, uint32_t len, unsigned int ring, uint16_t head)
{
	unsigned int i, nr = pages_of(addr, len);

	for (i = 0; i < nr && dma->kind == GDMA_GRANTS; i++)
		fake_grant_owner(gdma_ref(addr) + i, ring, head);
}

void gdma_disown(struct gdma *dma, uint64_t addr, uint32_t len, unsigned int ring, uint16_t head)
{
	unsigned int i, nr = pages_of(addr, len);

	if (dma->kind == GDMA_PLAIN || !in_pool(dma, addr, dma->pool_addr))
		return;
	for (i = 0; i < nr; i++)
		fake_grant_disown(gdma_ref(addr) + i, ring, head);
}

uint64_t gdma_pool_alloc(struct gdma *dma, unsigned int pages)
{
	dma->pool = gdma_alloc(dma, pages, &dma->pool_addr);
	dma->pool_pages = pages;
	return dma->pool;
}

void gdma_pool_free(struct gdma *dma)
{
	unsigned int pages = dma->pool_pages;

	dma->pool_pages = 0;
	gdma_free(dma, dma->pool, pages, dma->pool_addr);
}
