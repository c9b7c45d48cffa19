/* SPDX-License-Identifier: GPL-2.0-or-later */
/* null.c: a store without storage, which measures everything else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "devices/blk/store.h"

static void submit(struct blk_store *store, struct loop *loop, struct blk_io *io)
{
	(void)store;
	if (io->op == BLK_READ)
		memset(io->pieces->iov_base, 0, io->length);
	blk_io_answer(io, loop, 0);
}

static void close_store(struct blk_store *store)
{
	free(store);
}

static const struct blk_store_ops ops = { .submit = submit, .close = close_store };

int null_store_open(uint64_t size, bool readonly, struct blk_store **result)
{
	struct blk_store *store = calloc(1, sizeof(*store));

	if (!store)
		return -ENOMEM;
	*store = (struct blk_store){
		.ops = &ops, .size = size, .geometry = BLK_GEOMETRY_PLAIN, .readonly = readonly
	};
	*result = store;
	return 0;
}
