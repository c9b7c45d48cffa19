/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chain.h: a descriptor chain, and its bytes. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "memory/memory.h"

/* A descriptor chain, checked: first nout readable segments, then nin writable
 * ones; none is empty. It stays valid until it is pushed. */
struct chain {
	uint16_t head;
	uint16_t nout, nin;
	uint32_t out_length, in_length;
	bool in_flight;
	struct segment *segments;
};

/* A place in the readable or writable bytes of a chain. */
struct chain_cursor {
	const struct segment *segment;
	uint32_t offset; /* in it */
};

static inline struct chain_cursor chain_at(const struct chain *chain, bool writable,
					   uint32_t offset)
{
	const struct segment *segment = chain->segments + (writable ? chain->nout : 0);

	while (offset && offset >= segment->length)
		offset -= (segment++)->length;
	return (struct chain_cursor){ .segment = segment, .offset = offset };
}

/* The next piece of up to @most bytes, as far as it lies in one segment. */
static inline struct segment chain_next(struct chain_cursor *at, uint32_t most)
{
	struct segment piece = { .address = at->segment->address + at->offset,
				 .length = at->segment->length - at->offset };

	if (piece.length > most) {
		piece.length = most;
		at->offset += most;
	} else {
		at->segment++;
		at->offset = 0;
	}
	return piece;
}

/* Copies what lies in several segments from or to @local, as memory_copy() does. */
void chain_copy_pieces(const struct memory *memory, struct chain_cursor at, bool writable,
		       uint32_t length, uint8_t *local, int *err);

/* The same for [@offset, @offset + @length) of the chain's readable or writable bytes.
 * There are so many, and most of what is asked for lies in one segment. */
static inline void chain_copy(const struct memory *space, const struct chain *chain, bool writable,
			      uint32_t offset, uint32_t length, void *local, int *err)
{
	struct chain_cursor at = chain_at(chain, writable, offset);

	if (length <= at.segment->length - at.offset)
		memory_copy(space, at.segment->address + at.offset, local, length, writable, err);
	else
		chain_copy_pieces(space, at, writable, length, local, err);
}
