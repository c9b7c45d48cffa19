/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-virtio-pci.c: the registers of the transport (virtio 1.2, 4.1), each
 * with every value a driver can write at every time.
 */
#include <linux/pci_regs.h>
#include <string.h>

#include "unit/probe.h"
#include "unit/unit.h"

#define FIELD(name) gvirtio_field(name)

#define NEGOTIATED \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)

static struct probe probe;

static void setup(void)
{
	guest_boot(FAKE_HVM, 2, 1024);
	probe_start(&probe, MEMORY_AUTO, 1);
}

static void teardown(void)
{
	if (!probe.v.nr_queues)
		probe.rig.state.status = 0; /* sweeps leave anything in it */
	probe_stop(&probe);
	fake_end();
}

static struct pci_function *function(void)
{
	return &probe.rig.transport.function;
}

/* ---- queue registers -------------------------------------------------------------- */

struct queue_field {
	unsigned at, size;
	uint32_t value; /* to write where nothing else is */
};

static const struct queue_field queue_fields[] = {
	{ FIELD(queue_size), 2, 64 },
	{ FIELD(queue_msix_vector), 2, 2 },
	{ FIELD(queue_desc_lo), 4, 0x12345670 },
	{ FIELD(queue_desc_hi), 4, 0x80000001 },
	{ FIELD(queue_avail_lo), 4, 0x12346670 },
	{ FIELD(queue_avail_hi), 4, 0x80000002 },
	{ FIELD(queue_used_lo), 4, 0x12347670 },
	{ FIELD(queue_used_hi), 4, 0x80000003 },
	{ FIELD(queue_enable), 2, 1 }, /* the last one: it closes the others */
};

/* Is what was written to each field there? */
static unsigned fields_written(void)
{
	unsigned i, written = 0;

	for (i = 0; i < ARRAY_SIZE(queue_fields); i++) {
		const struct queue_field *f = &queue_fields[i];

		probe_write(&probe, f->at, f->size, f->value);
		written += probe_read(&probe, f->at, f->size) == f->value;
	}
	return written;
}

static void clear_queues(void)
{
	unsigned i;

	memset(probe.rig.state.queues, 0, sizeof(probe.rig.state.queues));
	for (i = 0; i < PROBE_QUEUES; i++)
		probe.rig.transport_state.queue_vectors[i] = VIRTIO_MSI_NO_VECTOR;
}

/* Every field of every queue at every status byte: open at one of them only. */
START_TEST(vpci_queue_regs_frozen)
{
	unsigned status, queue, written;

	for (status = 0; status < 256; status++)
		for (queue = 0; queue < PROBE_QUEUES; queue++) {
			clear_queues();
			probe.rig.state.status = (uint8_t)status;
			probe_write(&probe, FIELD(queue_select), 2, queue);
			written = fields_written();
			if (written != (status == NEGOTIATED ? ARRAY_SIZE(queue_fields) : 0))
				ck_abort_msg("status %#x: %u fields", status, written);
		}
}
END_TEST

START_TEST(vpci_queue_regs_frozen_once_enabled)
{
	probe.rig.state.status = NEGOTIATED;
	clear_queues();
	probe_write(&probe, FIELD(queue_select), 2, 1);
	probe_write(&probe, FIELD(queue_enable), 2, 1);
	ck_assert_uint_eq(fields_written(), 1); /* enable itself, which stays */
	probe_write(&probe, FIELD(queue_enable), 2, 0);
	ck_assert_uint_eq(probe_read(&probe, FIELD(queue_enable), 2), 1);
	probe_write(&probe, FIELD(queue_select), 2, 2); /* each for itself */
	ck_assert_uint_eq(fields_written(), ARRAY_SIZE(queue_fields));
}
END_TEST

START_TEST(vpci_queue_enable_takes_only_1)
{
	unsigned value;

	probe.rig.state.status = NEGOTIATED;
	for (value = 0; value < 65536; value++) {
		clear_queues();
		probe_write(&probe, FIELD(queue_enable), 2, value);
		if (probe_read(&probe, FIELD(queue_enable), 2) != (value == 1))
			ck_abort_msg("value %#x", value);
	}
}
END_TEST

