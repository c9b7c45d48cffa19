/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-model-queues.c: several queues and disks on several workers, one, or
 * none: all get their data and their interrupts, under storms of doorbells
 * and resets.
 */
#include <linux/virtio_config.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "unit/unit.h"

#define NO_INDIRECT BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)
#define NO_EVENTS   BIT_ULL(VIRTIO_RING_F_EVENT_IDX)

/* Who moves the data, and through what. */
static const struct variant {
	const char *workers;
	bool grants;
} variants[] = { { "0", false }, { "0", true }, { "1", true }, { "2", false }, { "4", true } };

static struct gblk_config driver(uint16_t bdf, const struct variant *variant, unsigned int queues)
{
	return (struct gblk_config){ .bdf = bdf,
				     .dma = variant->grants ? GDMA_GRANTS : GDMA_PLAIN,
				     .irq = variant->grants ? GIRQ_MSIX : GIRQ_PIRQ,
				     .queues = queues };
}

static const char *queues_option(unsigned int queues)
{
	static char text[20];

	snprintf(text, sizeof(text), "queues=%u", queues);
	return text;
}

static struct fake_child *start(const struct variant *variant, const char *disk, const char *disk2)
{
	return model_start_with(variant->grants ? FAKE_PVH : FAKE_HVM, variant->workers, disk,
				disk2);
}

static struct gblk_config config;
static struct fake_child *child;

/* One disk with four queues, and a driver that uses as many. */
static struct gblk *start_four(const struct variant *variant)
{
	config = driver(MODEL_BDF, variant, 4);
	child = start(variant, model_disk("queues=4"), NULL);
	return model_driver(&config);
}

START_TEST(a_disk_has_a_queue_for_each_vcpu)
{
	struct gblk *blk;

	config = driver(MODEL_BDF, &variants[3], MODEL_VCPUS);
	child = start(&variants[3], model_disk(NULL), NULL);
	blk = model_driver(&config);
	ck_assert(blk->v.offered & BIT_ULL(VIRTIO_BLK_F_MQ));
	ck_assert_uint_eq(gvirtio_config(&blk->v, offsetof(struct virtio_blk_config, num_queues),
					 2),
			  MODEL_VCPUS);
}
END_TEST

/* Requests on all queues; those in flight at once do not overlap. */
static unsigned int submit_many(struct gblk *blk, unsigned int nr, uint32_t len)
{
	static unsigned int next;
	unsigned int n = 0;

	for (; n < nr; next++, n++)
		if (!gblk_submit(blk, next % 3 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
				 next % 64 * 128, len))
			break;
	gblk_kick(blk);
	return n;
}

static void wait_for_all(struct gblk *blk)
{
	struct gblk_req *req;

	while ((req = blk->inflight)) {
		ck_assert(gblk_wait(blk, req, 10000));
		ck_assert_uint_eq(req->status, VIRTIO_BLK_S_OK);
		gblk_put(blk, req);
	}
}

/* ---- several queues -------------------------------------------------------------- */

START_TEST(every_queue_gets_its_data)
{
	const struct variant *variant = &variants[_i / 3];
	unsigned int queues = 2 + (unsigned int)_i % 3, i;
	struct gblk *blk;

	config = driver(MODEL_BDF, variant, queues);
	start(variant, model_disk(queues_option(queues)), NULL);
	blk = model_driver(&config);
	ck_assert(gblk_load(blk, 400, 64));
	ck_assert_uint_eq(blk->errors, 0);
	for (i = 0; i < queues; i++)
		ck_assert_uint_gt(blk->v.ring[i]->last_used, 50);
	gblk_remove(blk);
	ck_assert_uint_eq(blk->v.dma.grants, 0);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
}
END_TEST

/* The device has them all, the driver wants fewer. */
START_TEST(a_driver_may_use_some_of_the_queues)
{
	const struct variant *variant = &variants[_i];
	struct gblk *blk;
	unsigned int i;

	config = driver(MODEL_BDF, variant, 1 + (unsigned int)_i % 3);
	start(variant, model_disk("queues=4"), NULL);
	blk = model_driver(&config);
	for (i = 0; i < 6; i++) /* doorbells of queues that are not there */
		vcpu_mmio_write(1, blk->v.notify + blk->v.notify_multiplier * i, 2, i);
	ck_assert(gblk_load(blk, 100, 32));
	gblk_remove(blk);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
}
END_TEST

