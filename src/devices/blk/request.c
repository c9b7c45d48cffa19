/* SPDX-License-Identifier: GPL-2.0-or-later */
/* request.c: what becomes of a virtio-blk request (virtio 1.2, 5.2.6).
 *
 * Theory of operation. A request goes through steps, each of which needs some
 * copies from or to the guest: its header (with what fits of a write's data),
 * more of a write's data, then what was read and the status byte. Requests
 * that wait for copies stand in their queue's line, which is worked off at the
 * end of a turn: all copies of all of them in one memory_flush(), then each
 * goes on by what became of its own. Between two steps lies at most one
 * operation of the store. Data passes through one bounce buffer per request;
 * what is larger moves in pieces. A store that copies by itself is lent the
 * guest's memory instead, where that is cheaper; the request takes it back
 * before it is pushed, and where nothing can be lent the buffer does.
 *
 * A copy that fails makes its own request an I/O error. Only where the error
 * could not be told, without a status byte to write, is the queue broken. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "devices/blk/request.h"
#include "virtio/worker.h"

void blk_stand_in_line(struct blk_request *request, enum blk_step step)
{
	struct blk_queue *queue = request->queue;

	if (STAILQ_EMPTY(&queue->line))
		loop_defer(queue->vq->worker->loop, &queue->work_off);
	request->step = step;
	STAILQ_INSERT_TAIL(&queue->line, request, entry);
}

void blk_finish(struct blk_request *request, uint8_t status)
{
	*request->status = status;
	if (status != VIRTIO_BLK_S_OK)
		request->piece = 0;
	blk_stand_in_line(request, BLK_DELIVER);
}

/* Written from the front on without a gap, which is what the driver may trust:
 * the status byte counts only where the data reaches it. */
static uint32_t written(const struct blk_request *request)
{
	uint32_t type = request->header->type;
	bool has_data = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	uint32_t data = has_data && *request->status == VIRTIO_BLK_S_OK ? request->data_length : 0;

	return data + (data + BLK_STATUS_BYTES == request->chain->in_length ? BLK_STATUS_BYTES : 0);
}

static void complete(struct blk_request *request)
{
	struct virtqueue *vq = request->queue->vq;

	if (request->buffer.base)
		bounce_put(vq->worker->bounce, &vq->bounce, request->buffer);
	request->buffer.base = NULL;
	virtqueue_push(vq, request->chain, written(request));
}

void blk_io_failed(struct blk_request *request, int err)
{
	static const char *const what[] = { "read", "write", "flush", "discard", "zeroing" };
	const struct blk_io *io = &request->io;

	log_guest("%s: %s of %llu bytes at %llu: %s", request->queue->vq->device->name,
		  what[io->op], (unsigned long long)io->length, (unsigned long long)io->offset,
		  err == -ESTALE ? "writes before it may be lost" : strerror(-err));
	atomic_fetch_add(&request->queue->blk->failed[io->op], 1);
	blk_finish(request, VIRTIO_BLK_S_IOERR);
}

static void io_done(struct blk_io *io, int err)
{
	struct blk_request *request = container_of(io, struct blk_request, io);

	io->store = NULL;
	if (!err || !blk_gate_stops(request, err))
		request->io_done(request, err);
}

void blk_submit(struct blk_request *request, enum blk_op op,
		void (*done)(struct blk_request *request, int err))
{
	struct blk_queue *queue = request->queue;
	struct blk_store *store = blk_store_of(queue->blk);

	request->io.op = op;
	request->io.stable = !blk_writes_back(queue->blk);
	request->io_done = done;
	store->ops->submit(store, queue->vq->worker->loop, &request->io);
}

/* By arithmetic that cannot wrap. */
bool blk_within_disk(const struct blk_store *store, uint64_t sector, uint64_t sectors)
{
	uint64_t capacity = store->size / BLK_SECTOR;

	return sector <= capacity && sectors <= capacity - sector;
}

static void flushed(struct blk_request *request, int err)
{
	if (err)
		blk_io_failed(request, err);
	else
		blk_finish(request, VIRTIO_BLK_S_OK);
}

