/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-virtio-life.c: the life of a virtio device: kicks and interrupts, what a
 * broken ring leads to, and resets, which end on other threads than they begin.
 */
#include <string.h>

#include "unit/probe.h"
#include "unit/unit.h"

#define FIELD(name) gvirtio_field(name)
#define RUNNING     0xf
#define BROKEN      (RUNNING | VIRTIO_CONFIG_S_NEEDS_RESET)
#define MS          1000000ull

static struct probe probe;

#define VARIANTS 4

/* The variants of a loop test: kinds of memory, and who moves data. */
static enum gdma_kind start(int variant, enum girq irq)
{
	enum gdma_kind memory = variant & 1 ? GDMA_GRANTS : GDMA_PLAIN;

	probe_start(&probe, MEMORY_AUTO, variant & 2 ? 2 : 0);
	probe_drive(&probe, memory, irq, 16);
	return memory;
}

static uint8_t status(void)
{
	return (uint8_t)gvirtio_read(&probe.v, FIELD(device_status), 1);
}

static struct fake_io status_write(uint8_t value)
{
	return (struct fake_io){ .type = FAKE_MMIO,
				 .addr = probe.v.common + FIELD(device_status),
				 .size = 1,
				 .data = value };
}

static void offer_and_kick(unsigned queue, unsigned count)
{
	while (count--)
		probe_offer(&probe, queue, probe_page);
	gvirtio_kick_always(&probe.v, probe.v.ring[queue]);
}

static unsigned handled(unsigned queue)
{
	return probe.handled[queue];
}

/* ---- kicks ------------------------------------------------------------------- */

static void write_notify(uint64_t offset, unsigned size, uint32_t value)
{
	pci_bar_write(&probe.rig.transport.function, 0, probe.v.notify - RIG_BAR + offset, size,
		      value);
}

static void ring_where_no_queue_is(void *arg)
{
	unsigned i;

	(void)arg;
	for (i = PROBE_QUEUES * probe.v.notify_multiplier; i < 0x1000; i++)
		write_notify(i, i & 3 ? 1 : 4, i);
	for (i = 0; i < 65536; i++)
		write_notify(16, 2, i);
}

/* Any value, of any width, at any place where no queue is: nobody is woken. */
START_TEST(vpci_notify_any)
{
	unsigned i;

	start(2, GIRQ_NONE);
	for (i = 0; i < PROBE_QUEUES; i++)
		probe_offer(&probe, i, probe_page);
	rig_call(&probe.rig, ring_where_no_queue_is, NULL);
	for (i = 0; i < PROBE_QUEUES; i++) {
		probe_settle(&probe, i);
		ck_assert_uint_eq(handled(i), 0);
	}
	vcpu_mmio_write(0, probe.v.ring[1]->notify, 4, 0xdeadbeef); /* the place counts */
	ck_assert(wait_for(handled(1) == 1));
	ck_assert_uint_eq(handled(0) + handled(2), 0);
	probe_stop(&probe);
}
END_TEST

START_TEST(a_kick_before_driver_ok_is_nothing)
{
	struct gvirtio *v = &probe.v;
	unsigned i;

	probe_start(&probe, MEMORY_AUTO, 1);
	for (i = 0; i < 0x1000; i += 4)
		vcpu_mmio_write(0, v->notify + i, 2, 0);
	ck_assert(gvirtio_negotiate(v, UINT64_MAX));
	ck_assert(gvirtio_setup_queues(v, 1, 8));
	gvirtio_kick_always(v, v->ring[0]);
	probe_offer(&probe, 0, probe_page);
	probe_settle(&probe, 0);
	ck_assert_uint_eq(handled(0), 0);
	gvirtio_driver_ok(v); /* what is there already is taken without a kick */
	ck_assert(wait_for(handled(0) == 1));
	ck_assert(wait_for(gring_more(v->ring[0])));
	probe_stop(&probe);
}
END_TEST

/* One kick for everything, and no queue has more than its budget of a turn. */
START_TEST(a_full_ring_is_worked_off_in_turns)
{
	probe_start(&probe, MEMORY_AUTO, 1);
	probe_drive(&probe, GDMA_PLAIN, GIRQ_NONE, 256);
	offer_and_kick(0, 256);
	ck_assert(wait_for(handled(0) == 256));
	ck_assert_uint_le(probe.most_at_once, VIRTQUEUE_BATCH);
	ck_assert(wait_for(probe.v.ring[0]->used->idx == 256));
	probe_stop(&probe);
}
END_TEST

