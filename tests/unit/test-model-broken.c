/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-model-broken.c: a driver that breaks the rules of its ring, in every way
 * there is, is told so and has to reset the device; nobody else notices, and
 * after the reset the device works again.
 */
#include <linux/virtio_config.h>
#include <string.h>

#include "model.h"
#include "unit/unit.h"

/* A disk whose driver fills the ring in by hand. */
struct hostile {
	struct gblk *blk;
	struct gring *ring;
	uint64_t gpa, addr; /* pages that it shares with the device */
};

/* In these pages. */
enum { HEADER = 0, DATA = 512, STATUS = 1024, TABLE = 4096, PAGES = 3 };

#define N VRING_DESC_F_NEXT
#define W VRING_DESC_F_WRITE
#define I VRING_DESC_F_INDIRECT

static const struct kind {
	enum fake_platform platform;
	enum gdma_kind dma;
	enum girq irq;
	uint64_t without;
	const char *workers;
} kinds[] = {
	{ FAKE_HVM, GDMA_PLAIN, GIRQ_PIRQ, 0, "1" },
	{ FAKE_PVH, GDMA_GRANTS, GIRQ_MSIX, 0, "2" },
	{ FAKE_HVM, GDMA_GRANTS, GIRQ_INTX, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC), "1" },
	{ FAKE_PVH, GDMA_PLAIN, GIRQ_MSIX, BIT_ULL(VIRTIO_RING_F_EVENT_IDX), "0" },
};

static struct gblk_config config, config2;
static struct gblk *neighbour;

static struct gblk *start(const struct kind *kind)
{
	config = (struct gblk_config){
		.bdf = MODEL_BDF, .dma = kind->dma, .irq = kind->irq, .without = kind->without
	};
	config2 = config;
	config2.bdf = MODEL_BDF2;
	model_start_with(kind->platform, kind->workers, model_disk(NULL), model_disk2(NULL));
	neighbour = model_driver(&config2);
	return model_driver(&config);
}

static uint8_t status(struct gblk *blk)
{
	return (uint8_t)gvirtio_read(&blk->v, gvirtio_field(device_status), 1);
}

/* The driver is told once, and the neighbour has not noticed. */
static void check_needs_reset(struct gblk *blk, const char *how)
{
	ck_assert_msg(gvirtio_config_changed(&blk->v, 10000), "%s: nobody is told", how);
	ck_assert_msg(status(blk) & VIRTIO_CONFIG_S_NEEDS_RESET, "%s: no reset needed", how);
	ck_assert(gblk_load(neighbour, 8, 4));
	ck_assert_msg(!gvirtio_config_changed(&blk->v, 0), "%s: told twice", how);
}

/* ---- rings by hand --------------------------------------------------------------- */

static void hostile_begin(struct hostile *h, struct gblk *blk)
{
	struct virtio_blk_outhdr *header;

	h->blk = blk;
	h->ring = blk->v.ring[0];
	h->gpa = gdma_alloc(&blk->v.dma, PAGES, &h->addr);
	header = fake_ram(h->gpa + HEADER);
	*header = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_IN };
}

static void hostile_end(struct hostile *h)
{
	gblk_remove(h->blk);
	gdma_free(&h->blk->v.dma, h->gpa, PAGES, h->addr);
	ck_assert_uint_eq(h->blk->v.dma.grants, 0);
}

static void desc(struct hostile *h, unsigned int i, uint64_t at, uint32_t len, uint16_t flags,
		 uint16_t next)
{
	h->ring->desc[i] = (struct vring_desc){ h->addr + at, len, flags, next };
}

static void entry(struct hostile *h, unsigned int i, uint64_t at, uint32_t len, uint16_t flags,
		  uint16_t next)
{
	struct vring_desc *table = fake_ram(h->gpa + TABLE);

	table[i] = (struct vring_desc){ h->addr + at, len, flags, next };
}

/* Both heads at once, as far as the device can see. */
static void offer_two(struct hostile *h, uint16_t head, uint16_t head2)
{
	struct gring *ring = h->ring;
	uint16_t at = ring->avail->idx;

	ring->avail->ring[at % ring->size] = head;
	ring->avail->ring[(at + 1) % ring->size] = head2;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	ring->avail->idx = (uint16_t)(at + 2);
}

static void offer(struct hostile *h, uint16_t head)
{
	struct gring *ring = h->ring;
	uint16_t at = ring->avail->idx;

	ring->avail->ring[at % ring->size] = head;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	ring->avail->idx = (uint16_t)(at + 1);
}

