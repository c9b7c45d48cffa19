/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blk.c: a virtio-blk driver after Linux's, which checks all data it reads
 * against a shadow copy of the disk.
 */
#include "guest.h"

#include <check.h>
#include <linux/virtio_config.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR        512u
#define SLOT          64u /* header at 0, status at 16; neighbours share pages */
#define STATUS        16u
#define SLOTS         256u
#define POISON        0xa5
#define NOT_WRITTEN   0xff
#define IO_MS         10000
#define MAX_LOAD_LEN  (96u << 10)
#define FEATURE(name) (1ull << (name))

static const uint64_t driver_features =
	FEATURE(VIRTIO_BLK_F_SIZE_MAX) | FEATURE(VIRTIO_BLK_F_SEG_MAX) |
	FEATURE(VIRTIO_BLK_F_GEOMETRY) | FEATURE(VIRTIO_BLK_F_RO) | FEATURE(VIRTIO_BLK_F_BLK_SIZE) |
	FEATURE(VIRTIO_BLK_F_FLUSH) | FEATURE(VIRTIO_BLK_F_TOPOLOGY) |
	FEATURE(VIRTIO_BLK_F_CONFIG_WCE) | FEATURE(VIRTIO_BLK_F_MQ) |
	FEATURE(VIRTIO_BLK_F_DISCARD) | FEATURE(VIRTIO_BLK_F_WRITE_ZEROES) |
	FEATURE(VIRTIO_RING_F_INDIRECT_DESC) | FEATURE(VIRTIO_RING_F_EVENT_IDX) |
	FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_F_ACCESS_PLATFORM);

/* ---- start and end -------------------------------------------------------------------- */

static void read_capacity(struct gblk *blk)
{
	struct gvirtio *v = &blk->v;
	uint32_t generation;

	do {
		generation = gvirtio_read(v, gvirtio_field(config_generation), 1);
		blk->capacity = gvirtio_config(v, 0, 4) | (uint64_t)gvirtio_config(v, 4, 4) << 32;
	} while (generation != gvirtio_read(v, gvirtio_field(config_generation), 1));
}

static void read_config(struct gblk *blk)
{
	struct gvirtio *v = &blk->v;

	read_capacity(blk);
	blk->seg_max = 1;
	if (v->features & FEATURE(VIRTIO_BLK_F_SEG_MAX))
		blk->seg_max = gvirtio_config(v, offsetof(struct virtio_blk_config, seg_max), 4);
	blk->size_max = UINT32_MAX;
	if (v->features & FEATURE(VIRTIO_BLK_F_SIZE_MAX))
		blk->size_max = gvirtio_config(v, offsetof(struct virtio_blk_config, size_max), 4);
	blk->blk_size = SECTOR;
	if (v->features & FEATURE(VIRTIO_BLK_F_BLK_SIZE))
		blk->blk_size = gvirtio_config(v, offsetof(struct virtio_blk_config, blk_size), 4);
	blk->readonly = v->features & FEATURE(VIRTIO_BLK_F_RO);
}

/* What virtio_dev_probe() and virtblk_probe() do. */
static void start_driver(struct gblk *blk, const struct gblk_config *config)
{
	unsigned int queues = config->queues ? config->queues : 1;
	struct gvirtio *v = &blk->v;

	v->dma.kind = config->dma;
	v->pci.irq = config->irq;
	ck_assert_int_ge(gvirtio_reset(v), 0);
	ck_assert_msg(gvirtio_negotiate(v, driver_features & ~config->without), "features refused");
	read_config(blk);
	if (config->irq == GIRQ_PIRQ || config->irq == GIRQ_MSIX)
		ck_assert_msg(gpci_msix_enable(&v->pci, config->irq, queues + 1), "no MSI-X");
	ck_assert_msg(gvirtio_setup_queues(v, queues, config->ring_size ? config->ring_size : 128),
		      "queue set-up refused");
	gvirtio_driver_ok(v);
}

struct gblk *gblk_start(const struct gblk_config *config)
{
	struct gblk *blk = calloc(1, sizeof(*blk));

	ck_assert_ptr_nonnull(blk);
	blk->v.pci.port = config->port;
	gpci_find(&blk->v.pci, config->bdf);
	ck_assert_msg(gvirtio_probe(&blk->v), "a virtio capability is missing");
	blk->pool = gpage_alloc(SLOTS * SLOT / FAKE_PAGE);
	start_driver(blk, config);
	return blk;
}

bool gblk_config_changed(struct gblk *blk, unsigned int ms)
{
	if (!gvirtio_config_changed(&blk->v, ms))
		return false;
	read_capacity(blk);
	return true;
}