/* A device that claims too much tells the driver no more than there was room for. */
START_TEST(used_len_is_clamped)
{
	static const uint32_t claims[] = { 0, 1, 4095, 4096, 4097, 0xffffffff };
	uint32_t length;

	probe_start(&probe, MEMORY_AUTO, 1);
	probe.claim = claims[_i];
	probe_drive(&probe, GDMA_PLAIN, GIRQ_NONE, 8);
	offer_and_kick(0, 1);
	ck_assert(gvirtio_wait(&probe.v, probe.v.ring[0], 10000));
	ck_assert_ptr_nonnull(gring_get(probe.v.ring[0], &length));
	ck_assert_uint_eq(length, claims[_i] < 4096 ? claims[_i] : 4096);
	probe_stop(&probe);
}
END_TEST

/* ---- interrupts ------------------------------------------------------------------ */

START_TEST(each_queue_has_its_vector)
{
	static const enum girq irqs[] = { GIRQ_MSIX, GIRQ_PIRQ };
	unsigned queue, other;

	start(2, irqs[_i]);
	for (queue = 0; queue < PROBE_QUEUES; queue++) {
		unsigned before[PROBE_QUEUES + 1];

		for (other = 0; other <= PROBE_QUEUES; other++)
			before[other] = gpci_msix_seen(&probe.v.pci, other);
		offer_and_kick(queue, 1);
		ck_assert(gvirtio_wait(&probe.v, probe.v.ring[queue], 10000));
		for (other = 0; other <= PROBE_QUEUES; other++)
			ck_assert_uint_eq(gpci_msix_seen(&probe.v.pci, other),
					  before[other] + (other == queue + 1));
	}
	probe_stop(&probe);
}
END_TEST

START_TEST(a_queue_without_a_vector_is_silent)
{
	struct gvirtio *v = &probe.v;

	probe_start(&probe, MEMORY_AUTO, 1);
	ck_assert(gvirtio_negotiate(v, UINT64_MAX));
	ck_assert(gpci_msix_enable(&v->pci, GIRQ_MSIX, PROBE_QUEUES + 1));
	v->pci.irq = GIRQ_NONE; /* the driver gives no vectors out */
	ck_assert(gvirtio_setup_queues(v, 1, 8));
	gvirtio_driver_ok(v);
	offer_and_kick(0, 1);
	ck_assert(gvirtio_wait(v, v->ring[0], 10000));
	probe_settle(&probe, 0);
	ck_assert_uint_eq(fake_msi_total(), 0);
	ck_assert_uint_eq(fake_intx_raised(RIG_BDF >> 3, 0), 0);
	probe_stop(&probe);
}
END_TEST

/* INTx says in ISR why it came: a queue, the configuration, or both. */
START_TEST(isr_tells_queue_from_configuration)
{
	uint64_t isr;

	start(_i, GIRQ_INTX);
	isr = probe.v.isr;
	offer_and_kick(0, 1);
	ck_assert(wait_for(fake_intx_level(RIG_BDF >> 3, 0)));
	ck_assert_uint_eq(vcpu_mmio_read(0, isr, 1), 1);
	ck_assert(!fake_intx_level(RIG_BDF >> 3, 0));
	ck_assert_uint_eq(vcpu_mmio_read(0, isr, 1), 0);
	probe.v.ring[1]->avail->idx = 1000;
	gvirtio_kick_always(&probe.v, probe.v.ring[1]);
	ck_assert(wait_for(fake_intx_level(RIG_BDF >> 3, 0)));
	ck_assert_uint_eq(vcpu_mmio_read(0, isr, 1), 2);
	ck_assert_uint_eq(status(), BROKEN);
	probe.v.ring[1]->avail->idx = 0;
	probe_stop(&probe);
}
END_TEST

/* ---- a broken ring ------------------------------------------------------------------ */

/* It is told once, its queue is served no more, and a reset mends everything. */
START_TEST(a_broken_ring_needs_a_reset_and_no_more)
{
	enum gdma_kind memory = start(_i, GIRQ_MSIX);
	struct gvirtio *v = &probe.v;

	v->ring[2]->avail->ring[0] = 99;
	v->ring[2]->avail->idx = 1;
	gvirtio_kick_always(v, v->ring[2]);
	ck_assert(gvirtio_config_changed(v, 10000));
	ck_assert_uint_eq(status(), BROKEN);
	gvirtio_kick_always(v, v->ring[2]);
	offer_and_kick(0, 1); /* a neighbour goes on */
	ck_assert(gvirtio_wait(v, v->ring[0], 10000));
	v->ring[2]->avail->idx = 0;
	gvirtio_remove(v);
	ck_assert_uint_eq(status(), VIRTIO_CONFIG_S_ACKNOWLEDGE);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	probe_drive(&probe, memory, GIRQ_MSIX, 16);
	ck_assert_uint_eq(status(), RUNNING);
	offer_and_kick(2, 1);
	ck_assert(gvirtio_wait(v, v->ring[2], 10000));
	probe_stop(&probe);
}
END_TEST

