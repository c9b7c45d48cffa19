/* SPDX-License-Identifier: GPL-2.0-or-later */
/* foreign.c: a small cache of windows into guest-physical memory.
 *
 * Theory of operation: a window is WINDOW_PAGES aligned frames, in the slot
 * that its number falls on. A window remembers the epoch in which it was
 * mapped. An invalidation only advances the epoch, so it can be done by the
 * thread that answers Xen, and before it answers; the owner maps a window
 * anew when it meets one of an older epoch. Frames that could not be mapped
 * are bits in the window's hole map: touching them would be SIGBUS. */
#include "memory/foreign.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xenforeignmemory.h>

#include "base/log.h"
#include "base/util.h"
#include "memory/quiet.h"

#define WINDOW_PAGES  512U
#define WINDOW_BYTES  ((uint64_t)WINDOW_PAGES << GUEST_PAGE_SHIFT)
#define WINDOWS       4096U /* 8 GiB before two share a slot */
#define ADDRESS_LIMIT (1ULL << 52)

struct window {
	uint8_t *base; /* NULL: not mapped */
	uint64_t number;
	uint64_t epoch;
	uint64_t holes[WINDOW_PAGES / 64];
};

struct foreign {
	xenforeignmemory_handle *handle;
	uint32_t domid;
	atomic_uint_least64_t epoch;
	struct window windows[WINDOWS];
};

int foreign_open(uint32_t domid, struct foreign **result)
{
	struct foreign *foreign = calloc(1, sizeof(*foreign));

	if (!foreign)
		return -ENOMEM;
	foreign->domid = domid;
	foreign->handle = xenforeignmemory_open(quiet_logger(), 0);
	if (!foreign->handle) {
		int err = -errno;

		log_error("cannot open Xen's foreign memory interface: %m");
		free(foreign);
		return err;
	}
	*result = foreign;
	return 0;
}

static void drop_window(struct foreign *foreign, struct window *window)
{
	if (!window->base)
		return;
	xenforeignmemory_unmap(foreign->handle, window->base, WINDOW_PAGES);
	window->base = NULL;
}

void foreign_close(struct foreign *foreign)
{
	unsigned i;

	if (!foreign)
		return;
	for (i = 0; i < WINDOWS; i++)
		drop_window(foreign, &foreign->windows[i]);
	xenforeignmemory_close(foreign->handle);
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
		if (foreign->windows[i].epoch != epoch)
			drop_window(foreign, &foreign->windows[i]);
}

static int map_window(struct foreign *foreign, struct window *window, uint64_t number)
{
	uint64_t epoch = atomic_load(&foreign->epoch);
	xen_pfn_t frames[WINDOW_PAGES];
	int errors[WINDOW_PAGES];
	unsigned i;

	drop_window(foreign, window);
	for (i = 0; i < WINDOW_PAGES; i++)
		frames[i] = number * WINDOW_PAGES + i;
	window->base = xenforeignmemory_map(foreign->handle, foreign->domid, PROT_READ | PROT_WRITE,
					    WINDOW_PAGES, frames, errors);
	if (!window->base)
		return -errno;
	memset(window->holes, 0, sizeof(window->holes));
	for (i = 0; i < WINDOW_PAGES; i++)
		if (errors[i])
			window->holes[i / 64] |= BIT_ULL(i % 64);
	window->number = number;
	window->epoch = epoch;
	return 0;
}

static int find_window(struct foreign *foreign, uint64_t number, struct window **result)
{
	struct window *window = &foreign->windows[number % WINDOWS];

	*result = window;
	if (window->base && window->number == number &&
	    window->epoch == atomic_load(&foreign->epoch))
		return 0;
	return map_window(foreign, window, number);
}

static bool has_hole(const struct window *window, unsigned first, unsigned last)
{
	unsigned i;

	for (i = first; i <= last; i++)
		if (window->holes[i / 64] & BIT_ULL(i % 64))
			return true;
	return false;
}

/* The part of a copy that lies in one window. */
static int copy_in_window(struct foreign *foreign, uint64_t address, void *local, size_t length,
			  bool to_guest)
{
	uint64_t offset = address % WINDOW_BYTES, number = address / WINDOW_BYTES;
	unsigned first = (unsigned)(offset >> GUEST_PAGE_SHIFT);
	unsigned last = (unsigned)((offset + length - 1) >> GUEST_PAGE_SHIFT);
	struct window *window;
	int err = find_window(foreign, number, &window);

	/* Xen does not say when a page comes back, so holes are looked at anew. */
	if (!err && has_hole(window, first, last))
		err = map_window(foreign, window, number);
	if (err)
		return err;
	if (has_hole(window, first, last))
		return -EFAULT;
	if (to_guest)
		memcpy(window->base + offset, local, length);
	else
		memcpy(local, window->base + offset, length);
	return 0;
}

static bool address_valid(uint64_t address, size_t length)
{
	return address < ADDRESS_LIMIT && length <= ADDRESS_LIMIT - address;
}

int foreign_copy(struct foreign *foreign, uint64_t address, void *local, size_t length,
		 bool to_guest)
{
	uint8_t *at = local;

	if (!address_valid(address, length))
		return -EFAULT;
	while (length) {
		size_t piece = min_u64(length, WINDOW_BYTES - address % WINDOW_BYTES);
		int err = copy_in_window(foreign, address, at, piece, to_guest);

		if (err)
			return err;
		address += piece;
		at += piece;
		length -= piece;
	}
	return 0;
}

int foreign_map(struct foreign *foreign, uint64_t address, unsigned pages, bool writable,
		void **base)
{
	xen_pfn_t *frames;
	unsigned i;

	if (!address_valid(address, (size_t)pages << GUEST_PAGE_SHIFT))
		return -EFAULT;
	frames = malloc(pages * sizeof(*frames));
	if (!frames)
		return -ENOMEM;
	for (i = 0; i < pages; i++)
		frames[i] = (address >> GUEST_PAGE_SHIFT) + i;
	*base = xenforeignmemory_map(foreign->handle, foreign->domid,
				     writable ? PROT_READ | PROT_WRITE : PROT_READ, pages, frames,
				     NULL);
	free(frames);
	return *base ? 0 : -EFAULT;
}

void foreign_unmap(struct foreign *foreign, void *base, unsigned pages)
{
	if (xenforeignmemory_unmap(foreign->handle, base, pages))
		log_error("cannot unmap %u foreign pages: %m", pages);
}
