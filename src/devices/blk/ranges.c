/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ranges.c: discards and zeroes (virtio 1.2, 5.2.6).
 *
 * The driver sends a list of ranges, which is fetched once, and checked as a whole before
 * any of it is done. The ranges follow one another, each an operation of the store. Where
 * the store knows no discard, nothing is done, which is allowed; where it knows no zeroes,
 * they are written. */
#include <errno.h>

#include "base/util.h"
#include "devices/blk/request.h"

#define RANGE_BYTES ((uint32_t)sizeof(struct virtio_blk_discard_write_zeroes))
#define ZERO_BYTES  65536U

/* Aligned for direct I/O. */
static const _Alignas(4096) uint8_t zeroes[ZERO_BYTES];

static bool is_discard(const struct blk_request *request)
{
	return request->header->type == VIRTIO_BLK_T_DISCARD;
}

static const struct virtio_blk_discard_write_zeroes *range_of(const struct blk_request *request,
							      unsigned i)
{
	return (const struct virtio_blk_discard_write_zeroes *)request->data + i;
}

static unsigned count_ranges(const struct blk_request *request)
{
	return request->data_length / RANGE_BYTES;
}

static void start_range(struct blk_request *request);

static void range_done(struct blk_request *request, int err)
{
	request->range++;
	if (err)
		blk_io_failed(request, err);
	else
		start_range(request);
}

static void write_zeroes(struct blk_request *request, uint64_t offset);

static void zeroes_written(struct blk_request *request, int err)
{
	const struct virtio_blk_discard_write_zeroes *range = range_of(request, request->range);
	uint64_t end = (range->sector + range->num_sectors) * BLK_SECTOR;
	uint64_t done = request->io.offset + request->io.length;

	if (err || done == end)
		range_done(request, err);
	else
		write_zeroes(request, done);
}

/* From @offset to the range's end, a piece at a time. */
static void write_zeroes(struct blk_request *request, uint64_t offset)
{
	const struct virtio_blk_discard_write_zeroes *range = range_of(request, request->range);
	uint64_t end = (range->sector + range->num_sectors) * BLK_SECTOR;
	struct blk_io *io = &request->io;

	io->offset = offset;
	io->length = min_u64(end - offset, ZERO_BYTES);
	request->io_piece =
		(struct iovec){ .iov_base = (void *)(uintptr_t)zeroes, .iov_len = io->length };
	io->pieces = &request->io_piece;
	io->npieces = 1;
	blk_submit(request, BLK_WRITE, zeroes_written);
}

static void offered(struct blk_request *request, int err)
{
	if (err != -EOPNOTSUPP)
		range_done(request, err);
	else if (is_discard(request))
		range_done(request, 0);
	else
		write_zeroes(request, request->io.offset);
}

/* The next one that is not empty. */
static void start_range(struct blk_request *request)
{
	unsigned count = count_ranges(request);
	const struct virtio_blk_discard_write_zeroes *range;
	struct blk_io *io = &request->io;

	while (request->range < count && !range_of(request, request->range)->num_sectors)
		request->range++;
	if (request->range == count) {
		blk_finish(request, VIRTIO_BLK_S_OK);
		return;
	}
	range = range_of(request, request->range);
	io->offset = range->sector * BLK_SECTOR;
	io->length = (uint64_t)range->num_sectors * BLK_SECTOR;
	io->npieces = 0;
	io->unmap = request->queue->blk->options->discard &&
		    range->flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	blk_submit(request, is_discard(request) ? BLK_DISCARD : BLK_WRITE_ZEROES, offered);
}

static uint8_t check_range(const struct blk_request *request, unsigned i)
{
	const struct virtio_blk_discard_write_zeroes *range = range_of(request, i);
	uint32_t allowed = is_discard(request) ? 0 : VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	uint32_t most = is_discard(request) ? BLK_DISCARD_SECTORS_MAX : BLK_ZERO_SECTORS_MAX;

	if (range->flags & ~allowed)
		return VIRTIO_BLK_S_UNSUPP;
	if (range->num_sectors > most ||
	    !blk_within_disk(blk_store_of(request->queue->blk), range->sector, range->num_sectors))
		return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}

void blk_ranges_fetched(struct blk_request *request)
{
	unsigned i, count = count_ranges(request);
	uint8_t status = VIRTIO_BLK_S_OK;

	for (i = 0; i < count && status == VIRTIO_BLK_S_OK; i++)
		status = check_range(request, i);
	request->range = 0;
	if (status == VIRTIO_BLK_S_OK)
		start_range(request);
	else
		blk_finish(request, status);
}

static bool was_negotiated(const struct blk_request *request)
{
	unsigned bit = is_discard(request) ? VIRTIO_BLK_F_DISCARD : VIRTIO_BLK_F_WRITE_ZEROES;

	return request->queue->vq->features & BIT_ULL(bit);
}

/* The list is a page at most, so a buffer of any size has room for it. */
void blk_start_ranges(struct blk_request *request, uint32_t length)
{
	uint32_t fetched = request->piece;

	request->data_length = length;
	request->data = request->buffer.base;
	if (!was_negotiated(request))
		blk_finish(request, VIRTIO_BLK_S_UNSUPP);
	else if (length % RANGE_BYTES || length > BLK_RANGES_MAX * RANGE_BYTES ||
		 blk_store_of(request->queue->blk)->readonly)
		blk_finish(request, VIRTIO_BLK_S_IOERR);
	else if (fetched == length)
		blk_ranges_fetched(request);
	else
		blk_get_data(request);
}