/* Queues that do not exist read 0 and take nothing. */
START_TEST(vpci_select_any)
{
	const struct virtio_device_state before = probe.rig.state;
	unsigned queue, i;

	for (queue = PROBE_QUEUES; queue < 65536; queue++) {
		probe_write(&probe, FIELD(queue_select), 2, queue);
		probe.rig.state.status = NEGOTIATED;
		for (i = 0; i < ARRAY_SIZE(queue_fields); i++) {
			const struct queue_field *f = &queue_fields[i];
			bool vector = f->at == FIELD(queue_msix_vector);

			probe_write(&probe, f->at, f->size, f->value);
			if (probe_read(&probe, f->at, f->size) !=
			    (vector ? VIRTIO_MSI_NO_VECTOR : 0))
				ck_abort_msg("queue %u, field %#x", queue, f->at);
		}
		if (probe_read(&probe, FIELD(queue_notify_off), 2))
			ck_abort_msg("queue %u has a notify offset", queue);
		if (probe_read(&probe, FIELD(queue_select), 2) != queue)
			ck_abort_msg("queue %u is not selected", queue);
	}
	probe.rig.state.status = before.status;
	ck_assert_mem_eq(&probe.rig.state, &before, sizeof(before));
}
END_TEST

START_TEST(vpci_notify_offsets_are_the_queues_own)
{
	unsigned queue;

	for (queue = 0; queue < PROBE_QUEUES; queue++) {
		probe_write(&probe, FIELD(queue_select), 2, queue);
		ck_assert_uint_eq(probe_read(&probe, FIELD(queue_notify_off), 2), queue);
		ck_assert_uint_eq(probe_read(&probe, FIELD(queue_size), 2), VIRTQUEUE_SIZE_MAX);
	}
	ck_assert_uint_ge(probe.v.notify_multiplier, 2);
}
END_TEST

/* A vector that does not exist reads back as none (4.1.5.1.2.1). */
START_TEST(vpci_vector_any)
{
	static const unsigned fields[] = { FIELD(msix_config), FIELD(queue_msix_vector) };
	unsigned value, i;

	probe.rig.state.status = NEGOTIATED;
	for (value = 0; value < 65536; value++)
		for (i = 0; i < 2; i++) {
			uint32_t expected = value <= PROBE_QUEUES ? value : VIRTIO_MSI_NO_VECTOR;

			probe_write(&probe, fields[i], 2, value);
			if (probe_read(&probe, fields[i], 2) != expected)
				ck_abort_msg("vector %#x", value);
		}
}
END_TEST

/* ---- features and status --------------------------------------------------------------- */

static void write_features(uint64_t features)
{
	probe_write(&probe, FIELD(guest_feature_select), 4, 0);
	probe_write(&probe, FIELD(guest_feature), 4, (uint32_t)features);
	probe_write(&probe, FIELD(guest_feature_select), 4, 1);
	probe_write(&probe, FIELD(guest_feature), 4, (uint32_t)(features >> 32));
}

static uint64_t read_features(unsigned select, unsigned word)
{
	uint64_t low;

	probe_write(&probe, select, 4, 0);
	low = probe_read(&probe, word, 4);
	probe_write(&probe, select, 4, 1);
	return low | (uint64_t)probe_read(&probe, word, 4) << 32;
}

static bool accepts(uint64_t features)
{
	probe.rig.state.status = 0;
	probe_write(&probe, FIELD(device_status), 1, 3);
	write_features(features);
	probe_write(&probe, FIELD(device_status), 1, NEGOTIATED);
	return probe_read(&probe, FIELD(device_status), 1) == NEGOTIATED;
}

/* FEATURES_OK stays off unless all was offered, and what is needed is there. */
START_TEST(features_all_single_bits)
{
	uint64_t offered = read_features(FIELD(device_feature_select), FIELD(device_feature));
	enum memory_policy policy = _i ? MEMORY_GRANTS : MEMORY_AUTO;
	uint64_t needed = BIT_ULL(VIRTIO_F_VERSION_1);
	unsigned bit;

	probe.rig.device.memory.policy = policy;
	if (policy == MEMORY_GRANTS)
		needed |= BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
	ck_assert_uint_eq(offered, probe.rig.device.offered);
	for (bit = 0; bit < 64; bit++) {
		ck_assert_int_eq(accepts(needed | BIT_ULL(bit)), (offered >> bit & 1));
		ck_assert_int_eq(accepts(BIT_ULL(bit)), needed == BIT_ULL(bit));
	}
	ck_assert(accepts(offered));
	ck_assert(!accepts(offered & ~BIT_ULL(VIRTIO_F_VERSION_1)));
	ck_assert_int_eq(accepts(offered & ~BIT_ULL(VIRTIO_F_ACCESS_PLATFORM)), !_i);
}
END_TEST

