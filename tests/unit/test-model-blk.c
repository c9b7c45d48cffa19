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

#define NO_INDIRECT FEATURE(VIRTIO_RING_F_INDIRECT_DESC)
#define NO_EVENTS   FEATURE(VIRTIO_RING_F_EVENT_IDX)

static const struct driver_kind {
	uint64_t without; /* features */
	enum fake_platform platform;
	enum gdma_kind dma;
	enum girq irq;
	uint16_t ring_size;
} driver_kinds[] = {
	{ 0, FAKE_HVM, GDMA_PLAIN, GIRQ_PIRQ, 128 },
	{ 0, FAKE_HVM, GDMA_GRANTS, GIRQ_PIRQ, 128 },
	{ 0, FAKE_PVH, GDMA_GRANTS, GIRQ_MSIX, 256 },
	{ 0, FAKE_PVH, GDMA_PLAIN, GIRQ_MSIX, 256 },
	{ 0, FAKE_HVM, GDMA_PLAIN, GIRQ_INTX, 128 },
	{ 0, FAKE_HVM, GDMA_GRANTS, GIRQ_INTX, 128 },
	{ 0, FAKE_HVM, GDMA_PLAIN, GIRQ_NONE, 128 },
	{ NO_INDIRECT, FAKE_HVM, GDMA_PLAIN, GIRQ_PIRQ, 128 },
	{ NO_INDIRECT, FAKE_PVH, GDMA_GRANTS, GIRQ_MSIX, 128 },
	{ NO_EVENTS, FAKE_PVH, GDMA_GRANTS, GIRQ_MSIX, 128 },
	{ NO_EVENTS, FAKE_HVM, GDMA_PLAIN, GIRQ_INTX, 128 },
	{ NO_INDIRECT | NO_EVENTS, FAKE_PVH, GDMA_GRANTS, GIRQ_MSIX, 16 },
	{ 0, FAKE_ARM, GDMA_GRANTS, GIRQ_INTX, 128 },
	{ 0, FAKE_ARM, GDMA_PLAIN, GIRQ_INTX, 256 },
	{ NO_INDIRECT | NO_EVENTS, FAKE_ARM, GDMA_GRANTS, GIRQ_INTX, 64 },
	{ FEATURE(VIRTIO_F_ACCESS_PLATFORM), FAKE_HVM, GDMA_PLAIN, GIRQ_PIRQ, 64 },
	{ FEATURE(VIRTIO_BLK_F_FLUSH), FAKE_HVM, GDMA_PLAIN, GIRQ_PIRQ, 64 },
};

START_TEST(every_kind_of_driver_gets_its_data)
{
	const struct driver_kind *kind = &driver_kinds[_i];
	struct gblk_config config = { .bdf = MODEL_BDF,
				      .dma = kind->dma,
				      .irq = kind->irq,
				      .without = kind->without,
				      .ring_size = kind->ring_size };
	struct gblk *blk;

	model_start(kind->platform, model_disk(NULL));
	blk = model_driver(&config);
	ck_assert(gblk_load(blk, 100, 1));
	ck_assert(gblk_load(blk, 600, 32));
	ck_assert_uint_eq(blk->errors, 0);
	gblk_remove(blk);
	ck_assert_uint_eq(blk->v.dma.grants, 0);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
}
END_TEST

START_TEST(without_indirect_descriptors_no_table_is_copied)
{
	struct gblk *blk;
	unsigned int i;

	model_start(FAKE_PVH, model_disk("indirect=off"));
	blk = model_driver(&model_grants);
	ck_assert_uint_eq(blk->v.offered & FEATURE(VIRTIO_RING_F_INDIRECT_DESC), 0);
	ck_assert(gblk_load(blk, 400, 32));
	ck_assert_uint_eq(blk->errors, 0);
	fake_calls_reset();
	for (i = 0; i < 8; i++)
		ck_assert_uint_eq(gblk_io(blk, VIRTIO_BLK_T_IN, i * 8, 512), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_COPY), 8 * 2); /* headers; data and status */
	gblk_remove(blk);
}
END_TEST

START_TEST(blocks_are_as_large_as_is_asked_for)
{
	struct gblk *blk;

	model_start(FAKE_HVM, model_disk(_i ? "block-size=4096" : NULL));
	blk = model_driver(&model_plain);
	ck_assert_uint_eq(blk->blk_size, _i ? 4096 : 512);
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
	tcase_add_test(tc, without_indirect_descriptors_no_table_is_copied);
	tcase_add_loop_test(tc, blocks_are_as_large_as_is_asked_for, 0, 2);
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
