/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pci.h: virtio over PCI, modern (virtio 1.2, 4.1). */
#pragma once
#include "ioreq/pci.h"
#include "virtio/device.h"

#define VIRTIO_PCI_BAR 0

/* Who the function is (4.1.2.1). */
#define VIRTIO_PCI_VENDOR            0x1af4
#define VIRTIO_PCI_DEVICE(virtio_id) ((uint16_t)(0x1040 + (virtio_id)))

/* Registers of the transport itself; plain, so that they can outlive us. */
struct virtio_pci_state {
	uint32_t device_feature_select, driver_feature_select;
	uint16_t config_vector, queue_select;
	uint16_t queue_vectors[VIRTIO_MAX_QUEUES];
};

struct virtio_pci {
	struct virtio_device *device;
	struct virtio_pci_state *state;
	struct pci_function function;
	unsigned access_capability; /* config offset of the PCI config access capability */
};

/* Which parts of the two states a dead process has left: those of a device that goes on, or of
 * one that is as at power-on but stays where it was. */
enum virtio_pci_left { VIRTIO_PCI_NOTHING, VIRTIO_PCI_PLACE, VIRTIO_PCI_ALL };

/* Builds the function, as at power-on, around an attached device, for a guest of @server's. It may
 * be added to, and has its place, before virtio_pci_begin(); until then @fresh stays valid. */
void virtio_pci_init(struct virtio_pci *vpci, struct virtio_device *device,
		     struct ioreq_server *server, struct pci_bdf bdf, struct pci_state *fresh);

/* It is in these states from here on, and what is left there of a dead process's it takes over. */
void virtio_pci_begin(struct virtio_pci *vpci, struct virtio_pci_state *state,
		      struct pci_state *pci_state, enum virtio_pci_left left);
void virtio_pci_destroy(struct virtio_pci *vpci);
