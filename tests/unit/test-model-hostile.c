/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-model-hostile.c: accesses of all sizes at all places, reads and writes,
 * with the device idle or under load, are answered and do no harm.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <string.h>

#include "model.h"
#include "unit/unit.h"

#define BAR_SIZE    0x8000u
#define AREA        0x1000u
#define ISR_AREA    0x1000u
#define ALL_ONES(n) (UINT64_MAX >> (64 - 8 * (n)))

static const unsigned int sizes[] = { 1, 2, 4, 8 };
static const struct gblk_config other = { .bdf = MODEL_BDF2, .irq = GIRQ_PIRQ };

static uint64_t random64(void)
{
	return (uint64_t)guest_random(UINT32_MAX) << 32 | guest_random(UINT32_MAX);
}

static struct gblk *serve(void)
{
	model_start(FAKE_HVM, model_disk(NULL));
	return model_driver(&model_plain);
}

static uint64_t config_read(unsigned int reg, unsigned int size)
{
	return vcpu_config_read(0, MODEL_BDF, reg, size);
}

/* ---- configuration space --------------------------------------------------------- */

/* What aligned accesses find is the same bytes, however wide; beyond the end is nothing. */
START_TEST(any_config_read_is_answered)
{
	unsigned int reg, i;
	uint8_t bytes[256];

	model_start(FAKE_HVM, model_disk(NULL));
	for (reg = 0; reg < sizeof(bytes); reg++)
		bytes[reg] = (uint8_t)config_read(reg, 1);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (reg = 0; reg < 0x1008; reg++) {
			unsigned int size = sizes[i];
			uint64_t value = config_read(reg, size);

			if (size == 8 || reg + size > sizeof(bytes))
				ck_assert_uint_eq(value, ALL_ONES(size));
			else if (reg % size == 0)
				ck_assert_mem_eq(&value, bytes + reg, size);
		}
}
END_TEST

static bool driver_may_write(unsigned int reg, unsigned int msix, unsigned int window)
{
	return reg == PCI_COMMAND || reg == PCI_COMMAND + 1 || reg == PCI_CACHE_LINE_SIZE ||
	       (reg >= PCI_BASE_ADDRESS_0 && reg < PCI_BASE_ADDRESS_2) ||
	       reg == PCI_INTERRUPT_LINE || reg == msix + PCI_MSIX_FLAGS + 1 ||
	       (reg >= window + VIRTIO_PCI_CAP_BAR && reg < window + 20);
}

/* The capability whose last bytes are a window into the BAR. */
static unsigned int access_capability(const struct gpci *pci)
{
	unsigned int pos = 0;

	while ((pos = gpci_find_cap(pci, PCI_CAP_ID_VNDR, pos)) &&
	       gpci_read(pci, pos + VIRTIO_PCI_CAP_CFG_TYPE, 1) != VIRTIO_PCI_CAP_PCI_CFG)
		;
	ck_assert_uint_ne(pos, 0);
	return pos;
}

static void write_all_of_config(void)
{
	unsigned int reg, i;

	for (reg = 0; reg < 0x108; reg++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			vcpu_config_write(1, MODEL_BDF, reg, sizes[i], UINT64_MAX);
			vcpu_config_write(1, MODEL_BDF, reg, sizes[i], random64());
			vcpu_config_write(1, MODEL_BDF, reg, sizes[i], 0);
		}
}

START_TEST(config_writes_change_only_what_a_driver_may_change)
{
	struct gpci pci = { .bdf = MODEL_BDF };
	unsigned int msix, window, reg;
	uint8_t bytes[256];

	model_start_with(FAKE_HVM, "1", model_disk(NULL), model_disk2(NULL));
	msix = gpci_find_cap(&pci, PCI_CAP_ID_MSIX, 0);
	window = access_capability(&pci);
	for (reg = 0; reg < sizeof(bytes); reg++)
		bytes[reg] = (uint8_t)config_read(reg, 1);
	write_all_of_config();
	for (reg = 0; reg < sizeof(bytes); reg++)
		if (!driver_may_write(reg, msix, window))
			ck_assert_uint_eq(config_read(reg, 1), bytes[reg]);
	ck_assert(gblk_load(model_driver(&other), 50, 8));
	ck_assert(gblk_load(model_driver(&model_plain), 50, 8));
}
END_TEST

