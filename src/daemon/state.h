/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state.h: what outlives the process.
 *
 * A file per instance in $RUNTIME_DIRECTORY (systemd sets it) or
 * /run/xenvirtiod, mapped and locked by the process that serves. It holds the
 * number of the IOREQ server and what the guest has made of each device, as
 * the modules' own plain structs. A process that finds the file of a dead one
 * trusts none of it: what it takes over is checked as if the guest wrote it.
 *
 * Beside it is xenvirtioctl's record of what was attached, see kept.c, which ends with it. */
#pragma once
#include <stdint.h>

#include "bridge/host.h"
#include "daemon/config.h"
#include "virtio/pci.h"

/* One device's. */
struct device_state {
	uint32_t sbdf;
	uint16_t virtio_id;
	uint8_t intx_only;
	uint8_t untold; /* the guest may not know of it yet */
	uint64_t line;  /* digest of that in the record; 0: it is in the configuration */
	struct virtio_device_state virtio;
	struct virtio_pci_state transport;
	struct pci_state pci;
};

struct port_state {
	uint32_t sbdf; /* 0: none */
	uint8_t lost;  /* a device that a dead process had in the slot */
	struct pci_state pci;
};

/* To be raised when something in the region, or what it means, is another one than before. */
#define STATE_LAYOUT 2

struct state_region {
	int32_t server; /* IOREQ server, or IOREQ_NO_SERVER */
	uint32_t domid;
	uint32_t bytes;  /* of this struct, which with @layout tells versions apart */
	uint32_t magic;  /* behind what every version has: a file cut short has none */
	uint32_t layout; /* STATE_LAYOUT */
	struct bridge_state bridge;
	struct device_state devices[CONFIG_MAX_DEVICES];
	struct port_state ports[CONFIG_MAX_PORTS];
};

struct state {
	int fd;
	char path[256], record[256];
	struct state_region *region;
};

/* Takes the instance over, or fails with -EBUSY if another process has it.
 * What is there of another domain or version is dropped. 0 or -errno after a
 * line in the log. */
int state_open(struct state *state, const char *instance, uint32_t domid);

/* Removes the file, and the record: there is nothing left to take over. */
void state_remove(struct state *state);
void state_close(struct state *state);
