/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio.c: the virtio-pci transport from the driver's side, register by
 * register in the order of Linux's virtio_pci_modern.c.
 */
#include "guest.h"

#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#define RESET_MS     10000
#define MAX_SPURIOUS 3

uint32_t gvirtio_read(struct gvirtio *v, unsigned int reg, unsigned int size)
{
	return (uint32_t)vcpu_mmio_read(v->pci.vcpu, v->common + reg, size);
}

void gvirtio_write(struct gvirtio *v, unsigned int reg, unsigned int size, uint32_t value)
{
	vcpu_mmio_write(v->pci.vcpu, v->common + reg, size, value);
}

uint32_t gvirtio_config(struct gvirtio *v, unsigned int offset, unsigned int size)
{
	return (uint32_t)vcpu_mmio_read(v->pci.vcpu, v->config + offset, size);
}

void gvirtio_set_config(struct gvirtio *v, unsigned int offset, unsigned int size, uint32_t value)
{
	vcpu_mmio_write(v->pci.vcpu, v->config + offset, size, value);
}

static void nap_ms(void)
{
	struct timespec ms = { 0, 1000000 };

	nanosleep(&ms, NULL);
}

/* ---- capabilities --------------------------------------------------------------- */

/* Where the structure of this type is, or 0. */
static uint64_t find_structure(const struct gpci *pci, uint8_t type, unsigned int *cap)
{
	unsigned int bar, pos = 0;

	while ((pos = gpci_find_cap(pci, PCI_CAP_ID_VNDR, pos))) {
		if (gpci_read(pci, pos + VIRTIO_PCI_CAP_CFG_TYPE, 1) != type)
			continue;
		bar = gpci_read(pci, pos + VIRTIO_PCI_CAP_BAR, 1);
		*cap = pos;
		if (bar < 6 && pci->bar[bar].size)
			return pci->bar[bar].base + gpci_read(pci, pos + VIRTIO_PCI_CAP_OFFSET, 4);
	}
	return 0;
}

bool gvirtio_probe(struct gvirtio *v)
{
	unsigned int cap;

	v->common = find_structure(&v->pci, VIRTIO_PCI_CAP_COMMON_CFG, &cap);
	v->isr = find_structure(&v->pci, VIRTIO_PCI_CAP_ISR_CFG, &cap);
	v->config = find_structure(&v->pci, VIRTIO_PCI_CAP_DEVICE_CFG, &cap);
	v->notify = find_structure(&v->pci, VIRTIO_PCI_CAP_NOTIFY_CFG, &cap);
	if (!v->common || !v->isr || !v->config || !v->notify)
		return false;
	v->notify_multiplier = gpci_read(&v->pci, cap + VIRTIO_PCI_NOTIFY_CAP_MULT, 4);
	return true;
}

/* ---- status and features ----------------------------------------------------------- */

static uint32_t status(struct gvirtio *v)
{
	return gvirtio_read(v, gvirtio_field(device_status), 1);
}

static void add_status(struct gvirtio *v, uint32_t bits)
{
	gvirtio_write(v, gvirtio_field(device_status), 1, status(v) | bits);
}

int gvirtio_reset(struct gvirtio *v)
{
	int polls;

	gvirtio_write(v, gvirtio_field(device_status), 1, 0);
	for (polls = 0; polls < RESET_MS; polls++) {
		if (!status(v)) {
			gdma_check_reset(&v->dma);
			return polls;
		}
		nap_ms();
	}
	fake_violation("%04x: reset does not end", v->pci.bdf);
	return -1;
}

static void read_offered(struct gvirtio *v)
{
	gvirtio_write(v, gvirtio_field(device_feature_select), 4, 0);
	v->offered = gvirtio_read(v, gvirtio_field(device_feature), 4);
	gvirtio_write(v, gvirtio_field(device_feature_select), 4, 1);
	v->offered |= (uint64_t)gvirtio_read(v, gvirtio_field(device_feature), 4) << 32;
}

