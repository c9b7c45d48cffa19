/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lend.c: guest memory in place of a buffer: windows as they are, grants mapped. */
#include <errno.h>

#include "base/util.h"
#include "memory/foreign.h"
#include "memory/grants.h"
#include "memory/internal.h"
#include "memory/memory.h"

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
	if (loan->count == MEMORY_LOAN_PIECES) {
		foreign_return(memory->foreign, window, at, 0);
		return -E2BIG;
	}
	loan->pieces[loan->count] = (struct iovec){ .iov_base = at, .iov_len = *length };
	loan->windows[loan->count++] = window;
	return 0;
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

/* Where there are gaps between the pages each of them is a piece. */
static bool pieces_suffice(const struct segment *segments, unsigned count, size_t stride)
{
	unsigned i, pages = 0;

	if (stride == GUEST_PAGE_SIZE)
		return true;
	for (i = 0; i < count; i++)
		pages += guest_pages(segments[i].address, segments[i].length);
	return pages <= MEMORY_LOAN_PIECES;
}

/* @page is where the segment's first page is mapped. Returns where the next one's is. */
static uint8_t *lend_segment(struct memory_loan *loan, const struct segment *segment, uint8_t *page,
			     size_t stride)
{
	size_t offset = segment->address & (GUEST_PAGE_SIZE - 1), left = segment->length, here;

	for (; left; left -= here, offset = 0) {
		here = stride == GUEST_PAGE_SIZE ? left : min_u64(left, GUEST_PAGE_SIZE - offset);
		loan->pieces[loan->count++] =
			(struct iovec){ .iov_base = page + offset, .iov_len = here };
		page += guest_pages(offset, here) * stride;
	}
	return page;
}

static int lend_grants(const struct memory *memory, const struct segment *segments, unsigned count,
		       struct memory_loan *loan)
{
	size_t stride = grants_stride(memory->grants);
	uint8_t *page;
	unsigned i;
	int err;

	if (!pieces_suffice(segments, count, stride))
		return -E2BIG;
	err = grants_map(memory->grants, segments, count, loan->writable, &loan->map);
	if (err)
		return err;
	page = loan->map->base;
	for (i = 0; i < count; i++)
		page = lend_segment(loan, &segments[i], page, stride);
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
		err = memory_check(memory, segments[i].address, segments[i].length);
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

void memory_cut(struct memory_loan *loan, size_t length)
{
	unsigned i;

	for (i = 0; i < loan->count; i++) {
		loan->pieces[i].iov_len = min_u64(loan->pieces[i].iov_len, length);
		length -= loan->pieces[i].iov_len;
	}
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