struct bad_ring {
	unsigned field, size;
	uint32_t value;
};

static const struct bad_ring bad_rings[] = {
	{ FIELD(queue_size), 2, 0 },
	{ FIELD(queue_size), 2, 3 },
	{ FIELD(queue_size), 2, 512 },
	{ FIELD(queue_desc_lo), 4, 8 },
	{ FIELD(queue_desc_hi), 4, 0x00100000 }, /* beyond any memory */
	{ FIELD(queue_avail_lo), 4, 0x7ffff000 },
	{ FIELD(queue_used_hi), 4, 0x80000000 }, /* a grant that was not given */
	{ FIELD(queue_used_hi), 4, 0xffffffff },
};

/* What cannot be mapped at DRIVER_OK; the other queues are not the worse for it. */
START_TEST(a_ring_that_cannot_be_needs_a_reset)
{
	const struct bad_ring *bad = &bad_rings[_i];
	struct gvirtio *v = &probe.v;

	probe_start(&probe, MEMORY_AUTO, 2);
	ck_assert(gvirtio_negotiate(v, UINT64_MAX));
	ck_assert(gpci_msix_enable(&v->pci, GIRQ_MSIX, PROBE_QUEUES + 1));
	ck_assert(gvirtio_setup_queues(v, 1, 16));
	gvirtio_write(v, FIELD(queue_select), 2, 1);
	gvirtio_queue_regs(v, 1, v->ring[0]);
	gvirtio_write(v, bad->field, bad->size, bad->value);
	gvirtio_write(v, FIELD(queue_enable), 2, 1);
	gvirtio_driver_ok(v);
	ck_assert(gvirtio_config_changed(v, 10000));
	ck_assert_uint_eq(status(), BROKEN);
	offer_and_kick(0, 1);
	ck_assert(gvirtio_wait(v, v->ring[0], 10000));
	probe_stop(&probe);
	ck_assert_uint_eq(fake_foreign_mapped(), 0);
}
END_TEST

static void late_report(void *arg)
{
	(void)arg;
	virtio_device_broken(&probe.rig.device, probe.rig.state.generation - 1);
}

/* A queue of before a reset has nothing to say about the device of after it. */
START_TEST(a_report_of_an_older_generation_is_dropped)
{
	start(_i, GIRQ_MSIX);
	rig_call(&probe.rig, late_report, NULL);
	ck_assert_uint_eq(status(), RUNNING);
	ck_assert_uint_eq(gpci_msix_seen(&probe.v.pci, 0), 0);
	probe_stop(&probe);
}
END_TEST

/* ---- reset ------------------------------------------------------------------------------ */

/* A chain of each queue is with the device. */
static void hold_chains(void)
{
	unsigned i, before[PROBE_QUEUES];

	probe.hold = true;
	for (i = 0; i < PROBE_QUEUES; i++) {
		before[i] = handled(i);
		offer_and_kick(i, 1);
	}
	for (i = 0; i < PROBE_QUEUES; i++)
		ck_assert(wait_for(handled(i) == before[i] + 1));
}

static void release_all(void)
{
	unsigned i;

	for (i = 0; i < PROBE_QUEUES; i++)
		probe_release(&probe, i);
}

/* Firmware writes 0 and goes on at once: so the write is held, but not for ever. */
START_TEST(a_reset_is_answered_late_but_in_time)
{
	struct fake_answer answer;
	struct fake_io reset;

	start(_i, GIRQ_NONE);
	hold_chains();
	probe.v.pci.vcpu = 1; /* others go on meanwhile */
	reset = status_write(0);
	vcpu_begin(0, &reset);
	ck_assert_uint_eq(status(), RUNNING);
	ck_assert_uint_eq(gpci_read(&probe.v.pci, 0, 2), 0x1af4);
	ck_assert(vcpu_try_finish(0, 4000, &answer));
	ck_assert_uint_ge(answer.ns, 90 * MS);
	ck_assert_uint_eq(status(), RUNNING); /* not quiet yet */
	release_all();
	ck_assert(wait_for(!status()));
	probe_stop(&probe);
}
END_TEST

