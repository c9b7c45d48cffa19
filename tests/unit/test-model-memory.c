/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-model-memory.c: requests whose buffers are not there, are not the
 * device's to write or are taken away under way fail alone; those beside them
 * get their data. What a guest does wrong does not fill the log.
 */
#include <linux/virtio_config.h>
#include <string.h>

#include "model.h"
#include "unit/unit.h"

#define GRANT(ref) (1ull << 63 | (uint64_t)(ref) << 12)

static const struct kind {
	enum fake_platform platform;
	struct gblk_config driver;
	const char *workers;
} kinds[] = {
	{ FAKE_HVM, { .bdf = MODEL_BDF, .irq = GIRQ_PIRQ }, "1" },
	{ FAKE_PVH, { .bdf = MODEL_BDF, .irq = GIRQ_MSIX, .dma = GDMA_GRANTS }, "1" },
	{ FAKE_HVM,
	  { .bdf = MODEL_BDF,
	    .irq = GIRQ_PIRQ,
	    .without = BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
	    .ring_size = 256 },
	  "0" },
	{ FAKE_PVH,
	  { .bdf = MODEL_BDF,
	    .irq = GIRQ_MSIX,
	    .dma = GDMA_GRANTS,
	    .without = BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
	    .ring_size = 256 },
	  "0" },
};

static struct fake_child *daemon_child;

static struct gblk *start(const struct kind *kind)
{
	daemon_child = model_start_with(kind->platform, kind->workers, model_disk(NULL), NULL);
	return model_driver(&kind->driver);
}

