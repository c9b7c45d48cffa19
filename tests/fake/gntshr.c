/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gntshr.c: pages that a process shares by Linux's gntalloc. The one domain that
 * the daemon shares with is its own. libxengntshr maps 4 KiB for each, which is too
 * little where the kernel's pages are larger.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <xengnttab.h>

#include "world.h"

#define FIRST_REF  0x1000000u /* no guest has these */
#define MAX_SHARES 64

struct share {
	uint8_t *base; /* NULL: not used */
	uint32_t pages;
	uint32_t domid;
};

/* By share, OWN_STEP references each. */
#define OWN_STEP 4096u
static struct share shares[MAX_SHARES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

xengntshr_handle *xengntshr_open(struct xentoollog_logger *logger, unsigned int open_flags)
{
	(void)logger, (void)open_flags;
	if (!world_call(FAKE_SHARE_OPEN, 1, 0))
		return NULL;
	return malloc(1);
}

int xengntshr_close(xengntshr_handle *xgs)
{
	free(xgs);
	return 0;
}

static struct share *unused_share(void)
{
	struct share *share = shares;

	while (share->base)
		if (++share == shares + MAX_SHARES)
			abort();
	return share;
}

void *xengntshr_share_pages(xengntshr_handle *xgs, uint32_t domid, int count, uint32_t *refs,
			    int writable)
{
	struct share *share;
	uint32_t i;

	(void)xgs;
	if (!world_call(FAKE_SHARE_PAGES, 2, 0))
		return NULL;
	if (world->page_size != FAKE_PAGE)
		fake_violation("xengntshr_share_pages() on a kernel with pages of %u bytes",
			       world->page_size);
	if (!writable || count <= 0 || (uint32_t)count > OWN_STEP)
		abort();
	pthread_mutex_lock(&lock);
	share = unused_share();
	share->pages = (uint32_t)count;
	share->domid = domid;
	share->base = mmap(NULL, share->pages * (size_t)FAKE_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < share->pages; i++)
		refs[i] = FIRST_REF + (uint32_t)(share - shares) * OWN_STEP + i;
	pthread_mutex_unlock(&lock);
	return share->base;
}

int xengntshr_unshare(xengntshr_handle *xgs, void *start_address, uint32_t count)
{
	struct share *share;

	(void)xgs;
	pthread_mutex_lock(&lock);
	for (share = shares; share < shares + MAX_SHARES; share++) {
		if (share->base != start_address || share->pages != count)
			continue;
		munmap(share->base, share->pages * (size_t)FAKE_PAGE);
		share->base = NULL;
		break;
	}
	pthread_mutex_unlock(&lock);
	if (share == shares + MAX_SHARES)
		fake_violation("xengntshr_unshare() of what is not shared");
	return 0;
}

/* The page behind a reference of ours, if it was granted to @domid; or NULL. */
uint8_t *shared_page(uint32_t ref, uint32_t domid)
{
	const struct share *share = &shares[(ref - FIRST_REF) / OWN_STEP % MAX_SHARES];
	uint32_t page = (ref - FIRST_REF) % OWN_STEP;

	if (ref < FIRST_REF || !share->base || page >= share->pages || share->domid != domid)
		return NULL;
	return share->base + page * (size_t)FAKE_PAGE;
}