void gblk_expect(struct gblk *blk, const void *contents, size_t size)
{
	ck_assert_uint_eq(size, blk->capacity * SECTOR);
	blk->shadow = malloc(size);
	blk->known = malloc(size / SECTOR);
	ck_assert(blk->shadow && blk->known);
	memcpy(blk->shadow, contents, size);
	memset(blk->known, 1, size / SECTOR);
}

void gblk_forget(struct gblk *blk)
{
	struct gblk_req *req;

	while ((req = blk->inflight)) {
		if (blk->known && req->type == VIRTIO_BLK_T_OUT)
			memset(blk->known + req->sector, 0, req->len / SECTOR);
		gblk_put(blk, req);
	}
}

void gblk_remove(struct gblk *blk)
{
	gvirtio_remove(&blk->v);
	gblk_forget(blk);
}

void gblk_restart(struct gblk *blk, const struct gblk_config *config)
{
	blk->v.dma.broken = false;
	start_driver(blk, config);
}

/* The guest may be gone by now, and with it what its rings were mapped to. */
void gblk_free(struct gblk *blk)
{
	unsigned int i;

	gblk_forget(blk);
	for (i = 0; i < blk->v.nr_queues; i++)
		free(blk->v.ring[i]);
	gpage_free(blk->pool, SLOTS * SLOT / FAKE_PAGE);
	free(blk->shadow);
	free(blk->known);
	free(blk);
}

/* ---- requests ---------------------------------------------------------------------------- */

static uint64_t slot_take(struct gblk *blk)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		uint64_t *word = &blk->pool_used[i / 64], bit = 1ull << i % 64;

		if (*word & bit)
			continue;
		*word |= bit;
		return blk->pool + (uint64_t)i * SLOT;
	}
	return 0;
}

static void slot_give(struct gblk *blk, uint64_t gpa)
{
	uint64_t i = (gpa - blk->pool) / SLOT;

	blk->pool_used[i / 64] &= ~(1ull << i % 64);
}

static unsigned int sg_pages(const struct gsg *sg)
{
	return (unsigned int)((sg->gpa % FAKE_PAGE + sg->len + FAKE_PAGE - 1) / FAKE_PAGE);
}

/* Anywhere in its pages, so most cross a page. */
static void seg_alloc(struct gsg *sg, uint32_t len)
{
	uint32_t offset = guest_random(2) ? guest_random(FAKE_PAGE) : 0;

	sg->len = len;
	sg->gpa = gpage_alloc((offset + len + FAKE_PAGE - 1) / FAKE_PAGE) + offset;
}

static uint32_t random_piece(uint32_t left)
{
	uint32_t piece = guest_random(2) ? guest_random(2 * FAKE_PAGE) + 1
					 : (guest_random(40) + 1) * SECTOR;

	return piece < left ? piece : left;
}

/* Cut len into at most max segments. */
static void segs_alloc(struct gblk *blk, struct gblk_req *req, unsigned int max)
{
	uint32_t left = req->len, len;

	while (left) {
		len = random_piece(left);
		if (req->nsegs + 1 == max ||
		    (uint64_t)(max - req->nsegs - 1) * blk->size_max < left - (uint64_t)len)
			len = left;
		if (len > blk->size_max)
			len = blk->size_max;
		seg_alloc(&req->seg[req->nsegs++], len);
		left -= len;
	}
}

static void data_copy(struct gblk_req *req, uint8_t *data, bool to_guest)
{
	unsigned int i;

	for (i = 0; i < req->nsegs; i++) {
		void *at = fake_ram(req->seg[i].gpa);

		memcpy(to_guest ? at : data, to_guest ? data : at, req->seg[i].len);
		data += req->seg[i].len;
	}
}

static void data_fill(struct gblk_req *req)
{
	uint32_t i;

	req->written = malloc(req->len + 1);
	ck_assert_ptr_nonnull(req->written);
	for (i = 0; i < req->len; i++)
		req->written[i] = req->type == VIRTIO_BLK_T_OUT ? (uint8_t)guest_random(256)
								: POISON;
	data_copy(req, req->written, true);
}

static unsigned int max_segs(const struct gblk *blk, const struct gring *ring)
{
	unsigned int max = blk->seg_max < GBLK_MAX_SEGS ? blk->seg_max : GBLK_MAX_SEGS;

	return max < ring->size - 2u ? max : ring->size - 2u;
}

