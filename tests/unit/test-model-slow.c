/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-model-slow.c: a reset that has to wait for slow requests. The driver is
 * answered after 100 ms at most, sees the end by the status, and may go on
 * meanwhile as firmware does, which does not look; nobody else waits.
 */
#include <linux/virtio_config.h>
#include <string.h>

#include "unit/disk.h"
#include "unit/unit.h"

#define MS          1000000ull
#define BUSY_HOST   (150 * MS) /* what others on the machine may cost an answer */
#define REQUESTS    8u
#define SERVING     0xfu /* ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK */
#define ACKNOWLEDGE VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER      VIRTIO_CONFIG_S_DRIVER

static struct disk disk;
static struct request *requests[REQUESTS];

static void setup(void)
{
	guest_boot(FAKE_HVM, 3, 8192);
}

/* Requests are with the store and stay there. */
static void hang(void)
{
	unsigned int n;

	disk.store.hold = true;
	for (n = 0; n < REQUESTS; n++)
		request_add(&disk, requests[n], AS_LINUX);
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(wait_for(store_held(&disk.store) == REQUESTS));
	fake_calls_reset();
}

static void start_and_hang(int i)
{
	const struct disk_config config = { .memory = i & 1 ? GDMA_GRANTS : GDMA_PLAIN,
					    .workers = i & 2 ? 2 : 0,
					    .queues = 2 };
	unsigned int n;

	disk_start(&disk, &config);
	for (n = 0; n < REQUESTS; n++)
		requests[n] = request_new(VIRTIO_BLK_T_IN, n, 0, 4096);
	hang();
}

static void release(void)
{
	store_release(&disk.store, REQUESTS);
	disk.store.hold = false;
}

static void stop(void)
{
	unsigned int n;

	disk_stop(&disk);
	for (n = 0; n < REQUESTS; n++)
		request_free(requests[n]);
}

static void begin_status(unsigned int vcpu, uint8_t status)
{
	struct fake_io io = { .type = FAKE_MMIO,
			      .size = 1,
			      .addr = disk.v.common + gvirtio_field(device_status),
			      .data = status };

	vcpu_begin(vcpu, &io);
}

static void write_status(uint8_t status)
{
	gvirtio_write(&disk.v, gvirtio_field(device_status), 1, status);
}

static uint64_t answered_after(unsigned int vcpu)
{
	struct fake_answer answer = vcpu_finish(vcpu);

	ck_assert(answer.answered);
	return answer.ns;
}

/* The device is as new, and serves. */
static void check_anew(void)
{
	const struct disk_config config = { .queues = 2 };

	rig_assert_idle(&disk.rig);
	gring_free(disk.v.ring[0]);
	gring_free(disk.v.ring[1]);
	disk.v.nr_queues = 0;
	disk_driver_start(&disk, &config);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, 0, 0, 4096), VIRTIO_BLK_S_OK);
}

/* ---- the answer ------------------------------------------------------------------ */

/* On a busy machine it may take several goes to be in time. */
START_TEST(a_reset_is_answered_when_it_is_over)
{
	unsigned int tries = 0;
	uint64_t ns;

	start_and_hang(_i);
	for (;;) {
		begin_status(1, 0);
		unit_nap_us(5000);
		release();
		ns = answered_after(1);
		if (ns < 95 * MS || ++tries == 10)
			break;
		check_anew();
		hang();
	}
	ck_assert_uint_lt(ns, 95 * MS);
	ck_assert_uint_eq(disk_status(&disk), 0);
	check_anew();
	stop();
}
END_TEST

START_TEST(a_reset_is_answered_after_100_ms_over_or_not)
{
	uint64_t ns;

	start_and_hang(_i);
	begin_status(1, 0);
	ns = answered_after(1);
	ck_assert_uint_ge(ns, 95 * MS);
	ck_assert_uint_lt(ns, 100 * MS + BUSY_HOST);
	unit_nap_us(100000);
	ck_assert_uint_eq(disk_status(&disk), SERVING);
	release();
	ck_assert(wait_for(disk_status(&disk) == 0));
	check_anew();
	stop();
}
END_TEST

/* Each from its own beginning on; both at once when it is over. */
START_TEST(a_second_reset_meanwhile_waits_as_long)
{
	uint64_t ns;

	start_and_hang(_i);
	begin_status(1, 0);
	unit_nap_us(50000);
	begin_status(2, 0);
	ck_assert_uint_lt(answered_after(1), 100 * MS + BUSY_HOST);
	ns = answered_after(2);
	ck_assert_uint_ge(ns, 95 * MS);
	ck_assert_uint_lt(ns, 100 * MS + BUSY_HOST);
	begin_status(1, 0);
	begin_status(2, 0);
	release();
	answered_after(1);
	answered_after(2);
	ck_assert(wait_for(disk_status(&disk) == 0));
	check_anew();
	stop();
}
END_TEST

/* ---- meanwhile ------------------------------------------------------------------- */

