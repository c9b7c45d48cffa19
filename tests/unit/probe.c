/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe.c: see probe.h. */
#include "unit/probe.h"

#include "unit/unit.h"

static int probe_open(struct virtio_device *device, const void *options)
{
	struct probe *probe = *(struct probe *const *)options;
	unsigned i;

	for (i = 0; i < PROBE_CONFIG_BYTES; i++)
		probe->config[i] = (uint8_t)(i + 1);
	device->private = probe;
	device->config = probe->config;
	device->config_length = PROBE_CONFIG_BYTES;
	device->nqueues = PROBE_QUEUES;
	return 0;
}

static void probe_close(struct virtio_device *device)
{
	(void)device;
}

static int queue_init(struct virtqueue *queue)
{
	struct probe *probe = queue->device->private;

	probe->queues[queue->index] = queue;
	return 0;
}

static void queue_free(struct virtqueue *queue)
{
	(void)queue;
}

static void handle(struct virtqueue *queue, struct chain **chains, unsigned count)
{
	struct probe *probe = queue->device->private;
	unsigned i, *nheld = &probe->nheld[queue->index];

	probe->handled[queue->index] += count;
	if (count > probe->most_at_once)
		probe->most_at_once = count;
	for (i = 0; i < count; i++)
		if (probe->hold)
			probe->held[queue->index][(*nheld)++] = chains[i];
		else
			virtqueue_push(queue, chains[i], probe->claim);
}

static const struct virtio_device_type type = {
	.name = "probe",
	.virtio_id = 0x3f,
	.pci_class = 0xff0000,
	.options_size = sizeof(struct probe *),
	.open = probe_open,
	.close = probe_close,
	.queue_init = queue_init,
	.queue_free = queue_free,
	.handle = handle,
};

uint64_t probe_page;

void probe_setup(void)
{
	guest_boot(FAKE_HVM, 4, 1024);
	probe_page = gpage_alloc(1);
}

void probe_start(struct probe *probe, enum memory_policy policy, unsigned workers)
{
	const struct rig_config config = { .memory.policy = policy, .workers = workers };

	*probe = (struct probe){ .claim = 1 };
	rig_start(&probe->rig, &type, &probe, &config);
	ck_assert(gpci_linux(&probe->v.pci, 0, RIG_BDF, RIG_BAR));
	gpci_enable(&probe->v.pci, true);
	ck_assert(gvirtio_probe(&probe->v));
}

void probe_stop(struct probe *probe)
{
	unsigned i;

	probe->hold = false;
	for (i = 0; i < PROBE_QUEUES; i++)
		probe_release(probe, i);
	gvirtio_remove(&probe->v);
	rig_stop(&probe->rig);
}

void probe_drive(struct probe *probe, enum gdma_kind memory, enum girq irq, uint16_t size)
{
	struct gvirtio *v = &probe->v;
	unsigned i;

	v->dma.kind = memory;
	ck_assert_int_ge(gvirtio_reset(v), 0);
	rig_assert_idle(&probe->rig);
	ck_assert(gvirtio_negotiate(v, UINT64_MAX));
	v->pci.irq = irq;
	if (irq == GIRQ_MSIX || irq == GIRQ_PIRQ)
		ck_assert(gpci_msix_enable(&v->pci, irq, PROBE_QUEUES + 1));
	ck_assert(gvirtio_setup_queues(v, PROBE_QUEUES, size));
	gvirtio_driver_ok(v);
	for (i = 0; i < PROBE_QUEUES; i++)
		probe_settle(probe, i);
}

/* ---- on a queue's worker --------------------------------------------------------- */

static void nothing(void *arg)
{
	(void)arg;
}

void probe_settle(struct probe *probe, unsigned queue)
{
	unit_call(probe->queues[queue]->worker->loop, nothing, NULL);
}

static void release(void *arg)
{
	struct virtqueue *queue = arg;
	struct probe *probe = queue->device->private;
	unsigned *nheld = &probe->nheld[queue->index];

	while (*nheld)
		virtqueue_push(queue, probe->held[queue->index][--*nheld], probe->claim);
}

void probe_release(struct probe *probe, unsigned queue)
{
	unit_call(probe->queues[queue]->worker->loop, release, probe->queues[queue]);
}

/* ---- the driver ------------------------------------------------------------------- */

void probe_offer(struct probe *probe, unsigned queue, uint64_t gpa)
{
	const struct gsg page = { gpa, FAKE_PAGE };

	ck_assert(gring_add(probe->v.ring[queue], NULL, 0, &page, 1, probe));
}

static uint64_t common(const struct probe *probe)
{
	return probe->v.common - probe->v.pci.bar[VIRTIO_PCI_BAR].base;
}

uint32_t probe_read(struct probe *probe, unsigned field, unsigned size)
{
	return (uint32_t)pci_bar_read(&probe->rig.transport.function, VIRTIO_PCI_BAR,
				      common(probe) + field, size);
}

void probe_write(struct probe *probe, unsigned field, unsigned size, uint32_t value)
{
	pci_bar_write(&probe->rig.transport.function, VIRTIO_PCI_BAR, common(probe) + field, size,
		      value);
}