static void start_flush(struct blk_request *request)
{
	request->piece = 0;
	request->io.offset = request->io.length = 0;
	request->io.npieces = 0;
	blk_submit(request, BLK_FLUSH, flushed);
}

static void start_get_id(struct blk_request *request, uint32_t room)
{
	request->data = request->queue->blk->serial;
	request->data_length = (uint32_t)min_u64(room, VIRTIO_BLK_ID_BYTES);
	request->piece = request->data_length;
	blk_finish(request, VIRTIO_BLK_S_OK);
}

/* The header is here, and with a write what fitted of its data. */
static void start(struct blk_request *request)
{
	const struct chain *chain = request->chain;

	switch (request->header->type) {
	case VIRTIO_BLK_T_IN:
		blk_start_transfer(request, false, chain->in_length - BLK_STATUS_BYTES);
		break;
	case VIRTIO_BLK_T_OUT:
		blk_start_transfer(request, true, chain->out_length - BLK_HEADER_BYTES);
		break;
	case VIRTIO_BLK_T_FLUSH:
		start_flush(request);
		break;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		blk_start_ranges(request, chain->out_length - BLK_HEADER_BYTES);
		break;
	case VIRTIO_BLK_T_GET_ID:
		start_get_id(request, chain->in_length - BLK_STATUS_BYTES);
		break;
	default:
		blk_finish(request, VIRTIO_BLK_S_UNSUPP);
	}
}

static void copy(const struct blk_request *request, bool writable, uint32_t offset, uint32_t length,
		 void *local, int *err)
{
	chain_copy(&request->queue->vq->memory, request->chain, writable, offset, length, local,
		   err);
}

static void copy_header(struct blk_request *request)
{
	struct virtqueue *vq = request->queue->vq;
	uint32_t length = request->chain->out_length, data = length - BLK_HEADER_BYTES;

	if (length < BLK_HEADER_BYTES) {
		request->data_err = -EINVAL;
		return;
	}
	copy(request, false, 0, BLK_HEADER_BYTES, request->header, &request->data_err);
	if (!data || blk_lends(request, data))
		return;
	request->buffer = bounce_get(vq->worker->bounce, &vq->bounce, data);
	if (!request->buffer.base)
		return;
	request->piece = (uint32_t)min_u64(data, request->buffer.length);
	copy(request, false, BLK_HEADER_BYTES, request->piece, request->buffer.base,
	     &request->data_err);
}

static bool is_last(const struct blk_request *request)
{
	return *request->status != VIRTIO_BLK_S_OK || request->header->type != VIRTIO_BLK_T_IN ||
	       request->moved + request->piece == request->data_length;
}

static bool delivers_data(const struct blk_request *request)
{
	return request->piece && (request->header->type == VIRTIO_BLK_T_IN ||
				  request->header->type == VIRTIO_BLK_T_GET_ID);
}

static void copy_step(struct blk_request *request)
{
	request->data_err = request->status_err = 0;
	request->last = request->step == BLK_DELIVER && is_last(request);
	if (request->step == BLK_FETCH_HEADER) {
		copy_header(request);
		return;
	}
	if (request->step == BLK_FETCH_DATA) {
		copy(request, false, BLK_HEADER_BYTES + request->moved, request->piece,
		     request->data, &request->data_err);
		return;
	}
	if (delivers_data(request))
		copy(request, true, request->moved, request->piece, request->data,
		     &request->data_err);
}

/* It is the last byte of the chain. */
static void copy_status(struct blk_request *request)
{
	const struct chain *chain = request->chain;
	const struct segment *last = &chain->segments[chain->nout + chain->nin - 1];

	if (request->last)
		memory_copy(&request->queue->vq->memory, last->address + last->length - 1,
			    request->status, BLK_STATUS_BYTES, true, &request->status_err);
}

/* Requests of one kind, found at one time, are counted together. */
static void count(struct blk_request *request)
{
	struct blk_queue *queue = request->queue;
	struct blk_alike *alike = &queue->alike;

	if (*request->status != VIRTIO_BLK_S_OK)
		return;
	if (request->header->type != alike->type || request->since != alike->since) {
		blk_traffic_count(&queue->traffic, alike, queue->now);
		*alike = (struct blk_alike){ request->header->type, request->since, 0, 0 };
	}
	alike->requests++;
	alike->bytes += request->data_length;
}