/* A read of sector 0 that is as it should be, in descriptors 0 to 2. */
static void good_request(struct hostile *h)
{
	desc(h, 0, HEADER, 16, N, 1);
	desc(h, 1, DATA, 512, N | W, 2);
	desc(h, 2, STATUS, 1, W, 0);
}

/* The same by a table, with descriptor 0 for it. */
static void good_table(struct hostile *h)
{
	desc(h, 0, TABLE, 48, I, 0);
	entry(h, 0, HEADER, 16, N, 1);
	entry(h, 1, DATA, 512, N | W, 2);
	entry(h, 2, STATUS, 1, W, 0);
}

/* ---- ways to break one ----------------------------------------------------------- */

static void index_jumps(struct hostile *h)
{
	h->ring->avail->idx = (uint16_t)(h->ring->avail->idx + h->ring->size + 1);
}

static void index_goes_back(struct hostile *h)
{
	h->ring->avail->idx = (uint16_t)(h->ring->avail->idx - 1);
}

static void head_outside(struct hostile *h)
{
	offer(h, h->ring->size);
}

static void head_far_outside(struct hostile *h)
{
	offer(h, UINT16_MAX);
}

static void head_twice(struct hostile *h)
{
	good_request(h);
	offer_two(h, 0, 0);
}

static void good_one_and_bad_one(struct hostile *h)
{
	good_request(h);
	desc(h, 3, HEADER, 0, 0, 0);
	offer_two(h, 0, 3);
}

static void next_is_itself(struct hostile *h)
{
	desc(h, 0, HEADER, 16, N, 0);
	offer(h, 0);
}

static void goes_round(struct hostile *h)
{
	good_request(h);
	desc(h, 2, STATUS, 1, W | N, 1);
	offer(h, 0);
}

static void next_outside(struct hostile *h)
{
	desc(h, 0, HEADER, 16, N, h->ring->size);
	offer(h, 0);
}

static void empty_descriptor(struct hostile *h)
{
	good_request(h);
	desc(h, 1, DATA, 0, N | W, 2);
	offer(h, 0);
}

static void readable_behind_writable(struct hostile *h)
{
	good_request(h);
	desc(h, 2, STATUS, 1, 0, 0);
	offer(h, 0);
}

static void more_than_4_gib(struct hostile *h)
{
	good_request(h);
	desc(h, 1, DATA, UINT32_MAX, N | W, 2);
	offer(h, 0);
}

static void no_status(struct hostile *h)
{
	desc(h, 0, HEADER, 16, 0, 0);
	offer(h, 0);
}

static void table_empty(struct hostile *h)
{
	good_table(h);
	desc(h, 0, TABLE, 0, I, 0);
	offer(h, 0);
}

static void table_of_odd_size(struct hostile *h)
{
	good_table(h);
	desc(h, 0, TABLE, 47, I, 0);
	offer(h, 0);
}

static void table_too_large(struct hostile *h)
{
	good_table(h);
	desc(h, 0, TABLE, 257 * 16, I, 0);
	offer(h, 0);
}

static void table_with_next(struct hostile *h)
{
	good_table(h);
	desc(h, 0, TABLE, 48, I | N, 1);
	offer(h, 0);
}

static void table_in_table(struct hostile *h)
{
	good_table(h);
	entry(h, 0, TABLE, 48, I, 0);
	offer(h, 0);
}

static void table_next_outside(struct hostile *h)
{
	good_table(h);
	entry(h, 1, DATA, 512, N | W, 3);
	offer(h, 0);
}

static void table_goes_round(struct hostile *h)
{
	good_table(h);
	entry(h, 2, STATUS, 1, N | W, 1);
	offer(h, 0);
}

static void table_with_empty_entry(struct hostile *h)
{
	good_table(h);
	entry(h, 0, HEADER, 0, N, 1);
	offer(h, 0);
}

static void table_nowhere(struct hostile *h)
{
	good_table(h);
	h->ring->desc[0].addr = 1ull << 51;
	offer(h, 0);
}

static void table_ends_nowhere(struct hostile *h)
{
	good_table(h);
	h->ring->desc[0].addr = fake_ram_size() - 16;
	offer(h, 0);
}

#define WAY(name)           \
	{                   \
#name, name \
	}

static const struct way {
	const char *name;
	void (*apply)(struct hostile *h);
} ways[] = {
	WAY(index_jumps),
	WAY(index_goes_back),
	WAY(head_outside),
	WAY(head_far_outside),
	WAY(head_twice),
	WAY(good_one_and_bad_one),
	WAY(next_is_itself),
	WAY(goes_round),
	WAY(next_outside),
	WAY(empty_descriptor),
	WAY(readable_behind_writable),
	WAY(more_than_4_gib),
	WAY(no_status),
	WAY(table_empty),
	WAY(table_of_odd_size),
	WAY(table_too_large),
	WAY(table_with_next),
	WAY(table_in_table),
	WAY(table_next_outside),
	WAY(table_goes_round),
	WAY(table_with_empty_entry),
	WAY(table_nowhere),
	WAY(table_ends_nowhere),
};

