/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file-geometry.c: how a file or a block device is made, and what direct I/O asks for. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/util.h"
#include "devices/blk/blk.h"
#include "devices/blk/file.h"

#define FILE_BLOCK 4096U /* of most file systems; the rest tell how they like to transfer */

static bool is_power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

/* A number from /sys; a partition's queue is its disk's. 0 where there is none. */
static uint64_t queue_limit(dev_t device, const char *name)
{
	static const char *const places[] = { "queue", "../queue" };
	unsigned long long value = 0;
	char path[128];
	unsigned i;
	FILE *from;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s/%s", major(device),
			 minor(device), places[i], name);
		from = fopen(path, "re");
		if (!from)
			continue;
		if (fscanf(from, "%llu", &value) != 1)
			value = 0;
		fclose(from);
		break;
	}
	return value;
}

/* @block, unless it is told to be larger. */
static uint32_t in_blocks(uint32_t bytes, uint32_t block)
{
	return is_power_of_two(bytes) && bytes > block ? bytes : block;
}

static uint32_t find_best(uint32_t bytes, uint32_t block)
{
	return bytes % block ? 0 : bytes;
}

static int device_geometry(struct file_store *file, dev_t device, uint32_t block)
{
	struct blk_geometry *geometry = &file->store.geometry;
	unsigned physical = 0, smallest = 0, best = 0;
	uint32_t granularity = (uint32_t)queue_limit(device, "discard_granularity");
	int logical = 0, begin = 0;

	if (ioctl(file->fd, BLKSSZGET, &logical) || ioctl(file->fd, BLKPBSZGET, &physical) ||
	    ioctl(file->fd, BLKIOMIN, &smallest) || ioctl(file->fd, BLKIOOPT, &best) ||
	    ioctl(file->fd, BLKALIGNOFF, &begin))
		return -errno;
	if (!block)
		block = (uint32_t)logical;
	file->zeroes = (uint32_t)logical;
	file->discards = queue_limit(device, "discard_max_bytes");
	*geometry = (struct blk_geometry){
		.block = block,
		.physical = in_blocks(physical, block),
		.smallest = in_blocks(smallest, block),
		.best = find_best(best, block),
		.begin = begin > 0 ? (uint32_t)begin : 0,
		.discard = in_blocks(granularity, (uint32_t)max_u64(file->zeroes, block)),
	};
	return 0;
}

/* Some file systems like large transfers, those over a network for one; but they write
 * and punch smaller ones. */
static void file_geometry(struct file_store *file, uint32_t liked, uint32_t block)
{
	uint32_t unit;

	if (!block)
		block = BLK_SECTOR;
	unit = in_blocks((uint32_t)min_u64(liked, FILE_BLOCK), block);
	file->zeroes = 1;
	file->discards = true;
	file->store.geometry =
		(struct blk_geometry){ .block = block,
				       .physical = unit,
				       .smallest = unit,
				       .best = liked > unit ? find_best(liked, block) : 0,
				       .discard = unit };
}

int file_find_geometry(struct file_store *file, uint32_t block)
{
	struct stat st;

	if (fstat(file->fd, &st))
		return -errno;
	file->device = S_ISBLK(st.st_mode);
	if (file->device)
		return device_geometry(file, st.st_rdev, block);
	file_geometry(file, (uint32_t)st.st_blksize, block);
	return 0;
}

/* What is not so aligned goes through the page cache. It never shares a page with what
 * goes past it, see file-io.c: so these are whole pages, unless every sector is fine. */
int file_find_alignment(struct file_store *file)
{
	/* Before Linux 6.1, and where a file system does not tell: what any takes. */
	uint32_t offset = file->device ? file->zeroes : FILE_BLOCK, memory = offset;
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
	struct statx told;

	if (!statx(file->direct, "", AT_EMPTY_PATH, STATX_DIOALIGN, &told) &&
	    told.stx_mask & STATX_DIOALIGN) {
		offset = told.stx_dio_offset_align;
		memory = told.stx_dio_mem_align;
	}
	if (!is_power_of_two(offset) || !is_power_of_two(memory))
		return -EINVAL;
	file->memory_align = memory;
	file->align = (uint32_t)max_u64(offset, memory);
	file->align = file->align > BLK_SECTOR ? (uint32_t)max_u64(file->align, page) : BLK_SECTOR;
	return 0;
}