/* Feature bits change only while FEATURES_OK is off, one by one. */
START_TEST(features_are_fixed_by_features_ok)
{
	unsigned status, bit;

	for (status = 0; status < 256; status++)
		for (bit = 0; bit < 64; bit++) {
			probe.rig.state.driver_features = 0;
			probe.rig.state.status = (uint8_t)status;
			write_features(BIT_ULL(bit));
			if (probe.rig.state.driver_features !=
			    (status & VIRTIO_CONFIG_S_FEATURES_OK ? 0 : BIT_ULL(bit)))
				ck_abort_msg("status %#x, bit %u", status, bit);
			if (read_features(FIELD(guest_feature_select), FIELD(guest_feature)) !=
			    probe.rig.state.driver_features)
				ck_abort_msg("bit %u reads back wrong", bit);
		}
}
END_TEST

START_TEST(feature_words_beyond_64_bits_are_empty)
{
	static const uint32_t selects[] = { 2, 3, 31, 32, 0x7fffffff, 0xffffffff };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(selects); i++) {
		probe_write(&probe, FIELD(device_feature_select), 4, selects[i]);
		ck_assert_uint_eq(probe_read(&probe, FIELD(device_feature), 4), 0);
		ck_assert_uint_eq(probe_read(&probe, FIELD(device_feature_select), 4), selects[i]);
		probe_write(&probe, FIELD(guest_feature_select), 4, selects[i]);
		probe_write(&probe, FIELD(guest_feature), 4, 0xffffffff);
		ck_assert_uint_eq(probe_read(&probe, FIELD(guest_feature), 4), 0);
		ck_assert_uint_eq(probe_read(&probe, FIELD(guest_feature_select), 4), selects[i]);
		ck_assert_uint_eq(probe.rig.state.driver_features, 0);
	}
}
END_TEST

/* From each status to each: bits are added, all by 0 taken away, and neither
 * DRIVER_OK without FEATURES_OK nor what only the device may set gets in. */
START_TEST(status_any_to_any)
{
	const unsigned known = NEGOTIATED | VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FAILED;
	unsigned from, to, expected;

	for (from = 0; from < 256; from++)
		for (to = 0; to < 256; to++) {
			probe.rig.state.status = (uint8_t)from;
			probe.rig.state.driver_features = BIT_ULL(VIRTIO_F_VERSION_1);
			probe_write(&probe, FIELD(device_status), 1, to);
			expected = to ? from | (to & known) : 0;
			if (!(expected & VIRTIO_CONFIG_S_FEATURES_OK) &&
			    !(from & VIRTIO_CONFIG_S_DRIVER_OK))
				expected &= ~(unsigned)VIRTIO_CONFIG_S_DRIVER_OK;
			if (probe_read(&probe, FIELD(device_status), 1) != expected)
				ck_abort_msg("from %#x, written %#x, not %#x", from, to, expected);
		}
}
END_TEST

/* ---- the other structures ------------------------------------------------------------------- */

/* An access at @at, of another width than the register between @from and @to has. */
static void check_part(unsigned from, unsigned to, unsigned at, unsigned size)
{
	uint64_t mask = BIT_ULL(8 * size) - 1, whole = probe_read(&probe, from, to - from);
	uint64_t part = at + size <= to ? whole >> 8 * (at - from) & mask : 0;

	probe_write(&probe, at, size, 0xa5a5a5a5);
	if (probe_read(&probe, at, size) != part)
		ck_abort_msg("offset %#x, size %u", at, size);
}

/* What a narrow read finds is part of the register, as iPXE has it; no other access than
 * one by its own width changes anything. */
START_TEST(common_fields_are_written_by_one_width_and_read_in_parts)
{
	static const unsigned ends[] = {
		FIELD(device_feature_select), FIELD(device_feature),
		FIELD(guest_feature_select),  FIELD(guest_feature),
		FIELD(msix_config),           FIELD(num_queues),
		FIELD(device_status),         FIELD(config_generation),
		FIELD(queue_select),          FIELD(queue_size),
		FIELD(queue_msix_vector),     FIELD(queue_enable),
		FIELD(queue_notify_off),      FIELD(queue_desc_lo),
		FIELD(queue_desc_hi),         FIELD(queue_avail_lo),
		FIELD(queue_avail_hi),        FIELD(queue_used_lo),
		FIELD(queue_used_hi),         sizeof(struct virtio_pci_common_cfg),
	};
	struct virtio_device_state before;
	unsigned i, at, size;

	probe.rig.state.status = NEGOTIATED;
	before = probe.rig.state;
	for (i = 0; i + 1 < ARRAY_SIZE(ends); i++)
		for (at = ends[i]; at < ends[i + 1]; at++)
			for (size = 1; size <= 4; size *= 2) {
				if (size != ends[i + 1] - ends[i] && at % size == 0)
					check_part(ends[i], ends[i + 1], at, size);
			}
	ck_assert_mem_eq(&probe.rig.state, &before, sizeof(before));
}
END_TEST

