/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-arm.c: the whole daemon serves an Arm guest: config space in the ECAM
 * window, SPIs, and nothing that Xen does not have there.
 */
#include <check.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <signal.h>
#include <string.h>

#include "model.h"
#include "unit/unit.h"

#define PAGE_OF(bdf) (FAKE_ECAM + ((uint64_t)(bdf) << 12))
#define SPI          (32 + (MODEL_BDF >> 3))

static const struct gblk_config by_grants = { .bdf = MODEL_BDF,
					      .dma = GDMA_GRANTS,
					      .irq = GIRQ_INTX };
static const struct gblk_config by_frames = { .bdf = MODEL_BDF, .irq = GIRQ_INTX };

static bool claims(uint64_t base, uint64_t size)
{
	return fake_claimed(FAKE_RANGE_MEMORY, base, base + size - 1);
}

/* ---- config space ------------------------------------------------------------------ */

START_TEST(a_function_claims_its_page_of_config_space_and_no_more)
{
	int id;

	model_start(FAKE_ARM, model_disk(NULL));
	id = fake_server_id();
	ck_assert(claims(PAGE_OF(MODEL_BDF), 4096));
	ck_assert_uint_eq(fake_ranges((unsigned)id, FAKE_RANGE_MEMORY), 1);
	ck_assert_uint_eq(fake_ranges((unsigned)id, FAKE_RANGE_PCI), 0);
	ck_assert_uint_eq(vcpu_config_read(0, MODEL_BDF, PCI_VENDOR_ID, 4) & 0xffff, 0x1af4);
}
END_TEST

START_TEST(extended_config_space_reads_ones)
{
	model_start(FAKE_ARM, model_disk(NULL));
	ck_assert_uint_eq(vcpu_config_read(0, MODEL_BDF, 0x100, 4), 0xffffffff);
	ck_assert_uint_eq(vcpu_config_read(0, MODEL_BDF, 0xffc, 4), 0xffffffff);
	ck_assert_uint_eq(vcpu_config_read(0, MODEL_BDF, 0xff, 1), 0);
	vcpu_config_write(0, MODEL_BDF, 0x100, 4, 0);
	ck_assert_uint_eq(vcpu_config_read(0, MODEL_BDF, PCI_VENDOR_ID, 8), UINT64_MAX);
}
END_TEST

/* The fake hands whole registers over, and fails the test for an answer of more. */
START_TEST(every_width_is_masked_both_ways)
{
	model_start(FAKE_ARM, model_disk(NULL));
	vcpu_config_write(0, MODEL_BDF, PCI_INTERRUPT_LINE, 1, 0xffffff42);
	ck_assert_uint_eq(vcpu_config_read(0, MODEL_BDF, PCI_INTERRUPT_LINE, 1), 0x42);
	ck_assert_uint_eq(vcpu_config_read(0, MODEL_BDF, PCI_INTERRUPT_LINE, 2), 0x0142);
	vcpu_config_write(0, MODEL_BDF, PCI_CACHE_LINE_SIZE, 1, 0x1234);
	ck_assert_uint_eq(vcpu_config_read(0, MODEL_BDF, PCI_CACHE_LINE_SIZE, 4), 0x34);
	ck_assert_uint_eq(vcpu_config_read(0, MODEL_BDF, PCI_DEVICE_ID, 2), 0x1042);
}
END_TEST

START_TEST(config_space_is_where_ecam_says)
{
	struct fake_io io = { .type = FAKE_MMIO,
			      .read = true,
			      .addr = 0x30000000 + ((uint64_t)MODEL_BDF << 12),
			      .size = 2 };

	guest_boot(FAKE_ARM, MODEL_VCPUS, MODEL_RAM);
	fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--ecam", "0x30000000", "--blk",
		   model_disk(NULL));
	ck_assert_uint_eq(vcpu_io(0, &io).data, 0x1af4);
}
END_TEST

/* ---- interrupts ------------------------------------------------------------------------ */

START_TEST(no_msi_is_offered)
{
	struct gblk *blk;

	model_start(FAKE_ARM, model_disk(NULL));
	blk = model_driver(&by_frames);
	ck_assert_uint_eq(gpci_find_cap(&blk->v.pci, PCI_CAP_ID_MSIX, 0), 0);
	ck_assert_uint_eq(gpci_find_cap(&blk->v.pci, PCI_CAP_ID_MSI, 0), 0);
	ck_assert_uint_eq(blk->v.pci.pin, 1);
}
END_TEST