static bool queue_request(struct gblk_req *req, struct gring *ring)
{
	bool out = req->type == VIRTIO_BLK_T_OUT;
	struct virtio_blk_outhdr *header = fake_ram(req->gpa);
	struct gsg read[GBLK_MAX_SEGS + 1] = { { req->gpa, sizeof(*header) } };
	struct gsg write[GBLK_MAX_SEGS + 1];
	unsigned int n = out ? 0 : req->nsegs;

	*header = (struct virtio_blk_outhdr){ .type = req->type, .sector = req->sector };
	*(uint8_t *)fake_ram(req->gpa + STATUS) = NOT_WRITTEN;
	memcpy(out ? read + 1 : write, req->seg, req->nsegs * sizeof(req->seg[0]));
	write[n] = (struct gsg){ req->gpa + STATUS, 1 };
	return gring_add(ring, read, out ? req->nsegs + 1 : 1, write, n + 1, req);
}

static void req_free(struct gblk *blk, struct gblk_req *req)
{
	unsigned int i;

	for (i = 0; i < req->nsegs; i++)
		gpage_free(req->seg[i].gpa & ~(FAKE_PAGE - 1ull), sg_pages(&req->seg[i]));
	slot_give(blk, req->gpa);
	free(req->written);
	free(req);
}

void gblk_put(struct gblk *blk, struct gblk_req *req)
{
	struct gblk_req **p;

	for (p = &blk->inflight; *p && *p != req; p = &(*p)->next)
		;
	if (*p)
		*p = req->next;
	req_free(blk, req);
}

struct gblk_req *gblk_submit(struct gblk *blk, uint32_t type, uint64_t sector, uint32_t len)
{
	struct gblk_req *req = calloc(1, sizeof(*req));
	struct gring *ring;

	ck_assert_ptr_nonnull(req);
	req->queue = guest_random(blk->v.nr_queues);
	ring = blk->v.ring[req->queue];
	req->type = type;
	req->sector = sector;
	req->len = len;
	req->gpa = slot_take(blk);
	if (!req->gpa) {
		free(req);
		return NULL;
	}
	segs_alloc(blk, req, max_segs(blk, ring));
	data_fill(req);
	if (!queue_request(req, ring)) {
		req_free(blk, req);
		return NULL;
	}
	req->next = blk->inflight;
	blk->inflight = req;
	return req;
}

void gblk_kick(struct gblk *blk)
{
	unsigned int i;

	for (i = 0; i < blk->v.nr_queues; i++)
		gvirtio_kick(&blk->v, blk->v.ring[i]);
}

/* ---- completion ---------------------------------------------------------------------------- */

static void check_read(struct gblk *blk, const struct gblk_req *req, const uint8_t *data)
{
	uint64_t i, sector;

	for (i = 0; i < req->len / SECTOR; i++) {
		sector = req->sector + i;
		if (!blk->known[sector] ||
		    !memcmp(data + i * SECTOR, blk->shadow + sector * SECTOR, SECTOR))
			continue;
		fake_violation("wrong data read from sector %llu", (unsigned long long)sector);
		return;
	}
}

static void check_used_len(const struct gblk_req *req)
{
	uint32_t written = req->type == VIRTIO_BLK_T_OUT ? 1 : req->len + 1;

	if (req->status == VIRTIO_BLK_S_OK && req->used_len != written)
		fake_violation("used length %u of request type %u, %u bytes were written",
			       req->used_len, req->type, written);
	if (req->status == NOT_WRITTEN)
		fake_violation("request type %u done without a status", req->type);
}

static void keep_write(struct gblk *blk, const struct gblk_req *req)
{
	bool ok = req->status == VIRTIO_BLK_S_OK;

	if (req->sector + req->len / SECTOR > blk->capacity)
		return;
	memset(blk->known + req->sector, ok, req->len / SECTOR);
	if (ok)
		memcpy(blk->shadow + req->sector * SECTOR, req->written, req->len);
}

static void complete(struct gblk *blk, struct gblk_req *req, uint32_t used_len)
{
	req->done = true;
	req->used_len = used_len;
	req->status = *(uint8_t *)fake_ram(req->gpa + STATUS);
	blk->completed++;
	blk->errors += req->status != VIRTIO_BLK_S_OK;
	check_used_len(req);
	if (req->type != VIRTIO_BLK_T_OUT)
		data_copy(req, req->written, false);
	if (!blk->shadow)
		return;
	if (req->type == VIRTIO_BLK_T_IN && req->status == VIRTIO_BLK_S_OK)
		check_read(blk, req, req->written);
	if (req->type == VIRTIO_BLK_T_OUT)
		keep_write(blk, req);
}

/* virtblk_done() */
static void queue_done(struct gblk *blk, struct gring *ring)
{
	struct gblk_req *req;
	uint32_t len;

	do {
		gring_disable_cb(ring);
		while ((req = gring_get(ring, &len)))
			complete(blk, req, len);
	} while (!gring_enable_cb(ring) && !ring->dma->broken);
}