START_TEST(functions_that_are_not_ours_are_not_answered_for)
{
	unsigned int bdf;

	model_start(FAKE_HVM, model_disk(NULL));
	for (bdf = 0; bdf < 0x10000; bdf += 1 + guest_random(7)) {
		struct fake_io io = fake_config_io((uint16_t)bdf, 0, 4, true, 0);

		if (bdf != MODEL_BDF)
			ck_assert(!vcpu_io(0, &io).claimed);
	}
}
END_TEST

/* The window reaches the whole BAR, and nothing else, by widths 1, 2 and 4. */
START_TEST(vpci_pci_cfg_sweep)
{
	struct gblk *blk;
	unsigned int cap, length;
	uint64_t offset;

	blk = serve();
	cap = access_capability(&blk->v.pci);
	for (length = 0; length <= 9; length++)
		for (offset = 0; offset < 0x8100; offset += offset < 0x80 ? 1 : 61) {
			bool valid = (length == 1 || length == 2 || length == 4) &&
				     offset % length == 0 && offset + length <= BAR_SIZE;
			uint64_t value;

			gpci_write(&blk->v.pci, cap + VIRTIO_PCI_CAP_OFFSET, 4, (uint32_t)offset);
			gpci_write(&blk->v.pci, cap + VIRTIO_PCI_CAP_LENGTH, 4, length);
			value = gpci_read(&blk->v.pci, cap + 16, 4);
			if (!valid)
				ck_assert_uint_eq(value, UINT32_MAX);
			else
				ck_assert_uint_eq(value, vcpu_mmio_read(0, blk->v.common + offset,
									length));
		}
	ck_assert(gblk_load(blk, 50, 8));
}
END_TEST

/* ---- the BAR --------------------------------------------------------------------- */

/* The wider access is two of 32 bits; what is not aligned finds nothing. */
static void check_bar_read(uint64_t bar, unsigned int offset, unsigned int size)
{
	uint64_t value = vcpu_mmio_read(1, bar + offset, size), low, high;

	if (offset % size) {
		ck_assert_uint_eq(value, ALL_ONES(size));
	} else if (size == 8 && offset != ISR_AREA) { /* reading clears it */
		low = vcpu_mmio_read(1, bar + offset, 4);
		high = vcpu_mmio_read(1, bar + offset + 4, 4);
		ck_assert_uint_eq(value, low | high << 32);
	}
}

/* The device serves all the time and is not disturbed. */
START_TEST(any_bar_read_is_answered)
{
	unsigned int offset, i;
	struct gblk *blk;

	blk = serve();
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (offset = 0; offset <= BAR_SIZE - sizes[i]; offset++) {
			check_bar_read(blk->v.common, offset, sizes[i]);
			if (offset % AREA == 0x80)
				ck_assert(gblk_load(blk, 4, 4));
		}
}
END_TEST

static struct fake_answer rep(bool read, uint64_t addr, uint64_t operand, uint32_t size,
			      uint32_t count, bool df)
{
	struct fake_io io = { .type = FAKE_MMIO,
			      .read = read,
			      .addr = addr,
			      .data = operand,
			      .size = size,
			      .count = count,
			      .df = df,
			      .data_is_ptr = true };

	return vcpu_io(1, &io);
}

/* Every place in the BAR by one string instruction for each area, size and start. */
static void write_all_of_bar(uint64_t bar, uint64_t garbage)
{
	unsigned int area, i, start;

	for (area = 0; area < BAR_SIZE; area += AREA)
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			for (start = 0; start < sizes[i]; start++)
				ck_assert(rep(false, bar + area + start, garbage, sizes[i],
					      (AREA - start) / sizes[i], false)
						  .answered);
}

/* Random bytes, then zeroes, then ones. */
static void garbage_fill(uint64_t page, unsigned int turn)
{
	uint8_t *bytes = fake_ram(page);
	unsigned int i;

	for (i = 0; i < FAKE_PAGE; i++)
		bytes[i] = (uint8_t)(turn == 1 ? 0 : turn == 2 ? 0xff : guest_random(256));
}

