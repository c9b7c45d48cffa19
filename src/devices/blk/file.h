/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.h: what the files of the store in a file or a block device share. */
#pragma once
#include "devices/blk/store.h"

struct file_store {
	struct blk_store store;
	int fd;     /* through the page cache */
	int direct; /* the same file past the page cache, or -1; both hold the lock */
	/* What direct transfers are multiples of, and where their memory may begin. */
	uint32_t align, memory_align;
	uint32_t zeroes; /* what ranges of zeroes are multiples of */
	bool device, discards;
	atomic_bool no_command; /* the kernel has none for discards */
};

/* file-geometry.c. What the store's operations are to be made of; @block as in struct
 * file_options. 0 or -errno. */
int file_find_geometry(struct file_store *file, uint32_t block);

/* The same of those past the page cache; -EINVAL: there are none. */
int file_find_alignment(struct file_store *file);

/* file-io.c: submit() of struct blk_store_ops. */
void file_submit(struct blk_store *store, struct loop *loop, struct blk_io *io);