/* The device needs a reset, but what the others have taken they finish. */
START_TEST(a_broken_queue_leaves_the_others_running)
{
	struct gblk *blk = start_four(&variants[_i]);
	struct gring *ring;
	unsigned int turn;

	for (turn = 0; turn < 8; turn++) {
		ring = blk->v.ring[turn % 4];
		ring->avail->idx = (uint16_t)(ring->avail_idx + 1000);
		gvirtio_kick_always(&blk->v, ring);
		ck_assert(gvirtio_config_changed(&blk->v, 10000));
		blk->v.ring[turn % 4] = blk->v.ring[3]; /* the driver uses the other three */
		blk->v.nr_queues = 3;
		ck_assert(gblk_load(blk, 40, 16));
		blk->v.ring[3] = blk->v.ring[turn % 4];
		blk->v.ring[turn % 4] = ring;
		blk->v.nr_queues = 4;
		gblk_remove(blk);
		ck_assert_uint_eq(blk->v.dma.grants, 0);
		gblk_restart(blk, &config);
	}
	ck_assert(gblk_load(blk, 40, 16));
}
END_TEST

/* ---- several disks --------------------------------------------------------------- */

START_TEST(two_disks_share_the_workers)
{
	const struct variant *variant = &variants[_i];
	const struct gblk_config config2 = driver(MODEL_BDF2, variant, 3);
	struct gblk *blk, *blk2;
	unsigned int i;

	config = driver(MODEL_BDF, variant, 4);
	start(variant, model_disk("queues=4"), model_disk2("queues=3"));
	blk = model_driver(&config);
	blk2 = model_driver(&config2);
	for (i = 0; i < 20; i++) {
		submit_many(blk, 32, 16384);
		submit_many(blk2, 32, 16384);
		wait_for_all(i % 2 ? blk : blk2);
		wait_for_all(i % 2 ? blk2 : blk);
	}
	submit_many(blk, 32, 16384); /* and one goes while the other works */
	gblk_remove(blk2);
	wait_for_all(blk);
	ck_assert_uint_eq(blk->errors + blk2->errors, 0);
}
END_TEST

/* ---- doorbells ------------------------------------------------------------------- */

/* One vCPU does nothing but ring them, in a thread of its own. */
struct storm {
	pthread_t thread;
	struct gblk *blk;
	atomic_bool stop;
	atomic_uint kicks;
};

static void *ring_doorbells(void *arg)
{
	struct storm *storm = arg;
	const struct gvirtio *v = &storm->blk->v;
	uint64_t step = v->notify_multiplier;

	while (!atomic_load(&storm->stop))
		vcpu_mmio_write(1, v->notify + storm->kicks++ % 4 * step, 2, 0);
	return NULL;
}

static void storm_begin(struct storm *storm, struct gblk *blk)
{
	storm->blk = blk;
	atomic_init(&storm->stop, false);
	atomic_init(&storm->kicks, 0);
	ck_assert_int_eq(pthread_create(&storm->thread, NULL, ring_doorbells, storm), 0);
	ck_assert(wait_for(atomic_load(&storm->kicks) > 10));
}

static void storm_end(struct storm *storm)
{
	atomic_store(&storm->stop, true);
	pthread_join(storm->thread, NULL);
}

START_TEST(a_storm_of_doorbells_loses_nothing)
{
	struct gblk *blk = start_four(&variants[_i]);
	struct storm storm;

	storm_begin(&storm, blk);
	ck_assert(gblk_load(blk, 300, 48));
	storm_end(&storm);
	ck_assert_uint_eq(blk->errors, 0);
}
END_TEST

#define SAMPLES 200

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Of one small read at a time, in ns. */
static uint64_t median_latency(struct gblk *blk)
{
	uint64_t ns[SAMPLES], begin;
	unsigned int i;

	for (i = 0; i < SAMPLES; i++) {
		begin = fake_now_ns();
		ck_assert_uint_eq(gblk_io(blk, VIRTIO_BLK_T_IN, i, 512), VIRTIO_BLK_S_OK);
		ns[i] = fake_now_ns() - begin;
	}
	qsort(ns, SAMPLES, sizeof(ns[0]), compare);
	return ns[SAMPLES / 2];
}