/* Status, queues and configuration, for as long as the reset goes on. */
START_TEST(others_are_answered_during_a_reset)
{
	struct gvirtio *v = &disk.v;
	unsigned int reads = 0;

	start_and_hang(_i);
	begin_status(1, 0);
	while (!vcpu_answered(1)) {
		ck_assert_uint_eq(disk_status(&disk), SERVING);
		ck_assert_uint_eq(gvirtio_config(v, 0, 4), STORE_BYTES / 512);
		ck_assert_uint_eq(gpci_read(&v->pci, 0, 2), 0x1af4);
		gvirtio_kick_always(v, disk.ring);
		reads++;
	}
	ck_assert_uint_gt(reads, 10);
	ck_assert_uint_lt(fake_slowest_ns(), BUSY_HOST);
	vcpu_finish(1);
	release();
	ck_assert(wait_for(disk_status(&disk) == 0));
	check_anew();
	stop();
}
END_TEST

/* Registers of the old driver's queues are not the new one's to write yet. */
START_TEST(queue_registers_stay_closed_during_a_reset)
{
	const struct gring ring = { .size = 4, .desc_addr = 4096, .avail_addr = 64, .used_addr = 8 };
	struct gvirtio *v = &disk.v;

	start_and_hang(_i);
	write_status(0);
	write_status(ACKNOWLEDGE);
	gvirtio_queue_regs(v, 1, &ring);
	ck_assert_uint_eq(gvirtio_read(v, gvirtio_field(queue_size), 2), disk.ring->size);
	ck_assert_uint_eq(gvirtio_read(v, gvirtio_field(queue_desc_lo), 4),
			  (uint32_t)v->ring[1]->desc_addr);
	ck_assert_uint_eq(gvirtio_read(v, gvirtio_field(queue_enable), 2), 1);
	release();
	ck_assert(wait_for(disk_status(&disk) == ACKNOWLEDGE));
	ck_assert_uint_eq(gvirtio_read(v, gvirtio_field(queue_enable), 2), 0);
	check_anew();
	stop();
}
END_TEST

/* Firmware goes on without a look at the status: that counts once the reset is over. */
START_TEST(a_status_written_during_a_reset_counts_after_it)
{
	start_and_hang(_i);
	write_status(0);
	write_status(ACKNOWLEDGE);
	write_status(ACKNOWLEDGE | DRIVER);
	ck_assert_uint_eq(disk_status(&disk), SERVING);
	release();
	ck_assert(wait_for(disk_status(&disk) == (ACKNOWLEDGE | DRIVER)));
	write_status(0);
	ck_assert_uint_eq(disk_status(&disk), 0);
	check_anew();
	stop();
}
END_TEST

/* No features were negotiated, so no driver can have come as far. */
START_TEST(a_driver_cannot_be_ready_by_the_end_of_a_reset)
{
	start_and_hang(_i);
	write_status(0);
	write_status(SERVING);
	release();
	ck_assert(wait_for(disk_status(&disk) == (ACKNOWLEDGE | DRIVER)));
	write_status(0);
	check_anew();
	stop();
}
END_TEST

/* ---- a worker that hangs --------------------------------------------------------- */

/* The worker does not even get to know of the reset. */
START_TEST(a_reset_of_a_hung_worker_does_not_hold_main)
{
	const struct disk_config config = { .memory = GDMA_GRANTS, .workers = 1 };
	uint64_t begin;

	disk_start(&disk, &config);
	disk.store.block_ms = 400;
	requests[0] = request_new(VIRTIO_BLK_T_IN, 0, 0, 4096);
	request_add(&disk, requests[0], AS_LINUX);
	gvirtio_kick(&disk.v, disk.ring);
	unit_nap_us(20000);
	begin_status(1, 0);
	fake_calls_reset();
	begin = fake_now_ns();
	while (!vcpu_answered(1))
		ck_assert_uint_eq(gvirtio_config(&disk.v, 0, 4), STORE_BYTES / 512);
	ck_assert_uint_lt(fake_now_ns() - begin, 100 * MS + BUSY_HOST);
	ck_assert_uint_lt(fake_slowest_ns(), BUSY_HOST);
	vcpu_finish(1);
	ck_assert_uint_eq(disk_status(&disk), SERVING);
	ck_assert(wait_for(disk_status(&disk) == 0));
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	disk.store.block_ms = 0;
	disk_stop(&disk);
	request_free(requests[0]);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(a_reset_is_answered_when_it_is_over, 4),
		TIMES(a_reset_is_answered_after_100_ms_over_or_not, 4),
		TIMES(a_second_reset_meanwhile_waits_as_long, 4),
		TIMES(others_are_answered_during_a_reset, 4),
		TIMES(queue_registers_stay_closed_during_a_reset, 4),
		TIMES(a_status_written_during_a_reset_counts_after_it, 4),
		TIMES(a_driver_cannot_be_ready_by_the_end_of_a_reset, 4),
		ONCE(a_reset_of_a_hung_worker_does_not_hold_main),
	};

	return unit_main("model-slow", setup, fake_end, tests, ARRAY_SIZE(tests));
}
