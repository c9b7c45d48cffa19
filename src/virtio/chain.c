/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chain.c: see chain.h. */
#include "virtio/chain.h"

static __attribute__((noinline)) void copy_pieces(const struct memory *memory,
						  struct chain_cursor at, bool writable,
						  uint32_t length, uint8_t *local, int *err)
{
	while (length) {
		struct segment piece = chain_next(&at, length);

		memory_copy(memory, piece.address, local, piece.length, writable, err);
		local += piece.length;
		length -= piece.length;
	}
}

/* Most of what is asked for lies in one segment. */
void chain_copy(const struct memory *memory, const struct chain *chain, bool writable,
		uint32_t offset, uint32_t length, void *local, int *err)
{
	struct chain_cursor at = chain_at(chain, writable, offset);

	if (length <= at.segment->length - at.offset)
		memory_copy(memory, at.segment->address + at.offset, local, length, writable, err);
	else
		copy_pieces(memory, at, writable, length, local, err);
}
