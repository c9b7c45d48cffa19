/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-model-restart.c: what one daemon leaves to the next: the record of its
 * server, the ranges that Xen still has, what the guest has set.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/state.h"
#include "restart.h"
#include "unit/unit.h"

#define BAR_SIZE 0x8000u
#define KILLED   (128 + SIGKILL)

/* ---- a start after a death ------------------------------------------------------------ */

static const enum fake_call calls_of_adoption[] = {
	FAKE_DM_OPEN,      FAKE_FOREIGN_OPEN, FAKE_EVTCHN_OPEN, FAKE_DM_NR_VCPUS,
	FAKE_RESOURCE_MAP, FAKE_DM_STATE,     FAKE_EVTCHN_BIND,
};

START_TEST(a_start_that_fails_leaves_the_orphan_to_the_next)
{
	struct fake_child *child = model_start(FAKE_PVH, model_disk(NULL));
	struct gblk *blk = model_driver(&model_grants);
	struct fake_answer answer;
	int id = fake_server_id();

	restart_die_waiting(child, blk);
	fake_fail(calls_of_adoption[_i], 1, ENOMEM);
	restart_refused(restart_begin(model_disk(NULL)), strerror(ENOMEM));
	ck_assert(!vcpu_try_finish(1, 0, &answer));
	child = model_again(model_disk(NULL));
	ck_assert_ptr_nonnull(strstr(fake_log(child), "adopted"));
	ck_assert_int_eq(fake_server_id(), id);
	ck_assert_uint_eq(fake_servers(), 1);
	ck_assert(vcpu_finish(1).answered);
	restart_works(blk, &model_grants);
}
END_TEST

static const enum fake_call calls_after_adoption[] = { FAKE_GRANT_OPEN, FAKE_DM_MAP_PCIDEV };

START_TEST(a_start_that_fails_after_adoption_withdraws)
{
	struct fake_child *child = model_start(FAKE_PVH, model_disk(NULL));
	struct gblk *blk = model_driver(&model_grants);

	restart_die_waiting(child, blk);
	fake_fail(calls_after_adoption[_i], 1, ENOMEM);
	restart_refused(restart_begin(model_disk(NULL)), strerror(ENOMEM));
	ck_assert(vcpu_finish(1).answered);
	ck_assert_uint_eq(fake_servers(), 0);
	child = model_again(model_disk(NULL));
	ck_assert_ptr_null(strstr(fake_log(child), "adopted"));
}
END_TEST

/* Killed while a queue drains, after the server was destroyed: its number is anybody's. */
START_TEST(the_record_ends_with_the_server)
{
	struct fake_child *child = model_start(FAKE_PVH, model_disk(NULL));
	int id = fake_server_id();

	model_driver(&model_grants);
	fake_die(FAKE_GRANT_UNMAP, 1);
	ck_assert_int_eq(fake_terminate(child), KILLED);
	ck_assert_uint_eq(fake_servers(), 0);
	ck_assert(restart_serves(restart_begin_as("second", RESTART_NULL_DISK)));
	ck_assert_int_eq(fake_server_id(), id);
	child = model_again(model_disk(NULL));
	ck_assert_ptr_null(strstr(fake_log(child), "adopted"));
	ck_assert_uint_eq(fake_servers(), 2);
}
END_TEST

static const enum fake_call calls_of_withdrawal[] = {
	FAKE_DM_UNMAP_RANGE, FAKE_DM_UNMAP_PCIDEV, FAKE_DM_STATE,
	FAKE_EVTCHN_NOTIFY,  FAKE_DM_DESTROY,
};

START_TEST(death_while_withdrawing_is_mended_by_the_next_start)
{
	struct fake_child *child = model_start(FAKE_PVH, model_disk(NULL));
	struct gblk *blk = model_driver(&model_grants);
	int id = fake_server_id();

	fake_die(calls_of_withdrawal[_i], 1);
	ck_assert_int_eq(fake_terminate(child), KILLED);
	model_again(model_disk(NULL));
	ck_assert_int_eq(fake_server_id(), id);
	ck_assert_uint_eq(fake_ranges(0, FAKE_RANGE_MEMORY), 1);
	restart_works(blk, &model_grants);
}
END_TEST