/* Each doorbell costs main an answer and a worker a look at an empty ring. */
START_TEST(kick_storm)
{
	const struct variant *variant = &variants[_i];
	const struct gblk_config config2 = driver(MODEL_BDF2, variant, 1);
	uint64_t quiet, noisy;
	struct storm storm;
	struct gblk *blk, *blk2;

	config = driver(MODEL_BDF, variant, 4);
	start(variant, model_disk("queues=4"), model_disk2(NULL));
	blk = model_driver(&config);
	blk2 = model_driver(&config2);
	quiet = median_latency(blk2);
	storm_begin(&storm, blk);
	noisy = median_latency(blk2);
	storm_end(&storm);
	ck_assert_msg(noisy < 10 * quiet + 5000000, "%llu ns, and %llu under the storm",
		      (unsigned long long)quiet, (unsigned long long)noisy);
}
END_TEST

/* ---- resets ---------------------------------------------------------------------- */

START_TEST(a_reset_with_all_queues_busy_leaves_nothing)
{
	struct gblk *blk = start_four(&variants[_i]);
	unsigned int i;

	for (i = 0; i < 20; i++) {
		submit_many(blk, 64, 4096u << guest_random(4));
		unit_nap_us(guest_random(500));
		gblk_remove(blk);
		ck_assert_uint_eq(blk->v.dma.grants, 0);
		ck_assert_uint_eq(fake_grants_mapped(), 0);
		gblk_restart(blk, &config);
		ck_assert(gblk_load(blk, 10, 8));
	}
}
END_TEST

/* Doorbells before, while and after the status goes to 0, and with the next driver. */
START_TEST(resets_in_a_storm_of_doorbells)
{
	struct gblk *blk = start_four(&variants[_i]);
	struct storm storm;
	unsigned int i;

	storm_begin(&storm, blk);
	for (i = 0; i < 20; i++) {
		submit_many(blk, 64, 16384);
		gblk_remove(blk);
		ck_assert_uint_eq(blk->v.dma.grants, 0);
		gblk_restart(blk, &config);
		ck_assert(gblk_load(blk, 4, 4));
	}
	storm_end(&storm);
}
END_TEST

START_TEST(sigterm_with_all_queues_busy_leaves_nothing)
{
	submit_many(start_four(&variants[_i]), 64, 32768);
	ck_assert_int_eq(fake_terminate(child), 0);
}
END_TEST

START_TEST(a_dead_domain_with_all_queues_busy_leaves_nothing)
{
	submit_many(start_four(&variants[_i]), 64, 32768);
	fake_domain_destroy();
	ck_assert_int_eq(fake_wait_exit(child, 10000), 0);
}
END_TEST

/* ---- interrupts ------------------------------------------------------------------ */

/* Both indexes go round at 2^16; once is enough. */
#define LONG_RUN  66000u
#define SHORT_RUN 20000u

/* Header at 0, data at 64, status at 128. */
struct slot {
	uint64_t gpa;
	bool busy;
};

#define SLOT_BYTES 256u

static void make_slots(struct slot *slots, unsigned int nr, uint32_t type)
{
	uint64_t pages = gpage_alloc((nr * SLOT_BYTES + FAKE_PAGE - 1) / FAKE_PAGE);
	struct virtio_blk_outhdr *header;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		slots[i] = (struct slot){ .gpa = pages + (uint64_t)i * SLOT_BYTES };
		header = fake_ram(slots[i].gpa);
		header->type = type;
	}
}

static bool add_slot(struct gring *ring, struct slot *slot, uint32_t data)
{
	struct gsg out = { slot->gpa, 16 };
	struct gsg in[] = { { slot->gpa + 64, data }, { slot->gpa + 128, 1 } };

	slot->busy = gring_add(ring, &out, 1, data ? in : in + 1, data ? 2 : 1, slot);
	return slot->busy;
}

static void spin(uint32_t ns)
{
	uint64_t end = fake_now_ns() + ns;

	while (fake_now_ns() < end)
		;
}

/* virtblk_done(), with a driver that is not always at once there. */
static unsigned int take_answers(struct gring *ring, uint32_t data)
{
	unsigned int n = 0;
	struct slot *slot;
	uint32_t len;

	do {
		gring_disable_cb(ring);
		for (; (slot = gring_get(ring, &len)); n++) {
			ck_assert_uint_eq(len, data + 1);
			slot->busy = false;
		}
	} while (!gring_enable_cb(ring));
	return n;
}

