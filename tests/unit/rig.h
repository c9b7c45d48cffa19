/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rig.h: one device in this process, put together as the daemon does it from
 * IOREQ server, virtio-pci and workers, for tests that bring a device type or
 * a store of their own. The test's thread plays the guest.
 */
#ifndef RIG_H
#define RIG_H

#include <pthread.h>

#include "ioreq/server.h"
#include "virtio/device.h"
#include "virtio/pci.h"
#include "virtio/worker.h"

#define RIG_BDF     0x30 /* 00:06.0 */
#define RIG_BAR     0xf1000000ull
#define RIG_WORKERS 4

struct rig {
	struct loop *loop; /* main's */
	pthread_t thread;
	struct ioreq_server *server;
	int32_t server_id;
	struct worker workers[RIG_WORKERS];
	unsigned nworkers;
	struct virtio_device device;
	struct virtio_device_state state;
	struct virtio_pci transport;
	struct virtio_pci_state transport_state;
	struct pci_state pci_state;
	bool quiet; /* at the end */
};

struct rig_config {
	struct memory_options memory;
	struct foreign_options windows; /* of no size: of 2 MiB */
	size_t bounce;                  /* of each worker; 0: 8 MiB */
	unsigned workers;               /* threads that move data; 0: main does */
	enum virtio_wait wait;
};

/* Serves from here on. */
void rig_start(struct rig *rig, const struct virtio_device_type *type, const void *options,
	       const struct rig_config *config);

/* After a reset: no buffer of a worker's pool is taken, nothing of the guest's is
 * lent, no grant is mapped. */
void rig_assert_idle(struct rig *rig);

/* As the daemon ends: withdraws, lets the queues come to rest, closes. */
void rig_stop(struct rig *rig);

/* Runs @fn on main's loop and waits for it. */
void rig_call(struct rig *rig, void (*fn)(void *arg), void *arg);

/* Where main moves the data, it has seen all kicks until now. */
void rig_settle(struct rig *rig);

#endif
