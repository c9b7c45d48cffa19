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
#include "devices/blk/blk.h"
#include "memory/bounce.h"
#include "virtio/worker.h"

#define HEADER_BYTES ((uint32_t)sizeof(struct virtio_blk_outhdr))
#define STATUS_BYTES 1U
#define LOAN_MAX     (1U << 20) /* bytes: what a turn may spend on one request */

enum blk_step {
	BLK_FETCH_HEADER,
	BLK_FETCH_DATA,
	BLK_DELIVER, /* a piece of data, or the status, or the last piece and the status */
};

struct blk_request {
	struct blk_queue *queue;
	struct chain *chain;
	enum blk_step step;
	struct virtio_blk_outhdr *header; /* in its queue's array */
	uint8_t *status;                  /* likewise */
	struct bounce_buffer buffer;
	struct memory_loan loan;
	void *data;           /* the piece: the buffer, or what to deliver from */
	uint32_t data_length; /* of the whole request */
	uint32_t moved;       /* of it, before the piece */
	uint32_t piece;
	int data_err, status_err; /* of this step's copies */
	bool last;                /* this step ends the request */
	struct blk_io io;
	struct iovec io_piece;
	struct bounce_wait wait;
	struct blk_request *next; /* in line */
};

/* What small copies go to and come from, close together. */
struct blk_small {
	struct virtio_blk_outhdr headers[VIRTQUEUE_SIZE_MAX];
	uint8_t statuses[VIRTQUEUE_SIZE_MAX];
};

struct blk_queue {
	struct virtqueue *vq;
	struct blk_device *blk;
	struct blk_request *line, **line_tail;
	struct loop_work work_off;
	struct blk_request requests[VIRTQUEUE_SIZE_MAX]; /* by head */
	struct blk_small *small;
	struct segment slices[VIRTQUEUE_SIZE_MAX]; /* scratch */
};

static void stand_in_line(struct blk_request *request, enum blk_step step)
{
	struct blk_queue *queue = request->queue;

	if (!queue->line)
		loop_defer(queue->vq->worker->loop, &queue->work_off);
	request->step = step;
	request->next = NULL;
	*queue->line_tail = request;
	queue->line_tail = &request->next;
}

static void finish(struct blk_request *request, uint8_t status)
{
	*request->status = status;
	if (status != VIRTIO_BLK_S_OK)
		request->piece = 0;
	stand_in_line(request, BLK_DELIVER);
}

/* Written from the front on without a gap, which is what the driver may trust:
 * the status byte counts only where the data reaches it. */
static uint32_t written(const struct blk_request *request)
{
	uint32_t type = request->header->type;
	bool has_data = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	uint32_t data = has_data && *request->status == VIRTIO_BLK_S_OK ? request->data_length : 0;

	return data + (data + STATUS_BYTES == request->chain->in_length ? STATUS_BYTES : 0);
}

static void complete(struct blk_request *request)
{
	struct virtqueue *vq = request->queue->vq;

	if (request->buffer.base)
		bounce_put(vq->worker->bounce, &vq->bounce, request->buffer);
	request->buffer.base = NULL;
	virtqueue_push(vq, request->chain, written(request));
}

static uint64_t io_offset(const struct blk_request *request)
{
	return request->header->sector * BLK_SECTOR + request->moved;
}

static void io_failed(const struct blk_request *request, int err)
{
	static const char *const what[] = { "read", "write", "flush" };
	const struct blk_io *io = &request->io;

	log_guest("%s: %s of %llu bytes at %llu: %s", request->queue->vq->device->name,
		  what[io->op], (unsigned long long)io->length, (unsigned long long)io->offset,
		  strerror(-err));
}

static void start_data(struct blk_request *request);

