/* SPDX-License-Identifier: GPL-2.0-or-later */
/* foreign.c: a cache of windows into guest-physical memory.
 *
 * Theory of operation: a window is a run of aligned frames, found by the slot
 * that its number falls on. A window remembers the epoch in which it was
 * mapped. An invalidation only advances the epoch, so it can be done by the
 * thread that answers Xen, and before it answers; the owner maps a window
 * anew when it meets one of an older epoch. A window that is lent loses its
 * slot then, but stays mapped until the last user returns it. Frames that could
 * not be mapped are bits in the window's hole map: touching them would be
 * SIGBUS. */
#include "memory/foreign.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xenforeignmemory.h>

#include "base/log.h"
#include "base/stats.h"
#include "base/util.h"
#include "memory/dirty.h"
#include "memory/quiet.h"

#define WINDOWS          4096U /* 8 GiB at 2 MiB each */
#define WINDOW_PAGES_MAX (FOREIGN_WINDOW_MAX >> GUEST_PAGE_SHIFT)
#define ADDRESS_LIMIT    (1ULL << 52)

struct window {
	uint8_t *base;
	uint64_t number;
	uint64_t epoch;
	unsigned users;
	bool cached; /* in its slot */
	bool holey;
	struct window *next;
	uint64_t *holes;
};

struct foreign {
	xenforeignmemory_handle *handle;
	struct dirty *dirty; /* NULL: writes are not reported */
	uint32_t domid;
	unsigned window_shift;
	uint32_t window_bytes, window_pages;
	atomic_uint_least64_t epoch;
	struct window *slots[WINDOWS], *unused;
	unsigned hand; /* next slot to evict from */
	struct window windows[WINDOWS];
	xen_pfn_t frames[WINDOW_PAGES_MAX];
	int errors[WINDOW_PAGES_MAX];
	counter_t maps;
};

static void put_unused(struct foreign *foreign, struct window *window)
{
	window->next = foreign->unused;
	foreign->unused = window;
}

/* The hole maps are touched only where windows have holes. */
static int init_windows(struct foreign *foreign)
{
	size_t words = (foreign->window_pages + 63) / 64;
	uint64_t *holes = calloc(WINDOWS, words * sizeof(*holes));
	unsigned i;

	if (!holes)
		return -ENOMEM;
	for (i = WINDOWS; i--;) {
		foreign->windows[i].holes = holes + i * words;
		put_unused(foreign, &foreign->windows[i]);
	}
	return 0;
}

static int open_handle(struct foreign *foreign)
{
	int err;

	foreign->handle = xenforeignmemory_open(quiet_logger(), 0);
	if (foreign->handle)
		return 0;
	err = -errno;
	log_error("cannot open Xen's foreign memory interface: %m");
	return err;
}

int foreign_open(uint32_t domid, const struct foreign_options *options, struct foreign **result)
{
	struct foreign *foreign = calloc(1, sizeof(*foreign));
	int err;

	if (!foreign)
		return -ENOMEM;
	foreign->domid = domid;
	foreign->window_bytes = options->window_bytes;
	foreign->window_pages = options->window_bytes >> GUEST_PAGE_SHIFT;
	foreign->window_shift = (unsigned)__builtin_ctz(options->window_bytes);
	err = init_windows(foreign);
	if (!err)
		err = open_handle(foreign);
	if (!err && options->report_writes)
		err = dirty_open(domid, &foreign->dirty);
	if (err) {
		foreign_close(foreign);
		return err;
	}
	*result = foreign;
	return 0;
}

static void unmap_window(struct foreign *foreign, struct window *window)
{
	xenforeignmemory_unmap(foreign->handle, window->base, foreign->window_pages);
	put_unused(foreign, window);
}

static void empty_slot(struct foreign *foreign, unsigned slot)
{
	struct window *window = foreign->slots[slot];

	if (!window)
		return;
	foreign->slots[slot] = NULL;
	window->cached = false;
	if (!window->users)
		unmap_window(foreign, window);
}

void foreign_close(struct foreign *foreign)
{
	unsigned i;

	if (!foreign)
		return;
	for (i = 0; i < WINDOWS; i++)
		empty_slot(foreign, i);
	if (foreign->handle)
		xenforeignmemory_close(foreign->handle);
	dirty_close(foreign->dirty);
	free(foreign->windows[0].holes);
	free(foreign);
}

void foreign_invalidate(struct foreign *foreign)
{
	atomic_fetch_add(&foreign->epoch, 1);
}