bool gblk_wait(struct gblk *blk, struct gblk_req *req, unsigned int ms)
{
	struct gring *ring = blk->v.ring[req->queue];

	while (!req->done) {
		if (!gvirtio_wait(&blk->v, ring, ms))
			return false;
		queue_done(blk, ring);
		if (ring->dma->broken)
			return false;
	}
	return true;
}

bool gblk_finish(struct gblk *blk, unsigned int ms)
{
	struct gblk_req *req;
	bool ok = true;

	while (ok && (req = blk->inflight)) {
		ok = gblk_wait(blk, req, ms) && req->status == VIRTIO_BLK_S_OK;
		if (ok)
			gblk_put(blk, req);
	}
	return ok;
}

/* ---- simple I/O --------------------------------------------------------------------------------- */

static uint8_t finish(struct gblk *blk, struct gblk_req *req, void *data)
{
	uint8_t status = NOT_WRITTEN;

	gblk_kick(blk);
	if (gblk_wait(blk, req, IO_MS))
		status = req->status;
	else
		fake_violation("no answer to request type %u", req->type);
	if (data)
		memcpy(data, req->written, req->len);
	if (req->done)
		gblk_put(blk, req);
	return status;
}

uint8_t gblk_io(struct gblk *blk, uint32_t type, uint64_t sector, uint32_t len)
{
	struct gblk_req *req = gblk_submit(blk, type, sector, len);

	return req ? finish(blk, req, NULL) : NOT_WRITTEN;
}

uint8_t gblk_read(struct gblk *blk, uint64_t sector, void *data, uint32_t len)
{
	struct gblk_req *req = gblk_submit(blk, VIRTIO_BLK_T_IN, sector, len);

	return req ? finish(blk, req, data) : NOT_WRITTEN;
}

uint8_t gblk_write(struct gblk *blk, uint64_t sector, const void *data, uint32_t len)
{
	struct gblk_req *req = gblk_submit(blk, VIRTIO_BLK_T_OUT, sector, len);

	if (!req)
		return NOT_WRITTEN;
	memcpy(req->written, data, len);
	data_copy(req, req->written, true);
	return finish(blk, req, NULL);
}

/* ---- load ------------------------------------------------------------------------------------------ */

static bool overlaps(const struct gblk *blk, uint64_t sector, uint32_t len)
{
	const struct gblk_req *req;

	for (req = blk->inflight; req; req = req->next)
		if (sector < req->sector + req->len / SECTOR && req->sector < sector + len / SECTOR)
			return true;
	return false;
}

/* Requests in flight at once do not overlap: their order would be anybody's guess. */
static struct gblk_req *submit_random(struct gblk *blk)
{
	uint32_t what = guest_random(20), sectors;
	uint64_t most = (uint64_t)blk->size_max * blk->seg_max / SECTOR, sector;
	uint32_t type = what < 10 || blk->readonly ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT;

	if (what == 18)
		return gblk_submit(blk, VIRTIO_BLK_T_GET_ID, 0, VIRTIO_BLK_ID_BYTES);
	if (what == 19)
		return gblk_submit(blk, VIRTIO_BLK_T_FLUSH, 0, 0);
	if (most > MAX_LOAD_LEN / SECTOR)
		most = MAX_LOAD_LEN / SECTOR;
	sectors = guest_random((uint32_t)most) + 1;
	sector = guest_random((uint32_t)blk->capacity - sectors + 1);
	if (overlaps(blk, sector, sectors * SECTOR))
		return NULL;
	return gblk_submit(blk, type, sector, sectors * SECTOR);
}

static struct gblk_req *any_inflight(const struct gblk *blk, unsigned int count)
{
	struct gblk_req *req = blk->inflight;
	uint32_t skip = guest_random(count);

	while (skip--)
		req = req->next;
	return req;
}

static unsigned int put_done(struct gblk *blk)
{
	struct gblk_req *req, *next;
	unsigned int n = 0;

	for (req = blk->inflight; req; req = next) {
		next = req->next;
		if (req->done) {
			gblk_put(blk, req);
			n++;
		}
	}
	return n;
}

bool gblk_load(struct gblk *blk, unsigned int nr, unsigned int depth)
{
	unsigned int inflight = 0;

	while (nr || inflight) {
		while (nr && inflight < depth && submit_random(blk)) {
			inflight++;
			nr--;
			if (!guest_random(4))
				gblk_kick(blk);
		}
		gblk_kick(blk);
		if (inflight && !gblk_wait(blk, any_inflight(blk, inflight), IO_MS)) {
			fake_violation("no answer under load, %u in flight", inflight);
			return false;
		}
		inflight -= put_done(blk);
	}
	return true;
}
