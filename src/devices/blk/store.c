/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c: what stores have in common. */
#include "devices/blk/store.h"

#include "base/util.h"

void blk_io_end(struct loop_work *work)
{
	struct blk_io *io = container_of(work, struct blk_io, work);

	io->done(io, io->err);
}
