/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-blk-flight.c: virtio-blk while the guest's memory is lent: requests that
 * end out of turn, guests that take back what is lent, resets and the end.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "unit/disk.h"
#include "unit/unit.h"

#define SECTOR   512u
#define MAP_FROM 4096u
#define BYTES    8192u /* of a request: two pages, by one segment */

static struct disk disk;
static struct request *requests[32];

static struct disk_config variant(int i)
{
	struct disk_config config = disk_variant(i);

	config.copies = true;
	config.map_from = MAP_FROM;
	return config;
}

/* The device serves; the store will hold what comes. */
static void start_held(const struct disk_config *config)
{
	disk_start(&disk, config);
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	disk.store.hold = true;
}

/* So many reads are with the store. */
static void send_reads(unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		requests[i] = request_new(VIRTIO_BLK_T_IN, i * 64, 0, BYTES);
		request_add(&disk, requests[i], AS_LINUX);
	}
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(wait_for(store_held(&disk.store) == count));
}

/* Lets the store finish this operation of those that it holds. */
static void release(unsigned i)
{
	struct blk_io *io = disk.store.held[i];

	disk.store.held[i] = disk.store.held[0];
	disk.store.held[0] = io;
	store_release(&disk.store, 1);
}

/* The reference of a segment of the request at this head. */
static uint32_t reference(unsigned head, unsigned segment)
{
	const struct vring_desc *table = fake_ram(disk.ring->head[head].table);

	return gdma_ref(table[segment].addr);
}