static bool needs_reset(struct gblk *blk)
{
	return gvirtio_read(&blk->v, gvirtio_field(device_status), 1) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/* ---- addresses that are no good -------------------------------------------------- */

#define NR_BAD   10
#define FAR_REFS (FAKE_NR_GRANTS - 100) /* nobody else's are behind them */

/* The last one is good to read from. */
static void bad_addresses(uint64_t bad[NR_BAD])
{
	uint64_t hole = gpage_alloc(1), page = gpage_alloc(1);

	fake_hole(hole / FAKE_PAGE, true);
	fake_grant(FAR_REFS, hole / FAKE_PAGE, false);
	fake_grant(FAR_REFS + 30, page / FAKE_PAGE, false);
	fake_grant_revoke(FAR_REFS + 30);
	fake_grant(FAR_REFS + 60, page / FAKE_PAGE, true);
	bad[0] = hole;
	bad[1] = fake_ram_size();
	bad[2] = 1ull << 51;
	bad[3] = INT64_MAX;
	bad[4] = GRANT(FAKE_NR_GRANTS - 1); /* never given */
	bad[5] = GRANT(UINT32_MAX);
	bad[6] = GRANT(1ull << 32); /* not a grant's number */
	bad[7] = GRANT(FAR_REFS);
	bad[8] = GRANT(FAR_REFS + 30);
	bad[9] = GRANT(FAR_REFS + 60);
}

/* ---- one bad request among good ones --------------------------------------------- */

enum part { PART_HEADER, PART_FIRST_DATA, PART_LAST_DATA, PART_STATUS, PART_TABLE, NR_PARTS };

/* A request, and which descriptors are its own: in the ring or in a table. */
struct victim {
	struct gblk_req *req;
	struct gring *ring;
	uint16_t id;
	volatile __virtio64 *address; /* the one that is spoilt */
	uint64_t right;
};

static volatile __virtio64 *descriptor_address(const struct victim *v, unsigned int nth)
{
	struct vring_desc *table = fake_ram(v->ring->head[v->id].table);
	uint16_t d = v->id;

	if (v->ring->head[v->id].table)
		return &table[nth].addr;
	while (nth--)
		d = v->ring->shadow[d].next;
	return &v->ring->desc[d].addr;
}

static volatile __virtio64 *part_address(const struct victim *v, enum part part)
{
	switch (part) {
	case PART_HEADER:
		return descriptor_address(v, 0);
	case PART_FIRST_DATA:
		return descriptor_address(v, 1);
	case PART_LAST_DATA:
		return descriptor_address(v, v->req->nsegs);
	case PART_STATUS:
		return descriptor_address(v, v->req->nsegs + 1);
	default:
		return &v->ring->desc[v->id].addr;
	}
}

static struct victim submit_victim(struct gblk *blk, uint32_t type, enum part part, uint64_t bad)
{
	struct victim v = { .ring = blk->v.ring[0], .id = blk->v.ring[0]->free_head };

	v.req = gblk_submit(blk, type, 4096, 40960);
	ck_assert_ptr_nonnull(v.req);
	v.address = part_address(&v, part);
	v.right = *v.address;
	*v.address = bad;
	return v;
}

/* Those in flight at once do not overlap. */
static void submit_good(struct gblk *blk, unsigned int nr)
{
	static unsigned int next;

	for (; nr--; next++)
		ck_assert_ptr_nonnull(gblk_submit(blk,
						  next % 3 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
						  next % 32 * 128, 20480));
}

/* All are done, or the device gave up; no used entry has been read yet. */
static bool settled(struct gblk *blk)
{
	struct gring *ring = blk->v.ring[0];

	return wait_for(ring->used->idx == ring->avail_idx || needs_reset(blk)) &&
	       !needs_reset(blk);
}

/* Whether the driver can be told about the request by its status. */
static bool can_be_told(enum part part)
{
	return part != PART_STATUS && part != PART_TABLE;
}

static void check_statuses(struct gblk *blk, struct gblk_req *victim)
{
	struct gblk_req *req;

	while ((req = blk->inflight)) {
		ck_assert(gblk_wait(blk, req, 10000));
		ck_assert_uint_eq(req->status,
				  req == victim ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
		gblk_put(blk, req);
	}
}

static void good_batch(struct gblk *blk)
{
	blk->v.ring[0]->held = true;
	submit_good(blk, 12);
	gring_show(blk->v.ring[0]);
	gblk_kick(blk);
	check_statuses(blk, NULL);
}

static void one_bad(struct gblk *blk, const struct gblk_config *config, uint32_t type,
		    enum part part, uint64_t bad)
{
	struct victim v;

	blk->v.ring[0]->held = true;
	submit_good(blk, 4);
	v = submit_victim(blk, type, part, bad);
	submit_good(blk, 4);
	gring_show(v.ring);
	gblk_kick(blk);
	ck_assert_int_eq(settled(blk), can_be_told(part));
	*v.address = v.right;
	if (can_be_told(part)) {
		check_statuses(blk, v.req);
		return;
	}
	gblk_remove(blk);
	ck_assert_uint_eq(blk->v.dma.grants, 0);
	gblk_restart(blk, config);
}

static bool written_by_device(uint32_t type, enum part part)
{
	bool data = part == PART_FIRST_DATA || part == PART_LAST_DATA;

	return part == PART_STATUS || (data && type == VIRTIO_BLK_T_IN);
}

START_TEST(a_bad_address_fails_its_request_only)
{
	const struct kind *kind = &kinds[_i / NR_PARTS];
	enum part part = (enum part)(_i % NR_PARTS);
	uint32_t types[] = { VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT };
	struct gblk *blk = start(kind);
	uint64_t bad[NR_BAD];
	unsigned int i;

	bad_addresses(bad);
	if (part == PART_TABLE && !blk->v.ring[0]->indirect)
		return;
	good_batch(blk); /* so that the device has something old to mistake for new */
	for (i = 0; i < 2 * NR_BAD; i++)
		if (i / 2 < NR_BAD - 1 || written_by_device(types[i % 2], part))
			one_bad(blk, &kind->driver, types[i % 2], part, bad[i / 2]);
	ck_assert(gblk_load(blk, 50, 16));
}
END_TEST

/* ---- taken away under way -------------------------------------------------------- */

static void revoke_data(const struct victim *v)
{
	unsigned int i;

	for (i = 1; i <= v->req->nsegs; i++)
		fake_grant_revoke(gdma_ref(*descriptor_address(v, i)));
}

/* Either it was served before, or it failed; the others are served. */
START_TEST(grants_revoked_under_way_fail_their_requests_only)
{
	struct gblk *blk = start(&kinds[1]);
	unsigned int turn, i;

	for (turn = 0; turn < 200; turn++) {
		struct victim v = { .ring = blk->v.ring[0], .id = blk->v.ring[0]->free_head };

		v.req = gblk_submit(blk, turn % 2 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, 4096,
				    65536);
		submit_good(blk, 3);
		gblk_kick(blk);
		unit_nap_us(guest_random(300));
		revoke_data(&v);
		for (i = 0; i < 4; i++) {
			struct gblk_req *req = blk->inflight;

			ck_assert(gblk_wait(blk, req, 10000));
			ck_assert(req->status == VIRTIO_BLK_S_OK || req == v.req);
			gblk_put(blk, req);
		}
	}
	ck_assert(!needs_reset(blk));
}
END_TEST

/* The ring's own grants: its mapping stays until the reset, whatever the guest says. */
START_TEST(a_ring_revoked_under_way_does_no_harm)
{
	struct gblk *blk = start(&kinds[1]);
	struct gring *ring = blk->v.ring[0];
	unsigned int i;

	ck_assert(gblk_load(blk, 20, 8));
	for (i = 0; i < ring->pages; i++)
		fake_grant_revoke(gdma_ref(ring->addr) + i);
	ck_assert(gblk_load(blk, 20, 8));
	gblk_remove(blk);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
}
END_TEST

/* Pages go and come, as with a balloon that does not know what it does. */
START_TEST(holes_that_come_and_go_fail_what_lies_in_them)
{
	struct gblk *blk = start(&kinds[0]);
	unsigned int turn;

	for (turn = 0; turn < 60; turn++) {
		bool hole = turn % 3;
		struct gblk_req *req;
		uint64_t pfn;

		blk->v.ring[0]->held = true;
		req = gblk_submit(blk, VIRTIO_BLK_T_IN, 4096, 65536);
		pfn = req->seg[0].gpa / FAKE_PAGE;
		if (hole)
			fake_hole(pfn, true);
		vcpu_invalidate(1);
		submit_good(blk, 3);
		gring_show(blk->v.ring[0]);
		gblk_kick(blk);
		ck_assert(settled(blk));
		if (hole)
			fake_hole(pfn, false);
		check_statuses(blk, hole ? req : NULL);
	}
}
END_TEST

/* ---- a read-only disk ------------------------------------------------------------ */

/* model_teardown() compares the image with what it was. */
START_TEST(a_readonly_disk_is_not_written)
{
	struct gblk_config driver = kinds[_i].driver;
	struct gblk *blk;
	unsigned int i;

	driver.without |= BIT_ULL(VIRTIO_BLK_F_RO); /* it does as if it could write */
	model_start(kinds[_i].platform, model_disk("readonly=on"));
	blk = model_driver(&driver);
	ck_assert(blk->v.offered & BIT_ULL(VIRTIO_BLK_F_RO));
	for (i = 0; i < 20; i++)
		ck_assert_uint_eq(gblk_io(blk, VIRTIO_BLK_T_OUT, i * 7, 512u << i % 8),
				  VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(gblk_io(blk, VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
	memset(blk->known, 1, blk->capacity);
	blk->readonly = true;
	ck_assert(gblk_load(blk, 100, 16));
}
END_TEST

/* ---- the log --------------------------------------------------------------------- */

#define OFFENCES  100000u
#define LOG_LINES 100u

/* One descriptor each, so that heads can be offered again and again. */
static void flood(struct gblk *blk, uint64_t address, unsigned int nr)
{
	struct gring *ring = blk->v.ring[0];
	uint64_t shared, table = gdma_alloc(&blk->v.dma, 1, &shared);
	struct vring_desc *entries = fake_ram(table);
	unsigned int i, done;

	entries[0] = (struct vring_desc){ address, 16, VRING_DESC_F_NEXT, 1 };
	entries[1] = (struct vring_desc){ shared + 2048, 1, VRING_DESC_F_WRITE, 0 };
	for (i = 0; i < ring->size; i++)
		ring->desc[i] = (struct vring_desc){ shared, 32, VRING_DESC_F_INDIRECT, 0 };
	for (i = 0; i < ring->size; i++)
		ring->avail->ring[i] = (uint16_t)i;
	for (done = 0; done < nr; done += ring->size) {
		ring->avail->idx = (uint16_t)(ring->avail->idx + ring->size);
		gvirtio_kick_always(&blk->v, ring);
		ck_assert(wait_for(ring->used->idx == ring->avail->idx));
	}
	gblk_remove(blk);
	gdma_free(&blk->v.dma, table, 1, shared);
}

START_TEST(log_bound)
{
	const struct kind *kind = &kinds[_i];
	struct gblk *blk = start(kind);
	uint64_t bad[NR_BAD];
	struct fake_io odd = { .type = FAKE_MMIO, .size = 3, .read = true };
	unsigned int i;

	bad_addresses(bad);
	flood(blk, bad[_i ? 4 : 2], OFFENCES);
	for (i = 0; i < OFFENCES / 10; i++) {
		vcpu_begin_stale(1, (unsigned int)fake_server_id(), &odd);
		vcpu_finish(1);
	}
	for (i = 0; i < OFFENCES / 1000; i++) {
		gblk_restart(blk, &kind->driver);
		blk->v.ring[0]->avail->idx = UINT16_MAX;
		gvirtio_kick_always(&blk->v, blk->v.ring[0]);
		ck_assert(gvirtio_config_changed(&blk->v, 10000));
		gblk_remove(blk);
	}
	ck_assert_uint_lt(count_lines(fake_log(daemon_child)), LOG_LINES);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(a_bad_address_fails_its_request_only, ARRAY_SIZE(kinds) * NR_PARTS),
		ONCE(grants_revoked_under_way_fail_their_requests_only),
		ONCE(a_ring_revoked_under_way_does_no_harm),
		ONCE(holes_that_come_and_go_fail_what_lies_in_them),
		TIMES(a_readonly_disk_is_not_written, 2),
		TIMES(log_bound, 2),
	};

	return unit_main("model-memory", model_setup, model_teardown, tests, ARRAY_SIZE(tests));
}