/* A hole that came after the loan is left to the copies to find. */
static void loan_done(struct blk_request *request, int err)
{
	memory_return(&request->queue->vq->memory, &request->loan);
	request->piece = 0;
	if (err == -EFAULT && virtqueue_running(request->queue->vq)) {
		start_data(request);
		return;
	}
	if (err)
		io_failed(request, err);
	request->moved = request->data_length;
	finish(request, err ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
}

static void set_piece(struct blk_request *request)
{
	request->piece =
		(uint32_t)min_u64(request->data_length - request->moved, request->buffer.length);
}

static void io_done(struct blk_io *io, int err)
{
	struct blk_request *request = container_of(io, struct blk_request, io);

	if (request->loan.count) {
		loan_done(request, err);
	} else if (err) {
		io_failed(request, err);
		finish(request, VIRTIO_BLK_S_IOERR);
	} else if (io->op == BLK_READ) {
		stand_in_line(request, BLK_DELIVER);
	} else if (io->op == BLK_WRITE && request->moved + request->piece < request->data_length) {
		request->moved += request->piece;
		set_piece(request);
		stand_in_line(request, BLK_FETCH_DATA);
	} else {
		finish(request, VIRTIO_BLK_S_OK);
	}
}

static void submit(struct blk_request *request, enum blk_op op)
{
	struct virtqueue *vq = request->queue->vq;
	struct blk_store *store = blk_store_of(request->queue->blk);
	struct blk_io *io = &request->io;
	bool lent = request->loan.count;

	request->io_piece = (struct iovec){ .iov_base = request->data, .iov_len = request->piece };
	io->op = op;
	io->stable = !(vq->features & BIT_ULL(VIRTIO_BLK_F_FLUSH));
	io->offset = op == BLK_FLUSH ? 0 : io_offset(request);
	io->length = request->piece;
	io->pieces = lent ? request->loan.pieces : &request->io_piece;
	io->npieces = lent ? request->loan.count : 1;
	store->ops->submit(store, vq->worker->loop, io);
}

static void start_piece(struct blk_request *request)
{
	request->data = request->buffer.base;
	set_piece(request);
	if (request->header->type == VIRTIO_BLK_T_IN)
		submit(request, BLK_READ);
	else
		stand_in_line(request, BLK_FETCH_DATA);
}

static void buffer_ready(struct bounce_wait *wait, struct bounce_buffer buffer)
{
	struct blk_request *request = container_of(wait, struct blk_request, wait);

	request->buffer = buffer;
	if (virtqueue_running(request->queue->vq))
		start_piece(request);
	else
		finish(request, VIRTIO_BLK_S_IOERR);
}

static void start_data(struct blk_request *request)
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

/* Whole sectors within the disk, by arithmetic that cannot wrap. */
static bool range_valid(const struct blk_request *request, const struct blk_store *store)
{
	uint64_t capacity = store->size / BLK_SECTOR;
	uint64_t sectors = request->data_length / BLK_SECTOR;

	return !(request->data_length % BLK_SECTOR) && request->header->sector <= capacity &&
	       sectors <= capacity - request->header->sector;
}

/* Worth it for this request? The kind of its last segment tells for all. */
static bool lends(const struct blk_request *request, uint32_t length)
{
	const struct blk_queue *queue = request->queue;
	const struct chain *chain = request->chain;

	return blk_store_of(queue->blk)->copies && length <= LOAN_MAX &&
	       memory_lends(&queue->vq->memory,
			    chain->segments[chain->nout + chain->nin - 1].address, length);
}

static bool start_on_loan(struct blk_request *request, bool write)
{
	struct chain_cursor at = chain_at(request->chain, !write, write ? HEADER_BYTES : 0);
	struct blk_queue *queue = request->queue;
	uint32_t left = request->data_length;
	unsigned count;

	if (!lends(request, left))
		return false;
	for (count = 0; left; left -= queue->slices[count++].length)
		queue->slices[count] = chain_next(&at, left);
	if (memory_lend(&queue->vq->memory, queue->slices, count, !write, &request->loan))
		return false;
	request->piece = request->data_length;
	submit(request, write ? BLK_WRITE : BLK_READ);
	return true;
}

static void start_transfer(struct blk_request *request, bool write, uint32_t length)
{
	const struct blk_store *store = blk_store_of(request->queue->blk);
	uint32_t fetched = request->piece;

	request->data_length = length;
	if (!range_valid(request, store) || !within_limits(request) || (write && store->readonly)) {
		finish(request, VIRTIO_BLK_S_IOERR);
		return;
	}
	request->piece = 0;
	if (!length) {
		finish(request, VIRTIO_BLK_S_OK);
	} else if (write && fetched) {
		request->piece = fetched;
		request->data = request->buffer.base;
		submit(request, BLK_WRITE);
	} else if (!start_on_loan(request, write)) {
		start_data(request);
	}
}

static void start_get_id(struct blk_request *request, uint32_t room)
{
	request->data = request->queue->blk->serial;
	request->data_length = (uint32_t)min_u64(room, VIRTIO_BLK_ID_BYTES);
	request->piece = request->data_length;
	finish(request, VIRTIO_BLK_S_OK);
}

/* The header is here, and with a write what fitted of its data. */
static void start(struct blk_request *request)
{
	const struct chain *chain = request->chain;

	switch (request->header->type) {
	case VIRTIO_BLK_T_IN:
		start_transfer(request, false, chain->in_length - STATUS_BYTES);
		break;
	case VIRTIO_BLK_T_OUT:
		start_transfer(request, true, chain->out_length - HEADER_BYTES);
		break;
	case VIRTIO_BLK_T_FLUSH:
		request->piece = 0;
		submit(request, BLK_FLUSH);
		break;
	case VIRTIO_BLK_T_GET_ID:
		start_get_id(request, chain->in_length - STATUS_BYTES);
		break;
	default:
		finish(request, VIRTIO_BLK_S_UNSUPP);
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
	uint32_t length = request->chain->out_length, data = length - HEADER_BYTES;

	if (length < HEADER_BYTES) {
		request->data_err = -EINVAL;
		return;
	}
	copy(request, false, 0, HEADER_BYTES, request->header, &request->data_err);
	if (!data || lends(request, data))
		return;
	request->buffer = bounce_get(vq->worker->bounce, &vq->bounce, data);
	if (!request->buffer.base)
		return;
	request->piece = (uint32_t)min_u64(data, request->buffer.length);
	copy(request, false, HEADER_BYTES, request->piece, request->buffer.base,
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
		copy(request, false, HEADER_BYTES + request->moved, request->piece, request->data,
		     &request->data_err);
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
			    request->status, STATUS_BYTES, true, &request->status_err);
}

/* A piece that did not arrive turns the status over. */
static void delivered(struct blk_request *request)
{
	if (request->status_err) {
		virtqueue_break(request->queue->vq, "a status byte that cannot be written");
		complete(request);
	} else if (request->data_err) {
		finish(request, VIRTIO_BLK_S_IOERR);
	} else if (request->last) {
		complete(request);
	} else {
		request->moved += request->piece;
		start_piece(request);
	}
}

static void go_on(struct blk_request *request)
{
	if (request->step == BLK_DELIVER)
		delivered(request);
	else if (request->data_err)
		finish(request, VIRTIO_BLK_S_IOERR);
	else if (request->step == BLK_FETCH_HEADER)
		start(request);
	else
		submit(request, BLK_WRITE);
}

/* All that stand in line now. The status bytes come last, since Xen spares itself
 * work where one copy is from the same page as the one before. */
static void work_batch(struct blk_queue *queue)
{
	struct blk_request *batch = queue->line, *request, *next;

	queue->line = NULL;
	queue->line_tail = &queue->line;
	for (request = batch; request; request = request->next)
		copy_step(request);
	for (request = batch; request; request = request->next)
		copy_status(request);
	memory_flush(&queue->vq->memory);
	for (request = batch; request; request = next) {
		next = request->next;
		go_on(request);
	}
}

static struct blk_request *next_in_line(struct blk_queue *queue)
{
	struct blk_request *request = queue->line;

	queue->line = request->next;
	if (!queue->line)
		queue->line_tail = &queue->line;
	return request;
}

static void work_off_line(struct loop_work *work)
{
	struct blk_queue *queue = container_of(work, struct blk_queue, work_off);

	while (queue->line) {
		if (virtqueue_running(queue->vq))
			work_batch(queue);
		else
			complete(next_in_line(queue));
	}
}

void blk_queue_handle(struct virtqueue *vq, struct chain **chains, unsigned count)
{
	struct blk_queue *queue = vq->private;
	unsigned i;

	for (i = 0; i < count; i++) {
		struct blk_request *request = &queue->requests[chains[i]->head];

		request->chain = chains[i];
		*request->status = VIRTIO_BLK_S_OK;
		request->data_length = request->moved = request->piece = 0;
		if (chains[i]->in_length < STATUS_BYTES) {
			virtqueue_break(vq, "a request without a status byte");
			complete(request);
			continue;
		}
		stand_in_line(request, BLK_FETCH_HEADER);
	}
}

static void init_request(struct blk_queue *queue, unsigned head)
{
	struct blk_request *request = &queue->requests[head];

	request->queue = queue;
	request->header = &queue->small->headers[head];
	request->status = &queue->small->statuses[head];
	request->io.done = io_done;
	request->wait.ready = buffer_ready;
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
	queue->line_tail = &queue->line;
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