static void assert_good(const struct request *request)
{
	ck_assert_uint_eq(request_result(request), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(request->used, request->in + 1);
	ck_assert_mem_eq(fake_ram(request_data(request)),
			 disk.store.data + request->sector * SECTOR, request->in);
}

static void free_requests(unsigned count)
{
	while (count--)
		request_free(requests[count]);
}

/* ---- out of turn -------------------------------------------------------------- */

/* Each ends for itself: what it was lent is gone before it is in the used ring
 * (the driver notices), and what others were lent stays. */
START_TEST(a_slow_request_never_holds_back_a_fast_one)
{
	struct disk_config config = variant(_i);
	bool granted = config.memory == GDMA_GRANTS;
	uint32_t slow;

	start_held(&config);
	send_reads(2);
	slow = granted ? reference(0, 1) : 0;
	ck_assert_uint_eq(fake_grant_mapped(slow), granted);
	ck_assert_uint_eq(fake_maps(), granted ? 3 : 0); /* and the ring */
	release(1);
	ck_assert(requests_wait(&disk, 1));
	ck_assert(requests[1]->done);
	assert_good(requests[1]);
	ck_assert(!requests[0]->done);
	ck_assert_uint_eq(fake_grant_mapped(slow), granted);
	ck_assert_uint_eq(fake_maps(), granted ? 2 : 0);
	release(0);
	ck_assert(requests_wait(&disk, 1));
	assert_good(requests[0]);
	ck_assert_uint_eq(fake_maps(), granted ? 1 : 0);
	free_requests(2);
	disk_stop(&disk);
}
END_TEST

START_TEST(loans_end_in_any_order)
{
	struct disk_config config = variant(_i);
	unsigned i, left;

	start_held(&config);
	send_reads(32);
	for (left = 32; left; left--) {
		release(unit_random(left));
		ck_assert(requests_wait(&disk, 1));
	}
	for (i = 0; i < 32; i++)
		assert_good(requests[i]);
	free_requests(32);
	disk_stop(&disk);
}
END_TEST

/* A page that is granted once, with the data of two requests in it: it stays
 * mapped for the one in flight, and not longer. */
START_TEST(two_requests_in_a_page_that_stays_granted)
{
	struct disk_config config = variant(1 | _i << 1);
	struct gsg out, in[2];
	uint64_t pool;
	unsigned i;

	config.map_from = SECTOR;
	start_held(&config);
	pool = gdma_pool_alloc(&disk.v.dma, 1);
	for (i = 0; i < 2; i++) {
		requests[i] = request_new(VIRTIO_BLK_T_IN, i * 8, 0, 0);
		out = (struct gsg){ request_header(requests[i]), 16 };
		in[0] = (struct gsg){ pool + i * 2048, 2048 };
		in[1] = (struct gsg){ request_status(requests[i]), 1 };
		ck_assert(gring_add(disk.ring, &out, 1, in, 2, requests[i]));
	}
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(wait_for(store_held(&disk.store) == 2));
	ck_assert_uint_eq(fake_grant_mapped(gdma_ref(disk.v.dma.pool_addr)), 1);
	release(1);
	ck_assert(requests_wait(&disk, 1));
	ck_assert(requests[1]->done);
	ck_assert_uint_eq(fake_grant_mapped(gdma_ref(disk.v.dma.pool_addr)), 1);
	release(0);
	ck_assert(requests_wait(&disk, 1));
	ck_assert_uint_eq(fake_grant_mapped(gdma_ref(disk.v.dma.pool_addr)), 0);
	for (i = 0; i < 2; i++)
		ck_assert_mem_eq(fake_ram(pool + i * 2048), disk.store.data + i * 4096, 2048);
	gdma_pool_free(&disk.v.dma);
	free_requests(2);
	disk_stop(&disk);
}
END_TEST

/* ---- guests that take back what is lent ------------------------------------------ */

/* The data's grant is taken away, or names another page by now. The request has
 * what it was lent; the other page is not touched, and others do not notice. */
START_TEST(a_grant_taken_away_in_flight)
{
	struct disk_config config = variant(1 | (_i & 1) << 1);
	uint64_t other = gpage_alloc(1);
	uint32_t ref;

	start_held(&config);
	send_reads(2);
	ref = reference(0, 1);
	fake_grant_revoke(ref);
	if (_i & 2)
		fake_grant(ref, other / FAKE_PAGE, false);
	memset(fake_ram(other), REQUEST_CANARY, FAKE_PAGE);
	store_release(&disk.store, 2);
	ck_assert(requests_wait(&disk, 2));
	assert_good(requests[0]);
	assert_good(requests[1]);
	ck_assert_uint_eq(*(uint8_t *)fake_ram(other), REQUEST_CANARY);
	ck_assert_uint_eq(fake_grant_mapped(ref), 0);
	free_requests(2);
	disk_stop(&disk);
}
END_TEST

/* The same references in a second request while the first has them, for another
 * page: whatever the second one gets, both end and leave nothing. */
START_TEST(references_used_again_in_flight)
{
	struct disk_config config = variant(1 | _i << 1);
	struct vring_desc *first, *second, own;

	start_held(&config);
	send_reads(1);
	first = fake_ram(disk.ring->head[0].table);
	fake_grant(gdma_ref(first[1].addr), gpage_alloc(1) / FAKE_PAGE, false);
	disk.ring->held = true;
	requests[1] = request_new(VIRTIO_BLK_T_IN, 64, 0, BYTES);
	request_add(&disk, requests[1], AS_LINUX);
	second = fake_ram(disk.ring->head[1].table);
	own = second[1];
	second[1] = first[1];
	second[1].next = own.next;
	gring_show(disk.ring);
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(wait_for(store_held(&disk.store) == 2));
	release(1);
	ck_assert(wait_for(gring_more(disk.ring)));
	second[1] = own;
	ck_assert(requests_wait(&disk, 1));
	ck_assert_uint_eq(request_result(requests[1]), VIRTIO_BLK_S_OK);
	release(0);
	ck_assert(requests_wait(&disk, 1));
	ck_assert_uint_eq(request_result(requests[0]), VIRTIO_BLK_S_OK);
	free_requests(2);
	disk_stop(&disk);
}
END_TEST

/* Not even the status byte can be written: the queue is broken, nothing stays. */
START_TEST(everything_taken_away_in_flight)
{
	struct disk_config config = variant(1 | _i << 1);
	unsigned head, segment;

	start_held(&config);
	send_reads(4);
	for (head = 0; head < 4; head++) {
		for (segment = 0; segment < 3; segment++)
			fake_grant_revoke(reference(head, segment));
		fake_grant_revoke(reference(head, 1) + 1);
	}
	release(2);
	ck_assert(gvirtio_config_changed(&disk.v, 10000));
	ck_assert_uint_eq(disk_status(&disk), 0x4f);
	store_release(&disk.store, 3);
	disk.store.hold = false;
	disk_driver_stop(&disk);
	free_requests(4);
	disk_driver_start(&disk, &config);
	disk_write_then_read(&disk, 0, BYTES, AS_LINUX);
	disk_stop(&disk);
}
END_TEST

/* Frames that the guest gives back and gets others for: what was lent is the old
 * one until the request ends, and nobody else's data suffers. */
START_TEST(frames_replaced_in_flight)
{
	struct disk_config config = variant(_i << 1);
	struct request *after;

	start_held(&config);
	send_reads(2);
	fake_new_frame(request_data(requests[0]) / FAKE_PAGE);
	vcpu_invalidate(0);
	memset(fake_ram(request_data(requests[0])), REQUEST_CANARY, FAKE_PAGE);
	disk.store.hold = false;
	after = request_new(VIRTIO_BLK_T_IN, 512, 0, BYTES);
	request_add(&disk, after, AS_LINUX);
	gvirtio_kick(&disk.v, disk.ring);
	ck_assert(requests_wait(&disk, 1));
	assert_good(after);
	store_release(&disk.store, 2);
	ck_assert(requests_wait(&disk, 2));
	assert_good(requests[1]);
	ck_assert_uint_eq(request_result(requests[0]), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(*(uint8_t *)fake_ram(request_data(requests[0])), REQUEST_CANARY);
	request_free(after);
	free_requests(2);
	disk_stop(&disk);
}
END_TEST

/* ---- resets and the end ------------------------------------------------------------- */

static void mark(unsigned count)
{
	while (count--)
		memset(fake_ram(request_data(requests[count])), REQUEST_CANARY, BYTES + 1);
}

static void assert_untouched(unsigned count)
{
	uint8_t untouched[BYTES + 1];

	memset(untouched, REQUEST_CANARY, sizeof(untouched));
	while (count--)
		ck_assert_mem_eq(fake_ram(request_data(requests[count])), untouched, BYTES + 1);
}

/* The reset waits for what is lent; when status reads 0 the guest's pages are
 * the guest's again. */
START_TEST(a_reset_waits_for_what_is_lent)
{
	struct disk_config config = variant(_i);
	struct fake_io reset = { .type = FAKE_MMIO, .size = 1 };
	bool granted = config.memory == GDMA_GRANTS;
	uint16_t used;

	start_held(&config);
	send_reads(32);
	used = disk.ring->used->idx;
	reset.addr = disk.v.common + gvirtio_field(device_status);
	vcpu_begin(1, &reset);
	unit_nap_us(2000);
	ck_assert_uint_eq(disk_status(&disk), 0xf);
	store_release(&disk.store, 31);
	ck_assert(wait_for(fake_maps() == (granted ? 2 : 0))); /* one is lent, and the ring */
	ck_assert_uint_eq(disk_status(&disk), 0xf);
	store_release(&disk.store, 1);
	vcpu_finish(1);
	ck_assert(wait_for(!disk_status(&disk)));
	rig_assert_idle(&disk.rig);
	mark(32);
	unit_nap_us(20000);
	assert_untouched(32);
	ck_assert_uint_eq(disk.ring->used->idx, used);
	disk_stop(&disk);
	free_requests(32);
}
END_TEST

static int slow(const struct blk_io *io)
{
	(void)io;
	unit_nap_us(1000);
	return 0;
}

/* The device goes without being asked to; rig_stop() looks at what is left. */
START_TEST(a_device_that_goes_takes_nothing_along)
{
	struct disk_config config = variant(_i);
	struct gring *ring;

	start_held(&config);
	send_reads(32);
	disk.store.verdict = slow;
	store_release(&disk.store, 32);
	ring = disk.ring;
	disk.ring = NULL;
	disk_stop(&disk);
	mark(32);
	unit_nap_us(20000);
	assert_untouched(32);
	gring_free(ring);
	free_requests(32);
}
END_TEST

static atomic_uint operations;

/* Some of it has to be copied in the end. */
static int sometimes_refuse(const struct blk_io *io)
{
	(void)io;
	return atomic_fetch_add(&operations, 1) % 5 ? 0 : -EFAULT;
}

/* Copies and loans of all kinds are on their way when the driver gives up. */
START_TEST(reset_storm)
{
	struct disk_config config = variant(_i);
	unsigned turn, i, n;

	config.bounce = 64 * 4096;
	disk_start(&disk, &config);
	disk.store.verdict = sometimes_refuse;
	for (turn = 0; turn < 40; turn++) {
		n = unit_random(32) + 1;
		for (i = 0; i < n; i++) {
			uint32_t bytes = (unit_random(unit_random(4) ? 16 : 300) + 1) * SECTOR;
			bool write = unit_random(2);

			requests[i] = request_new(write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
						  unit_random(4096), write ? bytes : 0,
						  write ? 0 : bytes);
			request_add(&disk, requests[i], AS_LINUX);
			if (!unit_random(8))
				gvirtio_kick(&disk.v, disk.ring);
		}
		gvirtio_kick(&disk.v, disk.ring);
		unit_nap_us(unit_random(1000));
		disk_driver_stop(&disk);
		free_requests(n);
		disk_driver_start(&disk, &config);
	}
	disk.store.verdict = NULL;
	disk_write_then_read(&disk, 0, BYTES, AS_LINUX);
	disk_stop(&disk);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(a_slow_request_never_holds_back_a_fast_one, DISK_VARIANTS),
		TIMES(loans_end_in_any_order, DISK_VARIANTS),
		TIMES(two_requests_in_a_page_that_stays_granted, 2),
		TIMES(a_grant_taken_away_in_flight, 4),
		TIMES(references_used_again_in_flight, 2),
		TIMES(everything_taken_away_in_flight, 2),
		TIMES(frames_replaced_in_flight, 2),
		TIMES(a_reset_waits_for_what_is_lent, DISK_VARIANTS),
		TIMES(a_device_that_goes_takes_nothing_along, DISK_VARIANTS),
		TIMES(reset_storm, DISK_VARIANTS),
	};

	return unit_main("blk-flight", disk_setup, fake_end, tests, ARRAY_SIZE(tests));
}
