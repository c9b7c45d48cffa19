/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-model-pages.c: the whole daemon on a kernel with pages of 4, 16 or 64 KiB,
 * for a guest that grants: Linux's rings serve, data is right, copied or mapped,
 * and a ring that crosses a grant is refused.
 */
#include <linux/virtio_config.h>

#include "unit/model.h"
#include "unit/unit.h"

#define SIZES 3

static const unsigned page_sizes[SIZES] = { 4096, 16384, 65536 };

static struct fake_child *child;

static void start(unsigned page_size, const char *workers, const char *more)
{
	guest_boot(FAKE_PVH, MODEL_VCPUS, MODEL_RAM);
	fake_page_size(page_size);
	child = fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--workers", workers, "--blk",
			   model_disk(more));
}

static void stop(struct gblk *blk)
{
	ck_assert_uint_eq(blk->errors, 0);
	gblk_remove(blk);
	ck_assert_uint_eq(fake_maps(), 0);
	ck_assert_int_eq(fake_terminate(child), 0);
}

START_TEST(rings_of_all_sizes_serve_by_grants)
{
	static const uint16_t sizes[] = { 4, 16, 128, 256 };
	struct gblk_config driver = model_grants;
	struct gblk *blk;

	driver.ring_size = sizes[_i / SIZES];
	start(page_sizes[_i % SIZES], _i & 1 ? "1" : "0", NULL);
	blk = model_driver(&driver);
	ck_assert(gblk_load(blk, 300, 32));
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_MAP), 1); /* the ring */
	stop(blk);
}
END_TEST

/* Small requests and ones of up to 1 MiB, whose pages are more than a loan has pieces. */
START_TEST(mapped_data_is_right)
{
	unsigned page_size = page_sizes[_i / 2], i;
	struct gblk *blk;

	start(page_size, _i & 1 ? "1" : "0", "map-from=4096");
	blk = model_driver(&model_grants);
	ck_assert(gblk_load(blk, 300, 32));
	ck_assert_uint_gt(fake_calls(FAKE_GRANT_MAP), 50);
	for (i = 0; i < 10; i++) {
		uint32_t length = (100u << 10) * (i + 1);

		ck_assert_uint_eq(gblk_io(blk, VIRTIO_BLK_T_OUT, i, length), VIRTIO_BLK_S_OK);
		ck_assert_uint_eq(gblk_io(blk, VIRTIO_BLK_T_IN, i, length), VIRTIO_BLK_S_OK);
	}
	stop(blk);
}
END_TEST

START_TEST(plain_addresses_are_served)
{
	const struct gblk_config driver = { .bdf = MODEL_BDF, .irq = GIRQ_MSIX };
	struct gblk *blk;

	start(page_sizes[_i], "1", NULL);
	blk = model_driver(&driver);
	ck_assert(gblk_load(blk, 300, 32));
	stop(blk);
}
END_TEST

static bool needs_reset(struct gblk *blk)
{
	return gvirtio_read(&blk->v, gvirtio_field(device_status), 1) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/* As Linux, but that the descriptors begin in the midst of the first of three pages. */
static void drive_across(struct gblk *blk, uint64_t pages)
{
	const struct gring ring = { .size = 256,
				    .desc_addr = pages + 0x800,
				    .avail_addr = pages + 0x1800,
				    .used_addr = pages + 0x2000 };
	struct gvirtio *v = &blk->v;

	ck_assert(gvirtio_negotiate(v, v->features));
	ck_assert(gpci_msix_enable(&v->pci, model_grants.irq, 2));
	ck_assert(gvirtio_setup_queues(v, 0, 0));
	gvirtio_queue_regs(v, 0, &ring);
	gvirtio_write(v, gvirtio_field(queue_enable), 2, 1);
	gvirtio_driver_ok(v);
}

START_TEST(a_ring_across_grants_needs_a_reset_where_there_are_gaps)
{
	static const char *const told[SIZES] = { NULL, "pages of 16 KiB", "pages of 64 KiB" };
	struct gblk *blk;
	uint64_t gpa, pages;

	start(page_sizes[_i], "1", NULL);
	blk = model_driver(&model_grants);
	gblk_remove(blk);
	gpa = gdma_alloc(&blk->v.dma, 3, &pages);
	drive_across(blk, pages);
	if (told[_i]) {
		ck_assert(gvirtio_config_changed(&blk->v, 10000));
		ck_assert(fake_wait_log(child, told[_i], 10000));
		ck_assert(fake_wait_log(child, "it needs a reset", 10000));
		ck_assert_uint_eq(fake_maps(), 0);
	} else {
		ck_assert(wait_for(fake_grants_mapped() == 3));
	}
	ck_assert_int_eq(needs_reset(blk), told[_i] != NULL);
	gvirtio_remove(&blk->v);
	gdma_free(&blk->v.dma, gpa, 3, pages);
	gblk_restart(blk, &model_grants);
	ck_assert(gblk_load(blk, 50, 16));
	stop(blk);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(rings_of_all_sizes_serve_by_grants, SIZES * 4),
		TIMES(mapped_data_is_right, SIZES * 2),
		TIMES(plain_addresses_are_served, SIZES),
		TIMES(a_ring_across_grants_needs_a_reset_where_there_are_gaps, SIZES),
	};

	return unit_main("model-pages", model_setup, model_teardown, tests, ARRAY_SIZE(tests));
}