/* What the guest writes when the daemon dies, and where the BAR is before and after. */
struct bar_write {
	enum fake_call dies_at;
	bool decodes_before, decodes_after;
	uint64_t moved_by;
};

static const struct bar_write bar_writes[] = {
	{ FAKE_DM_UNMAP_RANGE, true, false, 0 },
	{ FAKE_DM_UNMAP_RANGE, true, true, 16 * BAR_SIZE },
	{ FAKE_DM_UNMAP_RANGE, true, true, BAR_SIZE },
	{ FAKE_DM_MAP_RANGE, false, true, 0 },
	{ FAKE_DM_MAP_RANGE, true, true, 16 * BAR_SIZE },
};

static struct fake_io bar_write_io(const struct bar_write *w, const struct gpci_bar *bar)
{
	if (w->moved_by)
		return fake_config_io(MODEL_BDF, PCI_BASE_ADDRESS_0, 4, false,
				      bar->base + w->moved_by);
	return fake_config_io(MODEL_BDF, PCI_COMMAND, 2, false,
			      PCI_COMMAND_MASTER | (w->decodes_after ? PCI_COMMAND_MEMORY : 0));
}

START_TEST(a_bar_on_the_move_when_the_daemon_dies_is_claimed_where_it_went)
{
	const struct bar_write *w = &bar_writes[_i];
	struct fake_child *child = model_start(FAKE_PVH, model_disk(NULL));
	struct gblk *blk = model_driver(&model_grants);
	const struct gpci_bar *bar = &blk->v.pci.bar[0];
	struct fake_io io = bar_write_io(w, bar);
	uint64_t to = bar->base + w->moved_by;

	gpci_enable(&blk->v.pci, w->decodes_before);
	fake_die(w->dies_at, 1);
	vcpu_begin(1, &io);
	ck_assert_int_eq(fake_wait_exit(child, 5000), KILLED);
	model_again(model_disk(NULL));
	ck_assert(vcpu_finish(1).answered);
	ck_assert_uint_eq(fake_ranges(0, FAKE_RANGE_MEMORY), w->decodes_after);
	ck_assert(fake_claimed(FAKE_RANGE_MEMORY, to, to + BAR_SIZE - 1) == w->decodes_after);
	ck_assert(!w->moved_by || !fake_claimed(FAKE_RANGE_MEMORY, bar->base, bar->base));
}
END_TEST

/* What the guest has made of its function, but for the device itself. */
struct settings {
	uint32_t command, bar[2], msix;
	uint64_t messages[4];
};

static struct settings look_at(const struct gpci *pci)
{
	struct settings seen = { .command = gpci_read(pci, PCI_COMMAND, 2),
				 .bar = { gpci_read(pci, PCI_BASE_ADDRESS_0, 4),
					  gpci_read(pci, PCI_BASE_ADDRESS_1, 4) },
				 .msix = gpci_read(pci, pci->msix + PCI_MSIX_FLAGS, 2) };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(seen.messages); i++)
		seen.messages[i] = vcpu_mmio_read(0, pci->msix_table + 8 * i, 8);
	return seen;
}

START_TEST(devices_in_another_order_keep_their_bars_and_vectors)
{
	struct settings first_before, second_before, first_after, second_after;
	struct gblk *first, *second;
	struct fake_child *child;

	guest_boot(FAKE_PVH, MODEL_VCPUS, MODEL_RAM);
	child = fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--blk", model_disk(NULL),
			   "--blk", model_disk2(NULL));
	first = model_driver(&model_grants);
	second = model_driver(&model_grants2);
	first_before = look_at(&first->v.pci);
	second_before = look_at(&second->v.pci);
	fake_kill9(child);
	fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--blk", model_disk2(NULL), "--blk",
		   model_disk(NULL));
	first_after = look_at(&first->v.pci);
	second_after = look_at(&second->v.pci);
	ck_assert_mem_eq(&first_before, &first_after, sizeof(first_before));
	ck_assert_mem_eq(&second_before, &second_after, sizeof(second_before));
	restart_works(first, &model_grants);
	restart_works(second, &model_grants2);
}
END_TEST

