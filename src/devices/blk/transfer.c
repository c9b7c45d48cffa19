/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer.c: reads and writes, in pieces of a bounce buffer's size, or on loan. */
#include <errno.h>

#include "base/util.h"
#include "devices/blk/request.h"
#include "virtio/worker.h"

#define LOAN_MAX (1U << 20) /* bytes: what a turn may spend on one request */

static uint64_t io_offset(const struct blk_request *request)
{
	return request->header->sector * BLK_SECTOR + request->moved;
}

static void set_piece(struct blk_request *request)
{
	request->piece =
		(uint32_t)min_u64(request->data_length - request->moved, request->buffer.length);
}

static void piece_done(struct blk_request *request, int err)
{
	if (err) {
		blk_io_failed(request, err);
	} else if (request->io.op == BLK_READ) {
		blk_stand_in_line(request, BLK_DELIVER);
	} else if (request->moved + request->piece < request->data_length) {
		request->moved += request->piece;
		set_piece(request);
		blk_stand_in_line(request, BLK_FETCH_DATA);
	} else {
		blk_finish(request, VIRTIO_BLK_S_OK);
	}
}

static void submit_piece(struct blk_request *request, enum blk_op op)
{
	struct blk_io *io = &request->io;

	request->io_piece = (struct iovec){ .iov_base = request->data, .iov_len = request->piece };
	io->offset = io_offset(request);
	io->length = request->piece;
	io->pieces = &request->io_piece;
	io->npieces = 1;
	blk_submit(request, op, piece_done);
}

void blk_write_piece(struct blk_request *request)
{
	submit_piece(request, BLK_WRITE);
}

static void start_piece(struct blk_request *request)
{
	request->data = request->buffer.base;
	set_piece(request);
	if (request->header->type == VIRTIO_BLK_T_IN)
		submit_piece(request, BLK_READ);
	else
		blk_stand_in_line(request, BLK_FETCH_DATA);
}

static void buffer_ready(struct bounce_wait *wait, struct bounce_buffer buffer)
{
	struct blk_request *request = container_of(wait, struct blk_request, wait);

	request->buffer = buffer;
	if (virtqueue_running(request->queue->vq))
		start_piece(request);
	else
		blk_finish(request, VIRTIO_BLK_S_IOERR);
}

void blk_get_data(struct blk_request *request)
{
	struct virtqueue *vq = request->queue->vq;
	struct bounce *bounce = vq->worker->bounce;

	if (!request->buffer.base)
		request->buffer = bounce_get(bounce, &vq->bounce, request->data_length);
	if (request->buffer.base) {
		start_piece(request);
		return;
	}
	request->wait.length = request->data_length;
	request->wait.ready = buffer_ready;
	bounce_wait(bounce, &vq->bounce, &request->wait);
}

/* What the device announced holds for a driver that took the feature. */
static bool within_limits(const struct blk_request *request)
{
	const struct chain *chain = request->chain;
	uint64_t features = request->queue->vq->features;
	unsigned i;

	if (chain->out_length <= BLK_SEGMENT_BYTES_MAX &&
	    chain->in_length <= BLK_SEGMENT_BYTES_MAX &&
	    chain->nout + chain->nin <= BLK_SEGMENTS_MAX + 2)
		return true;
	if ((features & BIT_ULL(VIRTIO_BLK_F_SEG_MAX)) &&
	    chain->nout + chain->nin > BLK_SEGMENTS_MAX + 2)
		return false;
	for (i = 0; (features & BIT_ULL(VIRTIO_BLK_F_SIZE_MAX)) && i < chain->nout + chain->nin;
	     i++)
		if (chain->segments[i].length > BLK_SEGMENT_BYTES_MAX)
			return false;
	return true;
}

static bool is_valid(const struct blk_request *request, const struct blk_store *store, bool write)
{
	return !(request->data_length % BLK_SECTOR) &&
	       blk_within_disk(store, request->header->sector, request->data_length / BLK_SECTOR) &&
	       within_limits(request) && !(write && store->readonly);
}

/* The kind of its last segment tells for all. */
bool blk_lends(const struct blk_request *request, uint32_t length)
{
	const struct blk_queue *queue = request->queue;
	const struct chain *chain = request->chain;

	return blk_store_of(queue->blk)->copies && length <= LOAN_MAX &&
	       memory_lends(&queue->vq->memory,
			    chain->segments[chain->nout + chain->nin - 1].address, length);
}

/* A hole that came after the loan is left to the copies to find. */
static void loan_done(struct blk_request *request, int err)
{
	memory_return(&request->queue->vq->memory, &request->loan);
	request->piece = 0;
	if (err == -EFAULT && virtqueue_running(request->queue->vq)) {
		blk_get_data(request);
		return;
	}
	request->moved = request->data_length;
	if (err)
		blk_io_failed(request, err);
	else
		blk_finish(request, VIRTIO_BLK_S_OK);
}

static bool start_on_loan(struct blk_request *request, bool write)
{
	struct blk_queue *queue = request->queue;
	struct blk_io *io = &request->io;
	uint32_t left = request->data_length;
	struct chain_cursor at;
	unsigned count;

	if (!blk_lends(request, left))
		return false;
	at = chain_at(request->chain, !write, write ? BLK_HEADER_BYTES : 0);
	for (count = 0; left; left -= queue->slices[count++].length)
		queue->slices[count] = chain_next(&at, left);
	if (memory_lend(&queue->vq->memory, queue->slices, count, !write, &request->loan))
		return false;
	io->offset = io_offset(request);
	io->length = request->data_length;
	io->pieces = request->loan.pieces;
	io->npieces = request->loan.count;
	blk_submit(request, write ? BLK_WRITE : BLK_READ, loan_done);
	return true;
}

void blk_start_transfer(struct blk_request *request, bool write, uint32_t length)
{
	uint32_t fetched = request->piece;

	request->data_length = length;
	if (!is_valid(request, blk_store_of(request->queue->blk), write)) {
		blk_finish(request, VIRTIO_BLK_S_IOERR);
		return;
	}
	request->piece = 0;
	if (!length) {
		blk_finish(request, VIRTIO_BLK_S_OK);
	} else if (write && fetched) {
		request->piece = fetched;
		request->data = request->buffer.base;
		submit_piece(request, BLK_WRITE);
	} else if (!start_on_loan(request, write)) {
		blk_get_data(request);
	}
}

void blk_piece_delivered(struct blk_request *request)
{
	request->moved += request->piece;
	start_piece(request);
}
