/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blk.h: one load of block requests for servers of virtio-blk, and the ways to
 * reach these.
 */
#ifndef BENCH_BLK_H
#define BENCH_BLK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BLK_DISK          (64u << 20)
#define BLK_MEMORY        (10u << 20) /* what the load needs */
#define BLK_RING          256u
#define BLK_FEATURES      (1ull << VIRTIO_F_VERSION_1 | BLK_RING_FEATURES)
#define BLK_RING_FEATURES (1ull << VIRTIO_RING_F_INDIRECT_DESC | 1ull << VIRTIO_RING_F_EVENT_IDX)
#define BLK_WAIT_MS       30000 /* its CPU may be busy with something else */

/* ---- servers ------------------------------------------------------------------------ */

/* Guest memory: here, and as the server is told. */
struct blk_memory {
	uint8_t *at;
	uint64_t addr;
};

/* Addresses in the server's terms. */
struct blk_ring {
	uint64_t desc, avail, used;
};

struct blk_server {
	const char *name;

	/* Starts it, with this image or, if that is NULL, a null store. Files of its own go
	 * to @directory. Fails the test if it cannot. */
	struct blk_memory (*start)(const char *directory, const char *image);
	pid_t (*pid)(void);
	void (*enable)(const struct blk_ring *ring); /* queue 0; it serves from here on */
	void (*kick)(void);
	bool (*wait)(void); /* for an interrupt since the last; false after BLK_WAIT_MS */
	void (*stop)(void);

	/* Where the process runs with a fake Xen (NULL: it does not): system calls that Xen's
	 * libraries would have made, less those that the fake makes in their place. */
	long (*xen_calls)(void);
};

extern const struct blk_server blk_foreign, blk_workers_0, blk_grants; /* ours */
extern const struct blk_server blk_storage_daemon;                     /* QEMU's, by vhost-user */
extern const struct blk_server blk_qemu;                               /* its virtio-blk-pci */

/* For servers that are programs: guest memory from address 0 on in a memfd, which they
 * inherit; the load's is the upper half, the lower one the transport's. */
#define PEER_MEMORY (32u << 20)
int peer_memory(uint8_t **memory);
pid_t peer_start(const char *const *argv);
void peer_stop(pid_t pid);
int peer_connect(const char *path); /* waits until it listens */

/* What QEMU is told of the block device "d0": this image or, if it is NULL, a null store. */
void peer_store(char *text, size_t size, const char *image);

/* ---- the load ------------------------------------------------------------------------- */

/* Reads at random places, so many at once, of so many bytes. With @stamped the data is
 * looked at: each 4 KiB of the image begin with their number. */
struct blk_load {
	unsigned depth;
	uint32_t bytes;
	bool stamped;
};

void load_prepare(const struct blk_server *server, const struct blk_memory *memory,
		  const struct blk_load *load);

/* Keeps them in flight for so long, then waits for all; returns how many there were.
 * Fails the test if one is lost, done twice or done wrongly. */
uint64_t load_run(unsigned ms);

/* ---- what it costs ---------------------------------------------------------------------- */

struct blk_cost {
	uint64_t ns, cpu_ns, main_ns; /* of all threads, of the main thread */
	long calls;
};

/* False if the kernel does not let us count system calls. */
bool cost_open(pid_t server);
struct blk_cost cost_now(const struct blk_server *server);

#endif
