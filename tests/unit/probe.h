/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe.h: a virtio device that does nothing but count its chains and hold or
 * return them, for the suites of the transport and of the queues.
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdatomic.h>

#include "guest/guest.h"
#include "unit/rig.h"

#define PROBE_QUEUES       3u
#define PROBE_CONFIG_BYTES 37u

struct probe {
	struct rig rig;
	struct gvirtio v;
	uint8_t config[PROBE_CONFIG_BYTES];
	uint32_t claim; /* bytes written that the device claims for each chain */
	atomic_bool hold;
	atomic_uint handled[PROBE_QUEUES];
	atomic_uint most_at_once;

	/* The home worker's. */
	struct virtqueue *queues[PROBE_QUEUES];
	struct chain *held[PROBE_QUEUES][VIRTQUEUE_SIZE_MAX];
	unsigned nheld[PROBE_QUEUES];
};

/* For unit_main(): a guest boots, and has a page to offer. */
extern uint64_t probe_page;
void probe_setup(void);

/* The device is there, found by Linux and turned on, but not negotiated. */
void probe_start(struct probe *probe, enum memory_policy policy, unsigned workers);
void probe_stop(struct probe *probe);

/* The driver goes as far as DRIVER_OK, with queues of this size. */
void probe_drive(struct probe *probe, enum gdma_kind memory, enum girq irq, uint16_t size);

/* Everything that was posted to the queue's worker until now has run. */
void probe_settle(struct probe *probe, unsigned queue);

/* Gives back what is held. */
void probe_release(struct probe *probe, unsigned queue);

/* Adds a chain of one writable page. */
void probe_offer(struct probe *probe, unsigned queue, uint64_t gpa);

/* Accesses to the common configuration without a vCPU, for sweeps. */
uint32_t probe_read(struct probe *probe, unsigned field, unsigned size);
void probe_write(struct probe *probe, unsigned field, unsigned size, uint32_t value);

#endif