/* A level is not kept: what comes while ISR is set needs no pulse of its own, and
 * what comes after it was read needs one. */
START_TEST(there_is_one_pulse_for_each_time_isr_is_set)
{
	struct gblk_req *first, *second;
	struct gblk *blk;
	unsigned before;

	model_start(FAKE_ARM, model_disk(NULL));
	blk = model_driver(&by_grants);
	before = fake_spi_raised(SPI);
	first = gblk_submit(blk, VIRTIO_BLK_T_IN, 0, 4096);
	gvirtio_kick_always(&blk->v, blk->v.ring[0]);
	ck_assert(wait_for(fake_spi_raised(SPI) == before + 1));
	second = gblk_submit(blk, VIRTIO_BLK_T_IN, 8, 4096);
	gvirtio_kick_always(&blk->v, blk->v.ring[0]);
	ck_assert(wait_for(blk->v.ring[0]->used->idx == 2));
	ck_assert_uint_eq(fake_spi_raised(SPI), before + 1);
	ck_assert(gblk_wait(blk, first, 1000) && gblk_wait(blk, second, 1000));
	ck_assert(!fake_spi_level(SPI));
	ck_assert_uint_eq(gblk_io(blk, VIRTIO_BLK_T_IN, 0, 4096), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(fake_spi_raised(SPI), before + 2);
}
END_TEST

START_TEST(the_interrupt_is_where_spi_base_says)
{
	guest_boot(FAKE_ARM, MODEL_VCPUS, MODEL_RAM);
	fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--ecam", "0x10000000", "--spi-base",
		   "40", "--blk", model_disk(NULL));
	ck_assert_uint_eq(
		gblk_io(model_driver(&(struct gblk_config){ .bdf = MODEL_BDF, .irq = GIRQ_NONE }),
			VIRTIO_BLK_T_IN, 0, 512),
		VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(fake_spi_raised(40 + (MODEL_BDF >> 3)), 1);
}
END_TEST

START_TEST(an_spi_that_the_domain_lacks_is_said_at_start)
{
	struct fake_child *child;

	guest_boot(FAKE_ARM, MODEL_VCPUS, MODEL_RAM);
	child = fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--ecam", "0x10000000",
				  "--spi-base", "64", "--blk", model_disk(NULL));
	ck_assert_int_eq(fake_wait_exit(child, 5000), 1);
	ck_assert(strstr(fake_log(child), "the domain has no interrupt 70"));
	ck_assert_uint_eq(fake_servers(), 0);
}
END_TEST

/* ---- what Xen has there ------------------------------------------------------------------ */

START_TEST(calls_that_arm_lacks_are_not_made)
{
	struct gblk *blk;

	model_start(FAKE_ARM, model_disk(NULL));
	blk = model_driver(_i ? &by_grants : &by_frames);
	ck_assert(gblk_load(blk, 200, 16));
	gblk_remove(blk);
	gblk_restart(blk, _i ? &by_grants : &by_frames);
	ck_assert(gblk_load(blk, 50, 4));
	vcpu_invalidate(0);
	ck_assert_uint_eq(fake_calls(FAKE_DM_INTX), 0);
	ck_assert_uint_eq(fake_calls(FAKE_DM_MSI), 0);
	ck_assert_uint_eq(fake_calls(FAKE_DM_MAP_PCIDEV), 0);
	ck_assert_uint_eq(fake_calls(FAKE_DM_MODIFIED), 0);
}
END_TEST

START_TEST(a_killed_daemon_is_followed_by_one_that_adopts)
{
	struct fake_child *child = model_start(FAKE_ARM, model_disk(NULL));
	struct gblk *blk = model_driver(_i ? &by_grants : &by_frames);
	struct fake_io io = fake_config_io(MODEL_BDF, PCI_VENDOR_ID, 4, true, 0);
	int id = fake_server_id();

	ck_assert(gblk_load(blk, 50, 16));
	fake_kill9(child);
	vcpu_begin(1, &io);
	model_again(model_disk(NULL));
	ck_assert_uint_eq(vcpu_finish(1).data & 0xffff, 0x1af4);
	ck_assert_int_eq(fake_server_id(), id);
	gblk_remove(blk);
	gblk_restart(blk, _i ? &by_grants : &by_frames);
	ck_assert(gblk_load(blk, 50, 16));
}
END_TEST

