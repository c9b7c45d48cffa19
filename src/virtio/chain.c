/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chain.c: see chain.h. */
#include "virtio/chain.h"

void chain_copy_pieces(const struct memory *memory, struct chain_cursor at, bool writable,
		       uint32_t length, uint8_t *local, int *err)
{
	while (length) {
		struct segment piece = chain_next(&at, length);

		memory_copy(memory, piece.address, local, piece.length, writable, err);
		local += piece.length;
		length -= piece.length;
	}
}