/* Returns how long the answer took. */
static uint64_t short_reset(void)
{
	struct fake_io reset = status_write(0);
	struct fake_answer answer;

	vcpu_begin(1, &reset);
	unit_nap_us(1000);
	release_all();
	ck_assert(vcpu_try_finish(1, 4000, &answer));
	ck_assert(wait_for(!status()));
	return answer.ns;
}

/* Then the status reads 0 at once, without polling. A busy host may be late once. */
START_TEST(a_reset_that_ends_soon_is_answered_then)
{
	enum gdma_kind memory = start(_i, GIRQ_NONE);
	unsigned tries;

	for (tries = 0; tries < 10; tries++) {
		hold_chains();
		if (short_reset() < 90 * MS)
			break;
		gvirtio_remove(&probe.v);
		probe_drive(&probe, memory, GIRQ_NONE, 16);
	}
	ck_assert_uint_lt(tries, 10);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	probe_stop(&probe);
}
END_TEST

static void withdraw(void *arg)
{
	(void)arg;
	ioreq_server_withdraw(probe.rig.server);
}

/* The daemon is told to end while a vCPU waits for the end of a reset. */
START_TEST(withdrawing_answers_a_reset_that_is_owed)
{
	struct fake_answer answer;
	struct fake_io reset;
	unsigned i;

	start(_i, GIRQ_NONE);
	hold_chains();
	reset = status_write(0);
	vcpu_begin(1, &reset);
	ck_assert_uint_eq(status(), RUNNING);
	rig_call(&probe.rig, withdraw, NULL);
	ck_assert(vcpu_try_finish(1, 4000, &answer));
	ck_assert_uint_eq(fake_servers(), 0);
	release_all();
	rig_stop(&probe.rig);
	for (i = 0; i < PROBE_QUEUES; i++)
		gring_free(probe.v.ring[i]);
}
END_TEST

/* All vCPUs may write 0; each gets its answer. */
START_TEST(resets_by_several_vcpus_are_all_answered)
{
	struct fake_io reset;
	struct fake_answer answer;
	unsigned i;

	start(_i, GIRQ_NONE);
	hold_chains();
	reset = status_write(0);
	for (i = 1; i < 4; i++)
		vcpu_begin(i, &reset);
	release_all();
	for (i = 1; i < 4; i++)
		ck_assert(vcpu_try_finish(i, 4000, &answer));
	ck_assert(wait_for(!status()));
	probe_stop(&probe);
}
END_TEST

static void reset(void *ended)
{
	*(bool *)ended = virtio_device_reset(&probe.rig.device);
}

/* As when the daemon ends while the driver's own reset goes on. */
START_TEST(a_reset_begun_twice_is_one)
{
	uint32_t generation;
	bool ended;

	start(_i, GIRQ_NONE);
	generation = probe.rig.state.generation;
	hold_chains();
	rig_call(&probe.rig, reset, &ended);
	ck_assert(!ended);
	rig_call(&probe.rig, reset, &ended);
	ck_assert(!ended);
	release_all();
	ck_assert(wait_for(!status()));
	ck_assert_uint_eq(probe.rig.state.generation, generation + 1);
	probe_stop(&probe);
}
END_TEST

/* What a driver that does not poll writes next counts after the reset. */
START_TEST(a_status_written_during_a_reset_is_applied_after_it)
{
	static const struct {
		uint8_t first, second, after;
	} cases[] = {
		{ 1, 3, 3 },       { 1, 0, 0 }, { 3, 0x40, 0 }, /* not the driver's to set */
		{ 3, 0x0f, 0x03 },                              /* no features were accepted yet */
		{ 0, 1, 1 },
	};
	const struct gvirtio *v = &probe.v;

	start(3, GIRQ_NONE);
	hold_chains();
	vcpu_mmio_write(0, v->common + FIELD(device_status), 1, 0);
	ck_assert_uint_eq(status(), RUNNING);
	vcpu_mmio_write(0, v->common + FIELD(device_status), 1, cases[_i].first);
	vcpu_mmio_write(0, v->common + FIELD(device_status), 1, cases[_i].second);
	ck_assert_uint_eq(status(), RUNNING);
	release_all();
	ck_assert(wait_for(status() == cases[_i].after));
	probe_stop(&probe);
}
END_TEST