START_TEST(a_64_bit_access_is_two_of_32)
{
	uint64_t at = probe.v.common - RIG_BAR + FIELD(queue_desc_lo);

	probe.rig.state.status = NEGOTIATED;
	pci_bar_write(function(), VIRTIO_PCI_BAR, at, 8, 0x8000123456789ab0);
	ck_assert_uint_eq(probe.rig.state.queues[0].descriptors, 0x8000123456789ab0);
	ck_assert_uint_eq(pci_bar_read(function(), VIRTIO_PCI_BAR, at, 8), 0x8000123456789ab0);
}
END_TEST

/* Every offset and width: bytes of the configuration, zeroes behind its end. */
START_TEST(vdev_config_sweep)
{
	uint64_t base = probe.v.config - RIG_BAR;
	unsigned at, size, i;

	for (at = 0; at < 4096; at++)
		for (size = 1; size <= 8; size *= 2) {
			uint64_t got, expected = 0;

			if (at % size)
				continue;
			for (i = 0; i < size; i++)
				if (at / 4 * 4 + 4 <= PROBE_CONFIG_BYTES ||
				    (size < 4 && at + size <= PROBE_CONFIG_BYTES))
					expected |= (uint64_t)(at + i + 1) << (8 * i);
			got = pci_bar_read(function(), VIRTIO_PCI_BAR, base + at, size);
			if (size == 8) /* the upper half for itself */
				expected =
					(expected & 0xffffffff) |
					pci_bar_read(function(), VIRTIO_PCI_BAR, base + at + 4, 4)
						<< 32;
			if (got != expected)
				ck_abort_msg("offset %u, size %u: %#lx", at, size,
					     (unsigned long)got);
			pci_bar_write(function(), VIRTIO_PCI_BAR, base + at, size, UINT64_MAX);
		}
	for (i = 0; i < PROBE_CONFIG_BYTES; i++)
		ck_assert_uint_eq(probe.config[i], i + 1);
}
END_TEST

/* ---- capabilities ------------------------------------------------------------------------------ */

static unsigned find_structure(uint8_t type)
{
	unsigned at = 0;

	while ((at = gpci_find_cap(&probe.v.pci, PCI_CAP_ID_VNDR, at)))
		if (gpci_read(&probe.v.pci, at + VIRTIO_PCI_CAP_CFG_TYPE, 1) == type)
			return at;
	ck_abort_msg("no capability of type %u", type);
	return 0;
}

/* All structures lie within the BAR and apart from each other and from MSI-X. */
START_TEST(structures_do_not_overlap)
{
	static const uint8_t types[] = { VIRTIO_PCI_CAP_COMMON_CFG, VIRTIO_PCI_CAP_NOTIFY_CFG,
					 VIRTIO_PCI_CAP_ISR_CFG, VIRTIO_PCI_CAP_DEVICE_CFG };
	const struct gpci *pci = &probe.v.pci;
	uint8_t taken[0x10000] = { 0 };
	unsigned i, at, offset, length, msix = gpci_find_cap(pci, PCI_CAP_ID_MSIX, 0);

	ck_assert_uint_le(pci->bar[0].size, sizeof(taken));
	for (i = 0; i < ARRAY_SIZE(types) + 2; i++) {
		if (i < ARRAY_SIZE(types)) {
			at = find_structure(types[i]);
			ck_assert_uint_eq(gpci_read(pci, at + VIRTIO_PCI_CAP_BAR, 1), 0);
			offset = gpci_read(pci, at + VIRTIO_PCI_CAP_OFFSET, 4);
			length = gpci_read(pci, at + VIRTIO_PCI_CAP_LENGTH, 4);
		} else {
			offset = gpci_read(pci, msix + (i & 1 ? PCI_MSIX_TABLE : PCI_MSIX_PBA), 4);
			length = i & 1 ? 16 * (PROBE_QUEUES + 1) : 8;
		}
		ck_assert_uint_ge(length, 1);
		ck_assert_uint_le(offset + length, pci->bar[0].size);
		for (; length; length--)
			ck_assert(!taken[offset + length - 1]++);
	}
}
END_TEST

static void aim_window(unsigned cap, uint8_t bar, uint32_t offset, uint32_t length)
{
	pci_config_write(function(), cap + VIRTIO_PCI_CAP_BAR, 1, bar);
	pci_config_write(function(), cap + VIRTIO_PCI_CAP_OFFSET, 4, offset);
	pci_config_write(function(), cap + VIRTIO_PCI_CAP_LENGTH, 4, length);
}

