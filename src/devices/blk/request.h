/* SPDX-License-Identifier: GPL-2.0-or-later */
/* request.h: what the files share that a request passes through: request.c (all of
 * them), gate.c (when they begin), transfer.c (reads and writes), ranges.c (discards and
 * zeroes). A request and its queue are their home worker's. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "devices/blk/blk.h"
#include "devices/blk/traffic.h"
#include "memory/bounce.h"

#define BLK_HEADER_BYTES ((uint32_t)sizeof(struct virtio_blk_outhdr))
#define BLK_STATUS_BYTES 1U

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
	unsigned range;           /* that is worked on */
	int data_err, status_err; /* of this step's copies */
	bool last;                /* this step ends the request */
	uint64_t since;           /* ns: found in the ring */
	struct blk_io io;
	struct iovec io_piece;
	void (*io_done)(struct blk_request *request, int err);
	struct bounce_wait wait;
	STAILQ_ENTRY(blk_request) entry; /* in its list */
};

/* First come, first served. */
STAILQ_HEAD(blk_requests, blk_request);

static inline struct blk_request *blk_take_first(struct blk_requests *list)
{
	struct blk_request *request = STAILQ_FIRST(list);

	STAILQ_REMOVE_HEAD(list, entry);
	return request;
}

/* What small copies go to and come from, close together. */
struct blk_small {
	struct virtio_blk_outhdr headers[VIRTQUEUE_SIZE_MAX];
	uint8_t statuses[VIRTQUEUE_SIZE_MAX];
};

struct blk_queue {
	struct virtqueue *vq;
	struct blk_device *blk;
	struct blk_requests line; /* wait for copies */
	struct loop_work work_off;
	uint64_t now;           /* ns: of this batch of copies */
	struct blk_alike alike; /* of this batch, not counted yet */
	struct blk_traffic traffic;
	struct blk_requests held, failed; /* gate.c's */
	struct loop_timer allowed;
	struct loop_work go_on;
	struct blk_request requests[VIRTQUEUE_SIZE_MAX]; /* by head */
	struct blk_small *small;
	struct segment slices[VIRTQUEUE_SIZE_MAX]; /* scratch */
};

/* ---- request.c ------------------------------------------------------------------- */

/* The next step of the request, with those of all others that wait for theirs. */
void blk_stand_in_line(struct blk_request *request, enum blk_step step);

/* The request is over but for telling the driver. */
void blk_finish(struct blk_request *request, uint8_t status);

/* Has the store do what @request->io says, which ends in @done. */
void blk_submit(struct blk_request *request, enum blk_op op,
		void (*done)(struct blk_request *request, int err));

/* One line in the log, and the request is an I/O error. */
void blk_io_failed(struct blk_request *request, int err);

/* Whole sectors within the disk. */
bool blk_within_disk(const struct blk_store *store, uint64_t sector, uint64_t sectors);

/* ---- gate.c ---------------------------------------------------------------------- */

void blk_gate_init(struct blk_queue *queue);

/* Its first step comes when it may begin. */
void blk_gate_pass(struct blk_request *request);

/* True if the disk stops for this error, and the request's operation will be done again. */
bool blk_gate_stops(struct blk_request *request, int err);

/* ---- transfer.c ------------------------------------------------------------------ */

/* Reads or writes @length bytes at the header's sector. */
void blk_start_transfer(struct blk_request *request, bool write, uint32_t length);

/* A piece that was written by the driver is in the buffer; was delivered to it. */
void blk_write_piece(struct blk_request *request);
void blk_piece_delivered(struct blk_request *request);

/* A buffer for @request->data_length bytes, or for some of them; then what the driver
 * wrote is fetched by BLK_FETCH_DATA, or what it wants is read. */
void blk_get_data(struct blk_request *request);

/* Will these bytes be lent to the store, so that no buffer is needed? */
bool blk_lends(const struct blk_request *request, uint32_t length);

/* ---- ranges.c -------------------------------------------------------------------- */

/* A discard, or zeroes; then, with the list of ranges in the buffer, goes on. */
void blk_start_ranges(struct blk_request *request, uint32_t length);
void blk_ranges_fetched(struct blk_request *request);