START_TEST(any_bar_write_does_no_harm)
{
	struct gblk *blk, *neighbour;
	unsigned int turn;
	uint64_t garbage;

	model_start_with(FAKE_HVM, _i ? "0" : "2", model_disk(NULL), model_disk2(NULL));
	blk = model_driver(&model_plain);
	neighbour = model_driver(&other);
	ck_assert(gblk_load(blk, 20, 8));
	gblk_remove(blk);
	garbage = gpage_alloc(1);
	for (turn = 0; turn < 4; turn++) {
		garbage_fill(garbage, turn);
		write_all_of_bar(blk->v.common, garbage);
		ck_assert(gblk_load(neighbour, 20, 8));
	}
	gblk_restart(blk, &model_plain);
	ck_assert(gblk_load(blk, 50, 8));
}
END_TEST

/* Who was there first stays there. */
START_TEST(a_bar_put_over_anothers_does_not_take_its_place)
{
	struct gblk *blk, *neighbour;
	uint64_t own, shift;

	model_start_with(FAKE_HVM, "1", model_disk(NULL), model_disk2(NULL));
	blk = model_driver(&model_plain);
	neighbour = model_driver(&other);
	own = blk->v.common;
	gblk_remove(blk);
	for (shift = 0; shift < 2; shift++) {
		gpci_hvmloader(&blk->v.pci, 0, MODEL_BDF,
			       neighbour->v.common + shift * BAR_SIZE / 2);
		ck_assert(gblk_load(neighbour, 20, 8));
		gpci_hvmloader(&blk->v.pci, 0, MODEL_BDF, own);
		ck_assert(gblk_load(neighbour, 20, 8));
	}
	gblk_restart(blk, &model_plain);
	ck_assert(gblk_load(blk, 20, 8));
}
END_TEST

/* ---- garbage while it serves ----------------------------------------------------- */

static void random_access(uint16_t bdf, uint64_t bar)
{
	unsigned int size = sizes[guest_random(4)], offset = guest_random(BAR_SIZE - 8);
	bool near = guest_random(2); /* where registers are dense */

	if (near)
		offset = offset / AREA * AREA + guest_random(0x40);
	switch (guest_random(4)) {
	case 0:
		vcpu_mmio_read(1, bar + offset, size);
		break;
	case 1:
		vcpu_mmio_write(1, bar + offset, size, guest_random(2) ? random64() : 0xf);
		break;
	case 2:
		vcpu_config_write(1, bdf, guest_random(0x100), size, random64());
		break;
	default:
		vcpu_config_read(1, bdf, guest_random(0x100), size);
	}
}

static void some_requests(struct gblk *blk)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		gblk_submit(blk, i % 2 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, i * 64, 16384);
	gblk_kick(blk);
}

/* Whatever became of its address and state, a driver that starts anew is served. */
START_TEST(garbage_in_all_registers_under_load)
{
	const struct gblk_config *config = _i ? &model_grants : &model_plain;
	const struct gblk_config config2 = { MODEL_BDF2, config->dma, config->irq, 0, 0, 0, 0 };
	enum fake_platform platform = _i ? FAKE_PVH : FAKE_HVM;
	struct gblk *blk, *neighbour;
	unsigned int turn, i;
	uint64_t bar;

	model_start_with(platform, "1", model_disk(NULL), model_disk2(NULL));
	blk = model_driver(config);
	neighbour = model_driver(&config2);
	bar = blk->v.common;
	for (turn = 0; turn < 30; turn++) {
		some_requests(blk);
		for (i = 0; i < 200; i++)
			random_access(MODEL_BDF, bar);
		ck_assert(gblk_load(neighbour, 5, 4));
		ck_assert(gpci_hvmloader(&blk->v.pci, 0, MODEL_BDF, bar));
		blk->v.pci.irq = config->irq;
		gblk_remove(blk);
		ck_assert_uint_eq(blk->v.dma.grants, 0);
		gblk_restart(blk, config);
		ck_assert(gblk_load(blk, 5, 4));
	}
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(any_config_read_is_answered),
		ONCE(config_writes_change_only_what_a_driver_may_change),
		ONCE(functions_that_are_not_ours_are_not_answered_for),
		ONCE(vpci_pci_cfg_sweep),
		ONCE(any_bar_read_is_answered),
		TIMES(any_bar_write_does_no_harm, 2),
		ONCE(a_bar_put_over_anothers_does_not_take_its_place),
		TIMES(garbage_in_all_registers_under_load, 2),
	};

	return unit_main("model-hostile", model_setup, model_teardown, tests, ARRAY_SIZE(tests));
}