/* A piece that did not arrive turns the status over. */
static void delivered(struct blk_request *request)
{
	if (request->status_err) {
		virtqueue_break(request->queue->vq, "a status byte that cannot be written");
		complete(request);
	} else if (request->data_err) {
		blk_finish(request, VIRTIO_BLK_S_IOERR);
	} else if (request->last) {
		count(request);
		complete(request);
	} else {
		blk_piece_delivered(request);
	}
}

static void go_on(struct blk_request *request)
{
	if (request->step == BLK_DELIVER)
		delivered(request);
	else if (request->data_err)
		blk_finish(request, VIRTIO_BLK_S_IOERR);
	else if (request->step == BLK_FETCH_HEADER)
		start(request);
	else if (request->header->type == VIRTIO_BLK_T_OUT)
		blk_write_piece(request);
	else
		blk_ranges_fetched(request);
}

/* All that stand in line now. The status bytes come last, since Xen spares itself
 * work where one copy is from the same page as the one before. */
static void work_batch(struct blk_queue *queue)
{
	struct blk_requests batch = STAILQ_HEAD_INITIALIZER(batch);
	struct blk_request *request, *next;

	STAILQ_CONCAT(&batch, &queue->line);
	STAILQ_FOREACH(request, &batch, entry)
		copy_step(request);
	STAILQ_FOREACH(request, &batch, entry)
		copy_status(request);
	memory_flush(&queue->vq->memory);
	queue->now = loop_now();
	for (request = STAILQ_FIRST(&batch); request; request = next) {
		next = STAILQ_NEXT(request, entry);
		go_on(request);
	}
	blk_traffic_count(&queue->traffic, &queue->alike, queue->now);
}

static void work_off_line(struct loop_work *work)
{
	struct blk_queue *queue = container_of(work, struct blk_queue, work_off);

	while (!STAILQ_EMPTY(&queue->line)) {
		if (virtqueue_running(queue->vq))
			work_batch(queue);
		else
			complete(blk_take_first(&queue->line));
	}
}

void blk_queue_handle(struct virtqueue *vq, struct chain **chains, unsigned count)
{
	struct blk_queue *queue = vq->private;
	uint64_t now = loop_now();
	unsigned i;

	for (i = 0; i < count; i++) {
		struct blk_request *request = &queue->requests[chains[i]->head];

		request->chain = chains[i];
		request->since = now;
		*request->status = VIRTIO_BLK_S_OK;
		request->data_length = request->moved = request->piece = 0;
		if (chains[i]->in_length < BLK_STATUS_BYTES) {
			virtqueue_break(vq, "a request without a status byte");
			complete(request);
			continue;
		}
		blk_gate_pass(request);
	}
}

static void init_request(struct blk_queue *queue, unsigned head)
{
	struct blk_request *request = &queue->requests[head];

	request->queue = queue;
	request->header = &queue->small->headers[head];
	request->status = &queue->small->statuses[head];
	request->io.done = io_done;
}

int blk_queue_init(struct virtqueue *vq)
{
	struct blk_queue *queue = calloc(1, sizeof(*queue));
	unsigned i;

	if (!queue)
		return -ENOMEM;
	queue->small = own_alloc(&vq->worker->own, sizeof(*queue->small));
	if (!queue->small) {
		free(queue);
		return -ENOMEM;
	}
	queue->vq = vq;
	queue->blk = vq->device->private;
	STAILQ_INIT(&queue->line);
	blk_gate_init(queue);
	queue->work_off.run = work_off_line;
	for (i = 0; i < VIRTQUEUE_SIZE_MAX; i++)
		init_request(queue, i);
	vq->private = queue;
	return 0;
}

void blk_queue_free(struct virtqueue *vq)
{
	struct blk_queue *queue = vq->private;

	own_free(&vq->worker->own, queue->small);
	free(queue);
	vq->private = NULL;
}

void blk_queue_traffic(const struct virtqueue *vq, struct blk_traffic *sum)
{
	blk_traffic_add(sum, &((const struct blk_queue *)vq->private)->traffic);
}