static bool window_valid(uint8_t bar, uint32_t offset, uint32_t length)
{
	return bar == 0 && (length == 1 || length == 2 || length == 4) && offset % length == 0 &&
	       offset < probe.v.pci.bar[0].size;
}

/* The window in config space reaches what the BAR has, wherever it is aimed. */
static void check_window(unsigned cap, uint8_t bar, uint32_t offset, uint32_t length)
{
	uint32_t got, expected = UINT32_MAX;

	aim_window(cap, bar, offset, length);
	got = pci_config_read(function(), cap + sizeof(struct virtio_pci_cap), 4);
	if (window_valid(bar, offset, length))
		expected = (uint32_t)pci_bar_read(function(), 0, offset, length);
	if (got != expected)
		ck_abort_msg("BAR %u, offset %#x, length %u: %#x, not %#x", bar, offset, length,
			     got, expected);
}

START_TEST(vpci_pci_cfg_sweep)
{
	static const uint32_t lengths[] = { 0, 1, 2, 3, 4, 5, 8, 16, 0x80000000, 0xffffffff };
	static const uint32_t far[] = { 0x7fffffff, 0x80000000, 0xfffffffc, 0xfffffffe,
					0xffffffff };
	unsigned cap = find_structure(VIRTIO_PCI_CAP_PCI_CFG), bar, i, j;
	uint32_t offset;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		for (offset = 0; offset < 0x8000 + 16; offset++)
			check_window(cap, 0, offset, lengths[i]);
		for (j = 0; j < ARRAY_SIZE(far); j++)
			check_window(cap, 0, far[j], lengths[i]);
		for (bar = 1; bar < 256; bar++)
			check_window(cap, (uint8_t)bar, 0, lengths[i]);
	}
}
END_TEST

static void write_through_window(void *arg)
{
	unsigned cap = *(unsigned *)arg, turn;

	for (turn = 0; turn < 200000; turn++) {
		aim_window(cap, (uint8_t)(unit_random(16) ? 0 : unit_random(256)),
			   unit_random(2) ? unit_random(0x40) : unit_random(0x8010),
			   1u << unit_random(3));
		pci_config_write(function(), cap + sizeof(struct virtio_pci_cap) + unit_random(4),
				 1u << unit_random(3), unit_random(UINT32_MAX));
	}
}

/* Writes through it, of every width and value, leave the device one that works. */
START_TEST(vpci_pci_cfg_writes)
{
	unsigned cap = find_structure(VIRTIO_PCI_CAP_PCI_CFG);

	rig_call(&probe.rig, write_through_window, &cap);
	ck_assert_int_ge(gvirtio_reset(&probe.v), 0);
	probe_drive(&probe, GDMA_PLAIN, GIRQ_NONE, 8);
	ck_assert_uint_eq(gvirtio_read(&probe.v, FIELD(device_status), 1), 0xf);
}
END_TEST

START_TEST(a_window_access_narrower_than_its_target_writes_nothing)
{
	unsigned cap = find_structure(VIRTIO_PCI_CAP_PCI_CFG);
	unsigned data = cap + sizeof(struct virtio_pci_cap);

	aim_window(cap, 0, (uint32_t)(probe.v.common - RIG_BAR) + FIELD(device_feature_select), 4);
	pci_config_write(function(), data, 4, 7);
	ck_assert_uint_eq(probe_read(&probe, FIELD(device_feature_select), 4), 7);
	pci_config_write(function(), data, 2, 1);
	pci_config_write(function(), data + 2, 2, 1);
	ck_assert_uint_eq(probe_read(&probe, FIELD(device_feature_select), 4), 7);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(vpci_queue_regs_frozen),
		ONCE(vpci_queue_regs_frozen_once_enabled),
		ONCE(vpci_queue_enable_takes_only_1),
		ONCE(vpci_select_any),
		ONCE(vpci_notify_offsets_are_the_queues_own),
		ONCE(vpci_vector_any),
		TIMES(features_all_single_bits, 2),
		ONCE(features_are_fixed_by_features_ok),
		ONCE(feature_words_beyond_64_bits_are_empty),
		ONCE(status_any_to_any),
		ONCE(common_fields_are_written_by_one_width_and_read_in_parts),
		ONCE(a_64_bit_access_is_two_of_32),
		ONCE(vdev_config_sweep),
		ONCE(structures_do_not_overlap),
		ONCE(vpci_pci_cfg_sweep),
		ONCE(vpci_pci_cfg_writes),
		ONCE(a_window_access_narrower_than_its_target_writes_nothing),
	};

	return unit_main("virtio-pci", setup, teardown, tests, ARRAY_SIZE(tests));
}