START_TEST(after_sigterm_nothing_is_claimed)
{
	struct fake_child *child = model_start(FAKE_ARM, model_disk(NULL));
	struct gblk *blk = model_driver(&by_grants);
	uint64_t bar = blk->v.pci.bar[0].base;

	ck_assert(claims(bar, 4096));
	ck_assert_int_eq(fake_terminate(child), 0);
	ck_assert(!claims(bar, 4096));
	ck_assert(!claims(PAGE_OF(MODEL_BDF), 4096));
}
END_TEST

/* A doorbell of vCPU 1, which the daemon finds when it is told to end; the vCPU is slow to
 * look at the answer. */
static void ring_and_terminate(struct fake_child *child, const struct gblk *blk)
{
	const struct fake_io io = { .type = FAKE_MMIO, .size = 2, .addr = blk->v.ring[0]->notify };

	kill(fake_pid(child), SIGSTOP);
	vcpu_begin(1, &io);
	kill(fake_pid(child), SIGTERM);
	kill(fake_pid(child), SIGCONT);
}

START_TEST(the_server_goes_when_vcpus_have_taken_their_answers)
{
	struct fake_child *child = model_start(FAKE_ARM, model_disk(NULL));
	unsigned i;

	ring_and_terminate(child, model_driver(&by_grants));
	for (i = 0; i < 300; i++)
		unit_nap_us(1000);
	ck_assert_uint_eq(fake_servers(), 1);
	ck_assert(vcpu_finish(1).answered);
	ck_assert_int_eq(fake_wait_exit(child, 5000), 0);
	ck_assert_uint_eq(fake_servers(), 0);
}
END_TEST

START_TEST(the_server_stays_for_a_vcpu_that_takes_nothing)
{
	struct fake_child *child = model_start(FAKE_ARM, model_disk(NULL));
	struct gblk *blk = model_driver(&by_grants);

	ring_and_terminate(child, blk);
	ck_assert_int_eq(fake_wait_exit(child, 10000), 0);
	ck_assert(fake_expect_violation("left behind at exit"));
	ck_assert(strstr(fake_log(child), "is it paused?"));
	ck_assert(!claims(PAGE_OF(MODEL_BDF), 4096));
	model_again(model_disk(NULL));
	ck_assert(vcpu_finish(1).answered);
	ck_assert_uint_eq(fake_servers(), 1);
	gblk_forget(blk);
}
END_TEST

START_TEST(two_daemons_serve_functions_under_one_bridge)
{
	const struct gblk_config other = { .bdf = MODEL_BDF2,
					   .dma = GDMA_GRANTS,
					   .irq = GIRQ_INTX };
	struct gblk *first, *second;

	guest_boot(FAKE_ARM, MODEL_VCPUS, MODEL_RAM);
	fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--name", "bridge", "--bridge",
		   "ecam=0x10000000,mem=0xf0000000:64M,expect=00:06.0,expect=00:07.0@1");
	model_again(model_disk(NULL));
	fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--name", "second", "--ecam",
		   "0x10000000", "--blk", model_disk2(NULL));
	ck_assert_uint_eq(fake_servers(), 3);
	first = model_driver(&by_grants);
	second = model_driver(&other);
	ck_assert(gblk_load(first, 200, 16));
	ck_assert(gblk_load(second, 200, 16));
	ck_assert_uint_eq(first->errors + second->errors, 0);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(a_function_claims_its_page_of_config_space_and_no_more),
		ONCE(extended_config_space_reads_ones),
		ONCE(every_width_is_masked_both_ways),
		ONCE(config_space_is_where_ecam_says),
		ONCE(no_msi_is_offered),
		ONCE(there_is_one_pulse_for_each_time_isr_is_set),
		ONCE(the_interrupt_is_where_spi_base_says),
		ONCE(an_spi_that_the_domain_lacks_is_said_at_start),
		TIMES(calls_that_arm_lacks_are_not_made, 2),
		TIMES(a_killed_daemon_is_followed_by_one_that_adopts, 2),
		ONCE(after_sigterm_nothing_is_claimed),
		ONCE(the_server_goes_when_vcpus_have_taken_their_answers),
		ONCE(the_server_stays_for_a_vcpu_that_takes_nothing),
		ONCE(two_daemons_serve_functions_under_one_bridge),
	};

	return unit_main("arm", model_setup, model_teardown, tests, ARRAY_SIZE(tests));
}