/* ---- the record ---------------------------------------------------------------------- */

static const char *record_path(void)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/" FAKE_DOMAIN ".state", getenv("RUNTIME_DIRECTORY"));
	return path;
}

static void read_record(struct state_region *record)
{
	int fd = open(record_path(), O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(read(fd, record, sizeof(*record)), sizeof(*record));
	close(fd);
}

/* So many bytes of the record, with zeroes behind if there are not enough. */
static void write_record(const struct state_region *record, size_t bytes)
{
	size_t length = bytes < sizeof(*record) ? bytes : sizeof(*record);
	int fd = open(record_path(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_eq(write(fd, record, length), (ssize_t)length);
	ck_assert_int_eq(ftruncate(fd, (off_t)bytes), 0);
	close(fd);
}

static void scramble(void *bytes, size_t size)
{
	uint8_t *at = bytes;

	while (size--)
		*at++ = (uint8_t)guest_random(256);
}

/* Nothing else of it is taken over: the device is found as if it were plugged in. */
START_TEST(a_record_of_another_version_names_the_server)
{
	struct fake_child *child = model_start(FAKE_PVH, model_disk(NULL));
	struct gblk *blk = model_driver(&model_grants);
	struct state_region record;
	int id = fake_server_id();

	restart_die_waiting(child, blk);
	read_record(&record);
	ck_assert_uint_eq(record.bytes, sizeof(record));
	record.bytes = (uint32_t)(_i ? sizeof(record) + 4096 : sizeof(record) / 2 + 4);
	write_record(&record, record.bytes);
	child = model_again(model_disk(NULL));
	ck_assert_ptr_nonnull(strstr(fake_log(child), "adopted"));
	ck_assert_int_eq(fake_server_id(), id);
	ck_assert_uint_eq(fake_servers(), 1);
	ck_assert(vcpu_finish(1).answered);
	ck_assert_uint_eq(gpci_read(&blk->v.pci, PCI_COMMAND, 2), 0);
	gblk_free(blk);
	ck_assert(gblk_load(model_driver(&model_grants), 20, 4));
}
END_TEST

/* Everything but whose it is. */
static void scramble_device(struct device_state *device, const void *what)
{
	struct pci_claim *claim = &device->pci.claims[guest_random(2) ? 0 : PCI_ROM];

	(void)what;
	scramble(&device->virtio, sizeof(device->virtio));
	scramble(&device->transport, sizeof(device->transport));
	scramble(&device->pci, sizeof(device->pci));
	if (guest_random(2))
		*claim = (struct pci_claim){ claim->base & ~(BAR_SIZE - 1ull), BAR_SIZE };
	if (!guest_random(4))
		*claim = (struct pci_claim){ -(uint64_t)BAR_SIZE, BAR_SIZE };
}

/* The daemon dies, something happens to the record of its device, and so many times again. */
static void survive(unsigned rounds, void (*happens)(struct device_state *device, const void *what),
		    const void *what)
{
	static struct state_region record;
	struct fake_child *child = model_start(FAKE_PVH, model_disk("readonly=on"));
	struct gblk *blk = model_driver(&model_grants);

	while (rounds--) {
		restart_die_waiting(child, blk);
		read_record(&record);
		happens(&record.devices[0], what);
		write_record(&record, sizeof(record));
		child = model_again(model_disk("readonly=on"));
		ck_assert_ptr_nonnull(strstr(fake_log(child), "adopted"));
		ck_assert(vcpu_finish(1).answered);
		gblk_free(blk);
		blk = model_driver(&model_grants);
		ck_assert(gblk_load(blk, 10, 4));
		ck_assert_uint_eq(fake_ranges(0, FAKE_RANGE_MEMORY), 1);
	}
}

START_TEST(garbage_in_the_record_of_an_orphan_does_no_harm)
{
	survive(10, scramble_device, NULL);
}
END_TEST

/* Where there is something to be found of a device that is in use, and much of the same is left
 * out: a part's bytes. */
static const struct part {
	size_t at, bytes;
} parts[] = {
	{ 0, offsetof(struct device_state, virtio.config) },
	{ offsetof(struct device_state, virtio.queues), sizeof(struct virtqueue_registers) },
	{ offsetof(struct device_state, virtio.inflight), 64 },
	{ offsetof(struct device_state, virtio.inflight[0].last), 8 },
	{ offsetof(struct device_state, transport), 16 },
	{ offsetof(struct device_state, pci), PCI_CONFIG_BYTES },
	{ offsetof(struct device_state, pci.msix_table), 48 },
	{ offsetof(struct device_state, pci.msix_pending),
	  sizeof(struct pci_state) - offsetof(struct pci_state, msix_pending) },
};

#define FLIPS_OF_A_PART 12

/* A bit or more of a byte, another one each time. */
static void flip(struct device_state *device, const void *what)
{
	const struct part *part = what;
	size_t offset = part->at + guest_random((uint32_t)part->bytes);

	((uint8_t *)device)[offset] ^= (uint8_t)(1 + guest_random(255));
}

START_TEST(any_byte_of_the_record_may_be_wrong)
{
	survive(FLIPS_OF_A_PART, flip, &parts[_i]);
}
END_TEST

/* Serves and ends, or says why not. */
static void check_starts_afresh(const struct state_region *record, size_t bytes)
{
	struct fake_child *child;

	write_record(record, bytes);
	child = restart_begin(RESTART_NULL_DISK);
	if (restart_serves(child))
		ck_assert_int_eq(fake_terminate(child), 0);
	else
		restart_refused(child, "\n");
	ck_assert_uint_eq(fake_servers(), 0);
}

START_TEST(garbage_in_place_of_a_record_does_no_harm)
{
	static const size_t lengths[] = { 0,
					  1,
					  4,
					  11,
					  12,
					  16,
					  17,
					  100,
					  sizeof(struct state_region) - 1,
					  sizeof(struct state_region),
					  2 * sizeof(struct state_region) };
	static struct state_region good, garbage;
	unsigned i;

	fake_kill9(model_start(FAKE_PVH, RESTART_NULL_DISK));
	read_record(&good);
	ck_assert_int_eq(fake_terminate(model_again(RESTART_NULL_DISK)), 0);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		scramble(&garbage, sizeof(garbage));
		check_starts_afresh(&garbage, lengths[i]);
		good.server = (int32_t)guest_random(UINT32_MAX);
		check_starts_afresh(&good, lengths[i]);
	}
}
END_TEST

START_TEST(a_record_that_cannot_be_kept_is_said)
{
	guest_boot(FAKE_PVH, MODEL_VCPUS, MODEL_RAM);
	ck_assert_int_eq(mkdir(record_path(), 0700), 0);
	restart_refused(restart_begin(RESTART_NULL_DISK), record_path());
	rmdir(record_path());
	ck_assert_int_eq(symlink("elsewhere", record_path()), 0);
	restart_refused(restart_begin(RESTART_NULL_DISK), record_path());
	ck_assert_uint_eq(fake_servers(), 0);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(a_start_that_fails_leaves_the_orphan_to_the_next,
		      ARRAY_SIZE(calls_of_adoption)),
		TIMES(a_start_that_fails_after_adoption_withdraws,
		      ARRAY_SIZE(calls_after_adoption)),
		ONCE(the_record_ends_with_the_server),
		TIMES(death_while_withdrawing_is_mended_by_the_next_start,
		      ARRAY_SIZE(calls_of_withdrawal)),
		TIMES(a_bar_on_the_move_when_the_daemon_dies_is_claimed_where_it_went,
		      ARRAY_SIZE(bar_writes)),
		ONCE(devices_in_another_order_keep_their_bars_and_vectors),
		TIMES(a_record_of_another_version_names_the_server, 2),
		ONCE(garbage_in_the_record_of_an_orphan_does_no_harm),
		TIMES(any_byte_of_the_record_may_be_wrong, ARRAY_SIZE(parts)),
		ONCE(garbage_in_place_of_a_record_does_no_harm),
		ONCE(a_record_that_cannot_be_kept_is_said),
	};

	return unit_main("model-restart", model_setup, model_teardown, tests, ARRAY_SIZE(tests));
}
