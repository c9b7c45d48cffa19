/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bounce.c: the pool as a bitmap of free pages, lowest first, so that light
 * load stays in the same few pages and in the caches. A run lies in one word. */
#include "memory/bounce.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/util.h"
#include "memory/address.h"

#define WORD_PAGES 64U

_Static_assert(BOUNCE_RUN_MAX == WORD_PAGES * GUEST_PAGE_SIZE, "a run is at most a word");

struct bounce {
	uint8_t *special, *ordinary;
	unsigned nspecial; /* pages, whole words */
	unsigned words, pages;
	unsigned shares, waiting;
	unsigned left;             /* free pages */
	unsigned kept;             /* pages for each share */
	unsigned owed;             /* of those, all that are not taken yet */
	struct bounce_share *turn; /* whose it is; NULL: there are no shares */
	uint64_t free[];
};

struct bounce *bounce_new(size_t length, void *special, unsigned pages)
{
	unsigned i, words = (unsigned)((length + BOUNCE_RUN_MAX - 1) / BOUNCE_RUN_MAX);
	struct bounce *bounce = calloc(1, sizeof(*bounce) + words * sizeof(bounce->free[0]));
	void *ordinary;
	size_t size;

	if (!bounce)
		return NULL;
	bounce->words = words;
	bounce->pages = bounce->left = words * WORD_PAGES;
	bounce->special = special;
	bounce->nspecial = (unsigned)min_u64(pages, bounce->pages) / WORD_PAGES * WORD_PAGES;
	bounce_ordinary(bounce, &ordinary, &size);
	ordinary = mmap(NULL, max_u64(size, 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	if (ordinary == MAP_FAILED) {
		free(bounce);
		return NULL;
	}
	bounce->ordinary = ordinary;
	for (i = 0; i < words; i++)
		bounce->free[i] = UINT64_MAX;
	return bounce;
}

void bounce_free(struct bounce *bounce)
{
	size_t size;
	void *base;

	if (!bounce)
		return;
	bounce_ordinary(bounce, &base, &size);
	munmap(base, max_u64(size, 1));
	free(bounce);
}

void bounce_ordinary(const struct bounce *bounce, void **base, size_t *length)
{
	*base = bounce->ordinary;
	*length = (size_t)(bounce->words * WORD_PAGES - bounce->nspecial) * GUEST_PAGE_SIZE;
}

static void *page_address(const struct bounce *bounce, unsigned page)
{
	if (page < bounce->nspecial)
		return bounce->special + (size_t)page * GUEST_PAGE_SIZE;
	return bounce->ordinary + (size_t)(page - bounce->nspecial) * GUEST_PAGE_SIZE;
}

static unsigned page_number(const struct bounce *bounce, const void *address)
{
	size_t page = ((uintptr_t)address - (uintptr_t)bounce->special) / GUEST_PAGE_SIZE;

	if (page < bounce->nspecial)
		return (unsigned)page;
	page = ((uintptr_t)address - (uintptr_t)bounce->ordinary) / GUEST_PAGE_SIZE;
	return bounce->nspecial + (unsigned)page;
}

/* What is kept for a share and not yet taken. */
static unsigned kept_for(const struct bounce *bounce, const struct bounce_share *share)
{
	return share->held < bounce->kept ? bounce->kept - share->held : 0;
}

static void divide(struct bounce *bounce)
{
	struct bounce_share *share = bounce->turn;
	unsigned i;

	bounce->kept = bounce->shares ? bounce->pages / 2 / bounce->shares : 0;
	bounce->owed = 0;
	for (i = 0; share && i < bounce->shares; i++, share = share->next)
		bounce->owed += kept_for(bounce, share);
}

void bounce_join(struct bounce *bounce, struct bounce_share *share)
{
	*share = (struct bounce_share){ .waiting_tail = &share->waiting, .next = share };
	if (bounce->turn) {
		share->next = bounce->turn->next;
		bounce->turn->next = share;
	}
	bounce->turn = share;
	bounce->shares++;
	divide(bounce);
}

void bounce_leave(struct bounce *bounce, struct bounce_share *share)
{
	struct bounce_share *before = share;

	while (before->next != share)
		before = before->next;
	before->next = share->next;
	bounce->turn = before == share ? NULL : before;
	bounce->shares--;
	divide(bounce);
}

/* All that is free but what is kept for others. */
static unsigned allowed(const struct bounce *bounce, const struct bounce_share *share)
{
	unsigned others = bounce->owed - kept_for(bounce, share);

	return bounce->left > others ? bounce->left - others : 0;
}

/* The lowest of @pages free pages in a row, or -1. */
static int find_run(uint64_t free, unsigned pages)
{
	unsigned have, step;

	for (have = 1; have < pages && free; have += step) {
		step = (unsigned)min_u64(have, pages - have);
		free &= free >> step;
	}
	return free ? __builtin_ctzll(free) : -1;
}

static uint64_t run_mask(unsigned first, unsigned pages)
{
	return (UINT64_MAX >> (WORD_PAGES - pages)) << first;
}

static void *take_run(struct bounce *bounce, unsigned pages)
{
	unsigned word;
	int first;

	for (word = 0; word < bounce->words; word++) {
		first = find_run(bounce->free[word], pages);
		if (first < 0)
			continue;
		bounce->free[word] &= ~run_mask((unsigned)first, pages);
		return page_address(bounce, word * WORD_PAGES + (unsigned)first);
	}
	return NULL;
}

static void account(struct bounce *bounce, struct bounce_share *share, unsigned held)
{
	unsigned before = kept_for(bounce, share);

	bounce->left += share->held - held;
	share->held = held;
	bounce->owed += kept_for(bounce, share) - before;
}

struct bounce_buffer bounce_get(struct bounce *bounce, struct bounce_share *share, uint32_t length)
{
	uint32_t wanted = (uint32_t)min_u64(length, BOUNCE_RUN_MAX);
	unsigned pages = (wanted + GUEST_PAGE_SIZE - 1) / GUEST_PAGE_SIZE;
	struct bounce_buffer buffer = { .base = NULL };

	pages = (unsigned)min_u64(pages, allowed(bounce, share));
	for (; pages && !buffer.base; pages /= 2) {
		buffer.base = take_run(bounce, pages);
		if (!buffer.base)
			continue;
		buffer.length = pages * GUEST_PAGE_SIZE;
		account(bounce, share, share->held + pages);
	}
	return buffer;
}

void bounce_wait(struct bounce *bounce, struct bounce_share *share, struct bounce_wait *wait)
{
	bounce->waiting++;
	wait->next = NULL;
	*share->waiting_tail = wait;
	share->waiting_tail = &wait->next;
}

static bool serve(struct bounce *bounce, struct bounce_share *share)
{
	struct bounce_wait *first = share->waiting;
	struct bounce_buffer buffer;

	if (!first)
		return false;
	buffer = bounce_get(bounce, share, first->length);
	if (!buffer.base)
		return false;
	bounce->waiting--;
	share->waiting = first->next;
	if (!share->waiting)
		share->waiting_tail = &share->waiting;
	first->ready(first, buffer);
	return true;
}

/* One each, until nobody can be served. */
static void serve_all(struct bounce *bounce)
{
	unsigned refused = 0;

	while (bounce->waiting && refused < bounce->shares) {
		bounce->turn = bounce->turn->next;
		refused = serve(bounce, bounce->turn) ? 0 : refused + 1;
	}
}

void bounce_put(struct bounce *bounce, struct bounce_share *share, struct bounce_buffer buffer)
{
	unsigned page = page_number(bounce, buffer.base);
	unsigned pages = buffer.length / GUEST_PAGE_SIZE;

	bounce->free[page / WORD_PAGES] |= run_mask(page % WORD_PAGES, pages);
	account(bounce, share, share->held - pages);
	serve_all(bounce);
}

unsigned bounce_used(const struct bounce *bounce)
{
	return bounce->pages - bounce->left;
}
