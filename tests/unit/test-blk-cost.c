/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-blk-cost.c: what requests cost: calls are paid per batch, not per
 * request, and all memory is there before the first of them.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "unit/disk.h"
#include "unit/unit.h"

static struct disk disk;
static struct request *requests[VIRTQUEUE_BATCH];

static void send_reads(unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		requests[i] = request_new(VIRTIO_BLK_T_IN, i * 8, 0, FAKE_PAGE);
		request_add(&disk, requests[i], AS_LINUX);
	}
	gvirtio_kick(&disk.v, disk.ring);
}

static void free_requests(unsigned count)
{
	while (count--)
		request_free(requests[count]);
}

/* On the loop itself, so that all are done in one turn. */
static void release_all(void *arg)
{
	store_release(arg, store_held(arg));
}

/* The device has started, and has seen all kicks until now. */
static void settle(void)
{
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	rig_settle(&disk.rig);
}

/* One copy for all tables, one for all headers, one for all data and status
 * bytes; then one interrupt. */
START_TEST(calls_are_paid_per_batch)
{
	static const unsigned counts[] = { 1, 2, 8, VIRTQUEUE_BATCH };
	struct disk_config config = { .memory = GDMA_GRANTS };
	unsigned count = counts[_i], messages;

	disk_start(&disk, &config);
	settle();
	disk.store.hold = true;
	messages = fake_msi_total();
	fake_calls_reset();
	send_reads(count);
	ck_assert(wait_for(store_held(&disk.store) == count));
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_COPY), 2);
	ck_assert(gring_enable_cb(disk.ring));
	rig_call(&disk.rig, release_all, &disk.store);
	ck_assert(requests_wait(&disk, count));
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_COPY), 3);
	ck_assert_uint_eq(fake_copy_segments(), 4 * count);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_MAP), 0);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_UNMAP), 0);
	ck_assert(wait_for(fake_msi_total() == messages + 1)); /* published first */
	free_requests(count);
	disk_stop(&disk);
}
END_TEST

/* Windows stay mapped: nothing is called for data once they are. */
START_TEST(plain_memory_needs_no_calls)
{
	struct disk_config config = { .memory = GDMA_PLAIN };
	unsigned i, turn;

	disk_start(&disk, &config);
	for (turn = 0; turn < 2; turn++) {
		send_reads(VIRTQUEUE_BATCH);
		ck_assert(requests_wait(&disk, VIRTQUEUE_BATCH));
		free_requests(VIRTQUEUE_BATCH);
		if (!turn)
			fake_calls_reset();
	}
	for (i = FAKE_FOREIGN_MAP; i <= FAKE_FOREIGN_UNMAP; i++)
		ck_assert_uint_eq(fake_calls(i), 0);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_COPY), 0);
	disk_stop(&disk);
}
END_TEST

/* ---- memory -------------------------------------------------------------------- */

/* AddressSanitizer's, where it is there. */
int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void *, size_t),
					      void (*free_hook)(const volatile void *))
	__attribute__((weak));

static atomic_uint allocations;

static void allocated(const volatile void *memory, size_t size)
{
	pthread_t self = pthread_self();

	(void)memory, (void)size;
	if (pthread_equal(self, disk.rig.workers[0].thread) || pthread_equal(self, disk.rig.thread))
		allocations++;
}

static void freed(const volatile void *memory)
{
	(void)memory;
}

START_TEST(nothing_is_allocated_while_serving)
{
	struct disk_config config = { .memory = _i ? GDMA_GRANTS : GDMA_PLAIN, .workers = 1 };
	struct request *request;
	unsigned turn;

	if (!__sanitizer_install_malloc_and_free_hooks)
		return;
	disk_start(&disk, &config);
	settle();
	__sanitizer_install_malloc_and_free_hooks(allocated, freed);
	for (turn = 0; turn < 10; turn++) {
		send_reads(VIRTQUEUE_BATCH);
		ck_assert(requests_wait(&disk, VIRTQUEUE_BATCH));
		free_requests(VIRTQUEUE_BATCH);
		request = request_new(VIRTIO_BLK_T_OUT, 5, 200 * 512, 0);
		ck_assert_uint_eq(request_run(&disk, request, 4096), VIRTIO_BLK_S_OK);
		request_free(request);
		ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_IN, 9999999, 0, 512),
				  VIRTIO_BLK_S_IOERR);
	}
	ck_assert_uint_eq(allocations, 0);
	disk_stop(&disk);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(calls_are_paid_per_batch, 4),
		ONCE(plain_memory_needs_no_calls),
		TIMES(nothing_is_allocated_while_serving, 2),
	};

	return unit_main("blk-cost", disk_setup, fake_end, tests, ARRAY_SIZE(tests));
}