/* A driver that kicks only where it is asked to, and then only ever waits for interrupts,
 * does not stop; nor where its queue is looked at for about as long as it pauses. */
START_TEST(no_kick_and_no_interrupt_is_lost_in_a_long_run)
{
	const struct variant *variant = &variants[2 + _i % 2];
	struct slot slots[32];
	unsigned int asked = 0, answered = 0, i, nr = _i ? SHORT_RUN : LONG_RUN;
	struct gring *ring;
	struct gblk *blk;

	config = driver(MODEL_BDF, variant, 1);
	config.without = NO_INDIRECT | (_i % 3 == 2 ? NO_EVENTS : 0);
	start(variant, model_disk(_i / 3 ? "busy-poll=30" : NULL), NULL);
	blk = model_driver(&config);
	ring = blk->v.ring[0];
	make_slots(slots, ARRAY_SIZE(slots), VIRTIO_BLK_T_GET_ID);
	while (answered < nr) {
		unsigned int burst = guest_random(ARRAY_SIZE(slots)) + 1;

		for (i = 0; i < burst; i++) {
			if (slots[i].busy || !add_slot(ring, &slots[i], VIRTIO_BLK_ID_BYTES))
				continue;
			asked++;
			gvirtio_kick(&blk->v, ring);
			spin(guest_random(10000)); /* into the device's turn, anywhere */
		}
		ck_assert_msg(gvirtio_wait(&blk->v, ring, 5000), "no interrupt, %u of %u answered",
			      answered, asked);
		answered += take_answers(ring, VIRTIO_BLK_ID_BYTES);
	}
	ck_assert_uint_le(ring->irqs, answered);
}
END_TEST

/* ---- many at once ---------------------------------------------------------------- */

#define DEEP 256u

/* What the driver may have in flight the store gets at once: nothing limits flushes. */
START_TEST(full_rings_of_flushes_are_served)
{
	struct slot *slots = calloc(4 * DEEP, sizeof(*slots));
	struct gblk *blk;
	unsigned int i, answered;

	config = driver(MODEL_BDF, &variants[_i], 4);
	config.ring_size = DEEP;
	start(&variants[_i], model_disk("queues=4"), NULL);
	blk = model_driver(&config);
	make_slots(slots, 4 * DEEP, VIRTIO_BLK_T_FLUSH);
	for (i = 0; i < 4 * DEEP; i++) {
		blk->v.ring[i % 4]->held = i < 4 * DEEP - 4;
		ck_assert(add_slot(blk->v.ring[i % 4], &slots[i], 0));
	}
	gblk_kick(blk);
	for (i = 0; i < 4; i++)
		for (answered = 0; answered < DEEP; answered += take_answers(blk->v.ring[i], 0))
			ck_assert(gvirtio_wait(&blk->v, blk->v.ring[i], 10000));
	for (i = 0; i < 4 * DEEP; i++)
		ck_assert_uint_eq(*(uint8_t *)fake_ram(slots[i].gpa + 128), VIRTIO_BLK_S_OK);
	free(slots);
}
END_TEST

int main(void)
{
	const int n = ARRAY_SIZE(variants);
	const struct unit_test tests[] = {
		ONCE(a_disk_has_a_queue_for_each_vcpu),
		TIMES(every_queue_gets_its_data, 3 * n),
		TIMES(a_driver_may_use_some_of_the_queues, n),
		TIMES(a_broken_queue_leaves_the_others_running, n),
		TIMES(two_disks_share_the_workers, n),
		TIMES(a_storm_of_doorbells_loses_nothing, n),
		TIMES(kick_storm, n),
		TIMES(a_reset_with_all_queues_busy_leaves_nothing, n),
		TIMES(resets_in_a_storm_of_doorbells, n),
		TIMES(sigterm_with_all_queues_busy_leaves_nothing, n),
		TIMES(a_dead_domain_with_all_queues_busy_leaves_nothing, 2),
		TIMES(no_kick_and_no_interrupt_is_lost_in_a_long_run, 6),
		TIMES(full_rings_of_flushes_are_served, n),
	};

	return unit_main("model-queues", model_setup, model_teardown, tests, ARRAY_SIZE(tests));
}