/* ---- broken while it runs -------------------------------------------------------- */

/* No matter what it offers and how often it rings. */
static void check_served_no_more(struct hostile *h, uint16_t used)
{
	unsigned int i;

	good_request(h);
	for (i = 0; i < 20; i++) {
		offer(h, 0);
		gvirtio_kick_always(&h->blk->v, h->ring);
	}
	ck_assert(gblk_load(neighbour, 4, 2));
	ck_assert_uint_eq(h->ring->used->idx, used);
}

static void break_it(struct gblk *blk, const struct way *way)
{
	struct hostile h;
	uint16_t used;

	hostile_begin(&h, blk);
	used = h.ring->used->idx;
	way->apply(&h);
	gvirtio_kick_always(&blk->v, h.ring);
	check_needs_reset(blk, way->name);
	check_served_no_more(&h, used);
	hostile_end(&h);
}

START_TEST(a_broken_ring_needs_a_reset_and_nobody_else_notices)
{
	struct gblk *blk = start(&kinds[_i]);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		break_it(blk, &ways[i]);
		gblk_restart(blk, &config);
		ck_assert(gblk_load(blk, 6, 4));
	}
}
END_TEST

/* What was under way when the ring broke comes to rest before the reset ends. */
START_TEST(a_ring_breaks_with_requests_under_way)
{
	struct gblk *blk = start(&kinds[_i]);
	struct hostile h;
	unsigned int i, n;

	for (n = 0; n < 20; n++) {
		hostile_begin(&h, blk);
		for (i = 0; i < 30; i++)
			gblk_submit(blk, i % 2 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, i * 64, 32768);
		gblk_kick(blk);
		head_outside(&h);
		gvirtio_kick_always(&blk->v, h.ring);
		check_needs_reset(blk, "under way");
		hostile_end(&h);
		gblk_restart(blk, &config);
		ck_assert(gblk_load(blk, 6, 4));
	}
}
END_TEST

/* ---- broken from the start ------------------------------------------------------- */

enum field { SIZE, DESC, AVAIL, USED };
enum where { AT, RIGHT_PLUS, HOLE_PLUS, READONLY };

/* One register is wrong: a number as it is, or a distance from some place. */
static const struct wrong {
	const char *name;
	enum field field;
	enum where where;
	uint64_t value;
} wrongs[] = {
	{ "size 0", SIZE, AT, 0 },
	{ "size no power of two", SIZE, AT, 48 },
	{ "size too large", SIZE, AT, 512 },
	{ "size as large as can be", SIZE, AT, UINT16_MAX },
	{ "descriptors misaligned", DESC, RIGHT_PLUS, 8 },
	{ "available misaligned", AVAIL, RIGHT_PLUS, 1 },
	{ "used misaligned", USED, RIGHT_PLUS, 2 },
	{ "descriptors in a hole", DESC, HOLE_PLUS, 0 },
	{ "available in a hole", AVAIL, HOLE_PLUS, 0 },
	{ "used in a hole", USED, HOLE_PLUS, 0 },
	{ "used ends in a hole", USED, HOLE_PLUS, -8ull },
	{ "beyond RAM", AVAIL, AT, 1ull << 40 },
	{ "ends beyond RAM", DESC, AT, MODEL_RAM * 4096ull - 16 },
	{ "beyond all addresses", USED, AT, 1ull << 62 },
	{ "never granted", AVAIL, AT, 1ull << 63 | (FAKE_NR_GRANTS - 1) << 12 },
	{ "no such grant", DESC, AT, 1ull << 63 | (uint64_t)UINT32_MAX << 12 },
	{ "not a grant's number", DESC, AT, 1ull << 63 | 1ull << 44 },
	{ "round the end of addresses", DESC, AT, -16ull },
	{ "granted read-only", USED, READONLY, 0 },
};

static uint64_t wrong_value(const struct wrong *wrong, uint64_t right, uint64_t hole,
			    uint64_t readonly)
{
	switch (wrong->where) {
	case RIGHT_PLUS:
		return right + wrong->value;
	case HOLE_PLUS:
		return hole + wrong->value;
	case READONLY:
		return readonly;
	default:
		return wrong->value;
	}
}