void foreign_trim(struct foreign *foreign)
{
	uint64_t epoch = atomic_load(&foreign->epoch);
	unsigned i;

	for (i = 0; i < WINDOWS; i++)
		if (foreign->slots[i] && foreign->slots[i]->epoch != epoch)
			empty_slot(foreign, i);
}

/* There are as many windows as slots, so when all are taken and some are lent
 * without a slot, others sit in theirs. NULL if every single one is lent. */
static struct window *unused_window(struct foreign *foreign)
{
	unsigned tries;

	for (tries = 0; !foreign->unused && tries < WINDOWS; tries++) {
		unsigned slot = foreign->hand++ % WINDOWS;

		if (foreign->slots[slot] && !foreign->slots[slot]->users)
			empty_slot(foreign, slot);
	}
	return foreign->unused;
}

static uint64_t offset_in_window(const struct foreign *foreign, uint64_t address)
{
	return address & (foreign->window_bytes - 1);
}

static bool has_hole(const struct window *window, unsigned first, unsigned last)
{
	unsigned i;

	for (i = first; i <= last; i++)
		if (window->holes[i / 64] & BIT_ULL(i % 64))
			return true;
	return false;
}

/* NULL with errno set. */
static struct window *map_window(struct foreign *foreign, uint64_t number)
{
	uint64_t epoch = atomic_load(&foreign->epoch);
	unsigned slot = number % WINDOWS, pages = foreign->window_pages, i;
	struct window *window;

	empty_slot(foreign, slot);
	window = unused_window(foreign);
	if (!window) {
		errno = ENOMEM;
		return NULL;
	}
	for (i = 0; i < pages; i++)
		foreign->frames[i] = number * pages + i;
	window->base = xenforeignmemory_map(foreign->handle, foreign->domid, PROT_READ | PROT_WRITE,
					    pages, foreign->frames, foreign->errors);
	if (!window->base)
		return NULL;
	counter_add(&foreign->maps, 1);
	foreign->unused = window->next;
	memset(window->holes, 0, (pages + 63) / 64 * sizeof(*window->holes));
	for (i = 0; i < pages; i++)
		if (foreign->errors[i])
			window->holes[i / 64] |= BIT_ULL(i % 64);
	window->holey = has_hole(window, 0, pages - 1);
	window->number = number;
	window->epoch = epoch;
	window->cached = true;
	foreign->slots[slot] = window;
	return window;
}

static bool touches_hole(const struct foreign *foreign, const struct window *window,
			 uint64_t address, size_t length)
{
	uint64_t offset = offset_in_window(foreign, address);

	return window->holey && has_hole(window, (unsigned)(offset >> GUEST_PAGE_SHIFT),
					 (unsigned)((offset + length - 1) >> GUEST_PAGE_SHIFT));
}

static bool pages_exist(struct foreign *foreign, uint64_t address, size_t length)
{
	unsigned pages = guest_pages(address, length);
	void *base;

	if (foreign_map(foreign, address, pages, false, &base)) {
		errno = EFAULT;
		return false;
	}
	foreign_unmap(foreign, base, pages);
	return true;
}

/* The window with this number, if it is mapped and may be used. */
static struct window *cached_window(const struct foreign *foreign, uint64_t number)
{
	struct window *window = foreign->slots[number % WINDOWS];

	if (window && window->number == number &&
	    window->epoch == atomic_load_explicit(&foreign->epoch, memory_order_acquire))
		return window;
	return NULL;
}

/* The window that has all of these bytes, which must not reach beyond one. NULL
 * with errno set. Before a window is mapped the pages are looked for alone: a guest
 * that asks for what is not there shall not cost a window. Xen does not say when a
 * page comes back, so holes are looked at anew. */
static struct window *reach_in_window(struct foreign *foreign, uint64_t address, size_t length)
{
	uint64_t number = address >> foreign->window_shift;
	struct window *window = cached_window(foreign, number);

	if (window && !touches_hole(foreign, window, address, length))
		return window;
	window = pages_exist(foreign, address, length) ? map_window(foreign, number) : NULL;
	if (!window || !touches_hole(foreign, window, address, length))
		return window;
	errno = EFAULT;
	return NULL;
}

static bool address_valid(uint64_t address, size_t length)
{
	return address < ADDRESS_LIMIT && length <= ADDRESS_LIMIT - address;
}

