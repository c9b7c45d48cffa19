/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * disk.h: a virtio-blk device over a store in memory that does as the test
 * says, and a driver that cuts its requests as the test says.
 */
#ifndef DISK_H
#define DISK_H

#include "devices/blk/blk.h"
#include "guest/guest.h"
#include "unit/rig.h"

#define STORE_BYTES (4u << 20)
#define STORE_LOG   4096u

/* ---- the store ------------------------------------------------------------- */

struct store_record {
	enum blk_op op;
	bool stable, unmap;
	uint64_t offset, length;
	unsigned npieces;
	const void *data; /* the first piece */
};

struct test_store {
	struct blk_store store;
	uint8_t *data;
	int (*verdict)(const struct blk_io *io); /* 0 or -errno; NULL: all is well */
	uint64_t grown;                          /* what look_again() finds; 0: no news */
	unsigned block_ms;                       /* submit() does not come back earlier */
	bool hold;                               /* operations wait for store_release() */
	bool (*holds)(const struct blk_io *io);  /* which of them; NULL: all */

	pthread_mutex_t lock;
	struct blk_io *held[512];
	unsigned nheld, nlog, active, most_active;
	struct store_record log[STORE_LOG];
};

/* ---- the disk ---------------------------------------------------------------- */

struct disk_config {
	enum gdma_kind memory;
	enum memory_policy policy;
	bool copies; /* the store, and so it may be lent guest memory */
	uint64_t map_from;
	struct foreign_options windows;
	size_t bounce; /* these as in struct rig_config */
	unsigned workers, queues;
	uint64_t size; /* 0: STORE_BYTES */
	bool readonly, no_discard;
	enum blk_cache cache;
	bool stop;                    /* at errors of the store */
	uint64_t requests, bytes;     /* a second, with a burst of 10 ms */
	struct blk_geometry geometry; /* of no block size: the plain one */
	const char *serial;
	uint64_t without; /* features the driver does not take */
	uint16_t ring_size;
	bool late; /* the store comes by disk_connect() */
};

struct disk {
	struct rig rig;
	struct blk_options options;
	struct test_store store;
	bool store_is_there;
	struct gvirtio v;
	struct gring *ring; /* of queue 0 */
};

/* For unit_main(): a guest boots. */
void disk_setup(void);

/* The variants of a loop test: kinds of memory, and who moves data. */
#define DISK_VARIANTS 4
struct disk_config disk_variant(int i);

/* And each with a store that may be lent guest memory, or not. */
#define DISK_STORE_VARIANTS 8
struct disk_config disk_store_variant(int i);

/* The device serves, and its driver has negotiated. */
void disk_start(struct disk *disk, const struct disk_config *config);

/* The store that was late is there. */
void disk_connect(struct disk *disk);

/* The administrator says that the store may have changed. */
void disk_look_again(struct disk *disk);

/* The driver resets the device, and everything is taken down. */
void disk_stop(struct disk *disk);

/* The driver's part alone: after a reset it begins anew. */
void disk_driver_start(struct disk *disk, const struct disk_config *config);
void disk_driver_stop(struct disk *disk);

uint8_t disk_status(struct disk *disk); /* the device's */

unsigned store_held(struct test_store *store);
void store_release(struct test_store *store, unsigned count); /* oldest first */

/* ---- requests ------------------------------------------------------------------- */

/* Contiguous in memory: header, data to write, data to read, status. The header
 * ends where a page ends. */
struct request {
	uint32_t type;
	uint64_t sector;
	uint32_t out, in; /* bytes of data */
	uint64_t pages;
	unsigned npages;
	bool done;
	uint32_t used; /* length in the used ring */
};

#define REQUEST_CANARY 0xa5 /* what data to read and the status hold before */

struct request *request_new(uint32_t type, uint64_t sector, uint32_t out, uint32_t in);
struct request *request_new_transfer(bool write, uint64_t sector, uint32_t length);
void request_free(struct request *request);

uint64_t request_header(const struct request *request); /* guest-physical addresses */
uint64_t request_data(const struct request *request);
uint64_t request_status(const struct request *request);
uint8_t request_result(const struct request *request); /* the status byte */

/* Puts it on the ring, in segments of at most @cut bytes; or as Linux does:
 * header and status apart, data within the device's limits. */
#define UNCUT    UINT32_MAX
#define AS_LINUX 0
void request_add(struct disk *disk, struct request *request, uint32_t cut);

/* Waits until so many of all requests are done; false after ten seconds. */
bool requests_wait(struct disk *disk, unsigned count);

/* Adds, kicks and waits: the status byte. */
uint8_t request_run(struct disk *disk, struct request *request, uint32_t cut);

/* It succeeds, has this length in the used ring, and its data is the store's; frees it. */
void request_transfer(struct disk *disk, struct request *request, uint32_t cut, uint32_t used);

/* Both for the same sectors. */
void disk_write_then_read(struct disk *disk, uint64_t sector, uint32_t length, uint32_t cut);

/* For a request of which only the result matters. */
uint8_t disk_io(struct disk *disk, uint32_t type, uint64_t sector, uint32_t out, uint32_t in);

#endif