static void spoil(struct gring *ring, const struct wrong *wrong, uint64_t hole, uint64_t readonly)
{
	uint64_t *addresses[] = { NULL, &ring->desc_addr, &ring->avail_addr, &ring->used_addr };
	uint64_t *address = addresses[wrong->field];

	if (address)
		*address = wrong_value(wrong, *address, hole, readonly);
	else
		ring->size = (uint16_t)wrong->value;
}

/* As a driver does it, but for the one register. */
static void start_wrong(struct gblk *blk, const struct wrong *wrong, uint64_t hole,
			uint64_t readonly)
{
	struct gvirtio *v = &blk->v;
	struct gring *ring;

	ck_assert(gvirtio_negotiate(v, v->features));
	if (config.irq != GIRQ_INTX)
		ck_assert(gpci_msix_enable(&v->pci, config.irq, 2));
	ck_assert(gvirtio_setup_queues(v, 0, 0));
	ring = gring_new(&v->dma, 64, false, false);
	spoil(ring, wrong, hole, readonly);
	gvirtio_queue_regs(v, 0, ring);
	ring->size = 64;
	gvirtio_write(v, gvirtio_field(queue_enable), 2, 1);
	gvirtio_driver_ok(v);
	check_needs_reset(blk, wrong->name);
	gvirtio_remove(v);
	gring_free(ring);
}

START_TEST(a_ring_that_cannot_be_needs_a_reset)
{
	struct gblk *blk = start(&kinds[_i]);
	struct gdma readonly = { .kind = GDMA_GRANTS };
	uint64_t pages = gpage_alloc(2);
	uint64_t grant = gdma_map(&readonly, pages, FAKE_PAGE, GDMA_TO_DEVICE);
	unsigned int i, mapped;

	fake_hole(pages / FAKE_PAGE + 1, true);
	for (i = 0; i < ARRAY_SIZE(wrongs); i++) {
		gblk_remove(blk);
		mapped = fake_grants_mapped();
		start_wrong(blk, &wrongs[i], pages + FAKE_PAGE, grant);
		ck_assert_uint_eq(blk->v.dma.grants, 0);
		ck_assert_uint_eq(fake_grants_mapped(), mapped);
		gblk_restart(blk, &config);
		ck_assert(gblk_load(blk, 6, 4));
	}
}
END_TEST

/* ---- addresses of a kind that memory= forbids ------------------------------------ */

static const struct policy {
	const char *option;
	enum gdma_kind dma;
	bool served;
} policies[] = {
	{ "memory=auto", GDMA_PLAIN, true },    { "memory=auto", GDMA_GRANTS, true },
	{ "memory=grants", GDMA_PLAIN, false }, { "memory=grants", GDMA_GRANTS, true },
	{ "memory=foreign", GDMA_PLAIN, true }, { "memory=foreign", GDMA_GRANTS, false },
};

START_TEST(a_policy_allows_one_kind_of_address)
{
	const struct policy *policy = &policies[_i];
	const struct gblk_config driver = { MODEL_BDF, policy->dma, GIRQ_PIRQ, 0, 0, 0, 0 };
	struct gblk *blk;

	model_start(FAKE_HVM, model_disk(policy->option));
	blk = model_driver(&driver);
	if (policy->served) {
		ck_assert(gblk_load(blk, 20, 8));
		return;
	}
	ck_assert(gvirtio_config_changed(&blk->v, 10000));
	ck_assert(status(blk) & VIRTIO_CONFIG_S_NEEDS_RESET);
	gblk_remove(blk);
	ck_assert_uint_eq(fake_foreign_mapped() + fake_grants_mapped(), 0);
}
END_TEST

/* A driver that knows nothing of such addresses is told before it makes any. */
START_TEST(memory_grants_requires_the_feature)
{
	struct gblk *blk;

	model_start(FAKE_HVM, model_disk(_i ? "memory=grants" : "memory=auto"));
	blk = model_driver(&model_plain);
	gblk_remove(blk);
	ck_assert_int_eq(gvirtio_negotiate(&blk->v, BIT_ULL(VIRTIO_F_VERSION_1)), !_i);
	gvirtio_reset(&blk->v);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(a_broken_ring_needs_a_reset_and_nobody_else_notices, ARRAY_SIZE(kinds)),
		TIMES(a_ring_breaks_with_requests_under_way, ARRAY_SIZE(kinds)),
		TIMES(a_ring_that_cannot_be_needs_a_reset, ARRAY_SIZE(kinds)),
		TIMES(a_policy_allows_one_kind_of_address, ARRAY_SIZE(policies)),
		TIMES(memory_grants_requires_the_feature, 2),
	};

	return unit_main("model-broken", model_setup, model_teardown, tests, ARRAY_SIZE(tests));
}