/* While a reset goes on registers stay closed and kicks are nothing. */
START_TEST(nothing_moves_during_a_reset)
{
	struct gvirtio *v = &probe.v;
	uint32_t address;

	start(_i, GIRQ_NONE);
	hold_chains();
	gvirtio_write(v, FIELD(device_status), 1, 0);
	gvirtio_write(v, FIELD(queue_select), 2, 0);
	address = gvirtio_read(v, FIELD(queue_desc_lo), 4);
	ck_assert_uint_ne(address, 0);
	gvirtio_write(v, FIELD(queue_desc_lo), 4, 0x1000);
	ck_assert_uint_eq(gvirtio_read(v, FIELD(queue_desc_lo), 4), address);
	offer_and_kick(0, 3);
	probe_settle(&probe, 0);
	ck_assert_uint_eq(handled(0), 1);
	release_all();
	ck_assert(wait_for(!status()));
	ck_assert_uint_eq(v->ring[0]->used->idx, 0); /* the held chain was dropped */
	probe_stop(&probe);
}
END_TEST

START_TEST(a_reset_takes_everything_back)
{
	struct gvirtio *v = &probe.v;
	unsigned i;

	start(_i, GIRQ_INTX);
	offer_and_kick(0, 1);
	ck_assert(wait_for(fake_intx_level(RIG_BDF >> 3, 0)));
	gvirtio_write(v, FIELD(msix_config), 2, 1);
	gvirtio_write(v, FIELD(device_feature_select), 4, 1);
	gvirtio_write(v, FIELD(guest_feature_select), 4, 1);
	ck_assert_int_ge(gvirtio_reset(v), 0);
	ck_assert(!fake_intx_level(RIG_BDF >> 3, 0));
	ck_assert_uint_eq(gvirtio_read(v, FIELD(msix_config), 2), VIRTIO_MSI_NO_VECTOR);
	ck_assert_uint_eq(gvirtio_read(v, FIELD(device_feature_select), 4), 0);
	ck_assert_uint_eq(gvirtio_read(v, FIELD(guest_feature_select), 4), 0);
	ck_assert_uint_eq(gvirtio_read(v, FIELD(guest_feature), 4), 0);
	for (i = 0; i < PROBE_QUEUES; i++) {
		gvirtio_write(v, FIELD(queue_select), 2, i);
		ck_assert_uint_eq(gvirtio_read(v, FIELD(queue_enable), 2), 0);
		ck_assert_uint_eq(gvirtio_read(v, FIELD(queue_size), 2), VIRTQUEUE_SIZE_MAX);
		ck_assert_uint_eq(gvirtio_read(v, FIELD(queue_desc_lo), 4), 0);
		ck_assert_uint_eq(gvirtio_read(v, FIELD(queue_msix_vector), 2),
				  VIRTIO_MSI_NO_VECTOR);
	}
	probe_stop(&probe);
}
END_TEST

/* Bound and unbound, with chains on their way in half of the cases. */
START_TEST(many_lives)
{
	enum gdma_kind memory = start(_i, GIRQ_MSIX);
	unsigned life;

	for (life = 0; life < 100; life++) {
		offer_and_kick(life % PROBE_QUEUES, life % 16 + 1);
		if (life & 1)
			ck_assert(gvirtio_wait(&probe.v, probe.v.ring[life % PROBE_QUEUES], 10000));
		gvirtio_remove(&probe.v);
		ck_assert_uint_eq(fake_grants_mapped(), 0);
		probe_drive(&probe, memory, GIRQ_MSIX, 16);
	}
	probe_stop(&probe);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(vpci_notify_any),
		ONCE(a_kick_before_driver_ok_is_nothing),
		ONCE(a_full_ring_is_worked_off_in_turns),
		TIMES(used_len_is_clamped, 6),
		TIMES(each_queue_has_its_vector, 2),
		ONCE(a_queue_without_a_vector_is_silent),
		TIMES(isr_tells_queue_from_configuration, VARIANTS),
		TIMES(a_broken_ring_needs_a_reset_and_no_more, VARIANTS),
		TIMES(a_ring_that_cannot_be_needs_a_reset, ARRAY_SIZE(bad_rings)),
		TIMES(a_report_of_an_older_generation_is_dropped, VARIANTS),
		TIMES(a_reset_is_answered_late_but_in_time, VARIANTS),
		TIMES(a_reset_that_ends_soon_is_answered_then, VARIANTS),
		TIMES(withdrawing_answers_a_reset_that_is_owed, VARIANTS),
		TIMES(resets_by_several_vcpus_are_all_answered, VARIANTS),
		TIMES(a_reset_begun_twice_is_one, VARIANTS),
		TIMES(a_status_written_during_a_reset_is_applied_after_it, 5),
		TIMES(nothing_moves_during_a_reset, VARIANTS),
		TIMES(a_reset_takes_everything_back, VARIANTS),
		TIMES(many_lives, VARIANTS),
	};

	return unit_main("virtio-life", probe_setup, fake_end, tests, ARRAY_SIZE(tests));
}