/* Restricted memory access: Linux does without a device that lacks these. */
static bool grants_possible(const struct gvirtio *v)
{
	uint64_t needed = 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_ACCESS_PLATFORM;

	return v->dma.kind == GDMA_PLAIN || (v->features & needed) == needed;
}

bool gvirtio_negotiate(struct gvirtio *v, uint64_t wanted)
{
	add_status(v, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	add_status(v, VIRTIO_CONFIG_S_DRIVER);
	read_offered(v);
	v->features = v->offered & wanted;
	gvirtio_write(v, gvirtio_field(guest_feature_select), 4, 0);
	gvirtio_write(v, gvirtio_field(guest_feature), 4, (uint32_t)v->features);
	gvirtio_write(v, gvirtio_field(guest_feature_select), 4, 1);
	gvirtio_write(v, gvirtio_field(guest_feature), 4, (uint32_t)(v->features >> 32));
	if (!grants_possible(v))
		return false;
	add_status(v, VIRTIO_CONFIG_S_FEATURES_OK);
	return status(v) & VIRTIO_CONFIG_S_FEATURES_OK;
}

void gvirtio_driver_ok(struct gvirtio *v)
{
	add_status(v, VIRTIO_CONFIG_S_DRIVER_OK);
}

/* ---- queues ------------------------------------------------------------------------- */

static void write64(struct gvirtio *v, unsigned int reg, uint64_t value)
{
	gvirtio_write(v, reg, 4, (uint32_t)value);
	gvirtio_write(v, reg + 4, 4, (uint32_t)(value >> 32));
}

static void select_queue(struct gvirtio *v, unsigned int index)
{
	gvirtio_write(v, gvirtio_field(queue_select), 2, index);
}

void gvirtio_queue_regs(struct gvirtio *v, unsigned int index, const struct gring *ring)
{
	select_queue(v, index);
	gvirtio_write(v, gvirtio_field(queue_size), 2, ring->size);
	write64(v, gvirtio_field(queue_desc_lo), ring->desc_addr);
	write64(v, gvirtio_field(queue_avail_lo), ring->avail_addr);
	write64(v, gvirtio_field(queue_used_lo), ring->used_addr);
}

static bool has_msix(const struct gvirtio *v)
{
	return v->pci.irq == GIRQ_PIRQ || v->pci.irq == GIRQ_MSIX;
}

/* A vector must read back as it was written. */
static bool set_vector(struct gvirtio *v, unsigned int reg, unsigned int vector)
{
	gvirtio_write(v, reg, 2, vector);
	return gvirtio_read(v, reg, 2) == vector;
}

static bool has_feature(const struct gvirtio *v, unsigned int bit)
{
	return v->features >> bit & 1;
}

static bool setup_queue(struct gvirtio *v, unsigned int index, uint16_t size)
{
	struct gring *ring;
	uint32_t max;

	select_queue(v, index);
	max = gvirtio_read(v, gvirtio_field(queue_size), 2);
	if (!max || gvirtio_read(v, gvirtio_field(queue_enable), 2))
		return false;
	ring = gring_new(&v->dma, size < max ? size : (uint16_t)max,
			 has_feature(v, VIRTIO_RING_F_INDIRECT_DESC),
			 has_feature(v, VIRTIO_RING_F_EVENT_IDX));
	v->ring[index] = ring;
	v->nr_queues = index + 1;
	ring->index = (uint16_t)index;
	ring->vector = index + 1;
	gvirtio_queue_regs(v, index, ring);
	ring->notify = v->notify + (uint64_t)v->notify_multiplier *
					   gvirtio_read(v, gvirtio_field(queue_notify_off), 2);
	if (has_msix(v))
		ring->irqs = gpci_msix_seen(&v->pci, ring->vector);
	return !has_msix(v) || set_vector(v, gvirtio_field(queue_msix_vector), ring->vector);
}

bool gvirtio_setup_queues(struct gvirtio *v, unsigned int nr, uint16_t size)
{
	unsigned int i;

	v->isr_queue = v->isr_config = v->config_irqs = v->spurious = 0;
	if (has_msix(v)) {
		v->config_irqs = gpci_msix_seen(&v->pci, 0);
		if (!set_vector(v, gvirtio_field(msix_config), 0))
			return false;
	}
	for (i = 0; i < nr; i++)
		if (!setup_queue(v, i, size))
			return false;
	for (i = 0; i < nr; i++) {
		select_queue(v, i);
		gvirtio_write(v, gvirtio_field(queue_enable), 2, 1);
	}
	return true;
}

static void queue_remove(struct gvirtio *v, unsigned int index)
{
	if (has_msix(v)) {
		select_queue(v, index);
		set_vector(v, gvirtio_field(queue_msix_vector), VIRTIO_MSI_NO_VECTOR);
	}
	gring_free(v->ring[index]);
	v->ring[index] = NULL;
}

void gvirtio_remove(struct gvirtio *v)
{
	unsigned int i;

	gvirtio_reset(v);
	for (i = 0; i < v->nr_queues; i++)
		queue_remove(v, i);
	v->nr_queues = 0;
	if (has_msix(v)) {
		set_vector(v, gvirtio_field(msix_config), VIRTIO_MSI_NO_VECTOR);
		gpci_msix_disable(&v->pci);
	}
	add_status(v, VIRTIO_CONFIG_S_ACKNOWLEDGE);
}

/* ---- notifications -------------------------------------------------------------------- */

void gvirtio_kick_always(struct gvirtio *v, struct gring *ring)
{
	ring->kicks++;
	vcpu_mmio_write(v->pci.vcpu, ring->notify, 2, ring->index);
}

void gvirtio_kick(struct gvirtio *v, struct gring *ring)
{
	if (gring_kick_prepare(ring))
		gvirtio_kick_always(v, ring);
}

/* What vp_interrupt() does while the line is up. */
static void look_at_intx(struct gvirtio *v)
{
	uint64_t isr;

	if (!gpci_intx_pending(&v->pci))
		return;
	isr = vcpu_mmio_read(v->pci.vcpu, v->isr, 1);
	v->isr_queue += isr & 1;
	v->isr_config += isr >> 1 & 1;
	v->spurious = isr ? 0 : v->spurious + 1;
	if (v->spurious > MAX_SPURIOUS)
		fake_violation("%04x: INTx stays up while ISR reads 0", v->pci.bdf);
}

/* Interrupts so far: vector 0 is for configuration changes. */
static unsigned int irqs_seen(struct gvirtio *v, unsigned int vector)
{
	if (has_msix(v))
		return gpci_msix_seen(&v->pci, vector);
	look_at_intx(v);
	return vector ? v->isr_queue : v->isr_config;
}

static bool wait_irq(struct gvirtio *v, unsigned int vector, unsigned int *known, unsigned int ms)
{
	uint64_t end = fake_now_ns() + ms * 1000000ull, now;
	uint32_t seq;

	for (;;) {
		unsigned int seen;

		seq = fake_irq_seq();
		seen = irqs_seen(v, vector);
		if (seen != *known) {
			*known = seen;
			return true;
		}
		now = fake_now_ns();
		if (now >= end || fake_domain_crashed())
			return false;
		fake_irq_wait(seq, (unsigned int)((end - now) / 1000000) + 1);
	}
}

static bool poll_used(const struct gring *ring, unsigned int ms)
{
	uint64_t end = fake_now_ns() + ms * 1000000ull;

	while (!gring_more(ring) && fake_now_ns() < end)
		nap_ms();
	return gring_more(ring);
}

bool gvirtio_wait(struct gvirtio *v, struct gring *ring, unsigned int ms)
{
	if (v->pci.irq == GIRQ_NONE)
		return poll_used(ring, ms);
	return wait_irq(v, ring->vector, &ring->irqs, ms);
}

bool gvirtio_config_changed(struct gvirtio *v, unsigned int ms)
{
	return wait_irq(v, 0, &v->config_irqs, ms);
}
