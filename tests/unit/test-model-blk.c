/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-model-blk.c: the whole daemon serves a disk to the model guest, in all
 * the ways a driver may use it. All data is verified, on the way and in the
 * image at the end.
 */
#include <check.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define FEATURE(name) (1ull << (name))

static const struct {
	enum fake_platform platform;
	enum gdma_kind dma;
	enum girq irq;
	uint64_t without;
	uint16_t ring_size;
} driver_kinds[] = {
	{ FAKE_HVM, GDMA_PLAIN, GIRQ_PIRQ, 0, 128 },
	{ FAKE_HVM, GDMA_GRANTS, GIRQ_PIRQ, 0, 128 },
	{ FAKE_PVH, GDMA_GRANTS, GIRQ_MSIX, 0, 256 },
	{ FAKE_PVH, GDMA_PLAIN, GIRQ_MSIX, 0, 256 },
	{ FAKE_HVM, GDMA_PLAIN, GIRQ_INTX, 0, 128 },
	{ FAKE_HVM, GDMA_GRANTS, GIRQ_INTX, 0, 128 },
	{ FAKE_HVM, GDMA_PLAIN, GIRQ_NONE, 0, 128 },
	{ FAKE_HVM, GDMA_PLAIN, GIRQ_PIRQ, FEATURE(VIRTIO_RING_F_INDIRECT_DESC), 128 },
	{ FAKE_PVH, GDMA_GRANTS, GIRQ_MSIX, FEATURE(VIRTIO_RING_F_INDIRECT_DESC), 128 },
	{ FAKE_PVH, GDMA_GRANTS, GIRQ_MSIX, FEATURE(VIRTIO_RING_F_EVENT_IDX), 128 },
	{ FAKE_HVM, GDMA_PLAIN, GIRQ_INTX, FEATURE(VIRTIO_RING_F_EVENT_IDX), 128 },
	{ FAKE_PVH, GDMA_GRANTS, GIRQ_MSIX,
	  FEATURE(VIRTIO_RING_F_INDIRECT_DESC) | FEATURE(VIRTIO_RING_F_EVENT_IDX), 16 },
	{ FAKE_HVM, GDMA_PLAIN, GIRQ_PIRQ, FEATURE(VIRTIO_F_ACCESS_PLATFORM), 64 },
	{ FAKE_HVM, GDMA_PLAIN, GIRQ_PIRQ, FEATURE(VIRTIO_BLK_F_FLUSH), 64 },
};

START_TEST(every_kind_of_driver_gets_its_data)
{
	struct gblk_config config = { .bdf = MODEL_BDF,
				      .dma = driver_kinds[_i].dma,
				      .irq = driver_kinds[_i].irq,
				      .without = driver_kinds[_i].without,
				      .ring_size = driver_kinds[_i].ring_size };
	struct gblk *blk;

	model_start(driver_kinds[_i].platform, model_disk(NULL));
	blk = model_driver(&config);
	ck_assert(gblk_load(blk, 100, 1));
	ck_assert(gblk_load(blk, 600, 32));
	ck_assert_uint_eq(blk->errors, 0);
	gblk_remove(blk);
	ck_assert_uint_eq(blk->v.dma.grants, 0);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("model-blk");
	TCase *tc = tcase_create("blk");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, model_setup, model_teardown);
	tcase_add_loop_test(tc, every_kind_of_driver_gets_its_data, 0,
			    sizeof(driver_kinds) / sizeof(driver_kinds[0]));
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