static size_t in_window(const struct foreign *foreign, uint64_t address, size_t length)
{
	return min_u64(length, foreign->window_bytes - offset_in_window(foreign, address));
}

void foreign_wrote(struct foreign *foreign, uint64_t address, size_t length)
{
	if (foreign->dirty)
		dirty_add(foreign->dirty, address, length);
}

static inline void copy_bytes(void *theirs, void *ours, size_t length, bool to_guest)
{
	if (to_guest)
		memcpy(theirs, ours, length);
	else
		memcpy(ours, theirs, length);
}

/* The part of a copy that lies in one window. */
static int copy_in_window(struct foreign *foreign, uint64_t address, void *local, size_t length,
			  bool to_guest)
{
	struct window *window = reach_in_window(foreign, address, length);

	if (!window)
		return -errno;
	copy_bytes(window->base + offset_in_window(foreign, address), local, length, to_guest);
	return 0;
}

/* Apart, so that the usual case below stays small. */
static __attribute__((noinline)) void copy_by_windows(struct foreign *foreign, uint64_t address,
						      void *local, size_t length, bool to_guest,
						      int *err)
{
	int failed = address_valid(address, length) ? 0 : -EFAULT;
	uint8_t *at = local;

	while (length && !failed) {
		size_t piece = in_window(foreign, address, length);

		failed = copy_in_window(foreign, address, at, piece, to_guest);
		if (to_guest && !failed)
			foreign_wrote(foreign, address, piece);
		address += piece;
		at += piece;
		length -= piece;
	}
	if (failed)
		*err = failed;
}

/* Most copies find one whole window. */
void foreign_copy(struct foreign *foreign, uint64_t address, void *local, size_t length,
		  bool to_guest, int *err)
{
	const struct window *window = cached_window(foreign, address >> foreign->window_shift);
	uint64_t offset = offset_in_window(foreign, address);

	if (window && !window->holey && length <= foreign->window_bytes - offset &&
	    !foreign->dirty) {
		copy_bytes(window->base + offset, local, length, to_guest);
		return;
	}
	copy_by_windows(foreign, address, local, length, to_guest, err);
}

int foreign_lend(struct foreign *foreign, uint64_t address, size_t *length, void **at,
		 struct window **window)
{
	if (!address_valid(address, *length))
		return -EFAULT;
	*length = in_window(foreign, address, *length);
	*window = reach_in_window(foreign, address, *length);
	if (!*window)
		return -errno;
	(*window)->users++;
	*at = (*window)->base + offset_in_window(foreign, address);
	return 0;
}

void foreign_return(struct foreign *foreign, struct window *window, const void *at, size_t wrote)
{
	uint64_t offset = (uint64_t)((const uint8_t *)at - window->base);

	if (wrote)
		foreign_wrote(foreign, (window->number << foreign->window_shift) + offset, wrote);
	if (!--window->users && !window->cached)
		unmap_window(foreign, window);
}

void foreign_report(struct foreign *foreign)
{
	if (foreign->dirty)
		dirty_report(foreign->dirty);
}

unsigned foreign_lent(const struct foreign *foreign)
{
	unsigned i, count = 0;

	for (i = 0; i < WINDOWS; i++)
		count += foreign->windows[i].users > 0;
	return count;
}

int foreign_map(struct foreign *foreign, uint64_t address, unsigned pages, bool writable,
		void **base)
{
	unsigned i;

	if (pages > WINDOW_PAGES_MAX || !address_valid(address, (size_t)pages << GUEST_PAGE_SHIFT))
		return -EFAULT;
	for (i = 0; i < pages; i++)
		foreign->frames[i] = (address >> GUEST_PAGE_SHIFT) + i;
	*base = xenforeignmemory_map(foreign->handle, foreign->domid,
				     writable ? PROT_READ | PROT_WRITE : PROT_READ, pages,
				     foreign->frames, NULL);
	if (!*base && errno == EACCES)
		log_guest(
			"domain %u: cannot map its memory: %m (by FLASK's policy, which may still "
			"let us use grants)",
			foreign->domid);
	counter_add(&foreign->maps, *base != NULL);
	return *base ? 0 : -EFAULT;
}

void foreign_unmap(struct foreign *foreign, void *base, unsigned pages)
{
	if (xenforeignmemory_unmap(foreign->handle, base, pages))
		log_error("cannot unmap %u foreign pages: %m", pages);
}

uint64_t foreign_maps(const struct foreign *foreign)
{
	return counter_read(&foreign->maps);
}
