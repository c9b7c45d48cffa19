/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blk-ours.c: the daemon in a child, reached through the fake Xen. */
#include <check.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <string.h>

#include "bench/blk.h"
#include "unit/disk.h"
#include "unit/model.h"
#include "unit/unit.h"

static struct fake_child *daemon_child;
static struct gvirtio v;
static struct gring queue; /* its registers and interrupts; the rings are the load's */
static uint64_t pages;

static struct blk_memory start(const char *image, enum gdma_kind kind, const char *workers)
{
	struct blk_memory memory;
	char disk[128];

	snprintf(disk, sizeof(disk), "bdf=00:06.0,%s%s", image ? "path=" : "null=64M",
		 image ? image : "");
	guest_boot(FAKE_HVM, 1, MODEL_RAM);
	daemon_child = fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--workers", workers,
				  "--blk", disk);
	ck_assert(gpci_linux(&v.pci, 0, MODEL_BDF, RIG_BAR));
	gpci_enable(&v.pci, true);
	ck_assert(gvirtio_probe(&v));
	v.dma = (struct gdma){ .kind = kind };
	pages = gdma_alloc(&v.dma, BLK_MEMORY / FAKE_PAGE, &memory.addr);
	memory.at = fake_ram(pages);
	queue.addr = memory.addr;
	return memory;
}

static struct blk_memory start_foreign(const char *directory, const char *image)
{
	(void)directory;
	return start(image, GDMA_PLAIN, "1");
}

static struct blk_memory start_workers_0(const char *directory, const char *image)
{
	(void)directory;
	return start(image, GDMA_PLAIN, "0");
}

static struct blk_memory start_grants(const char *directory, const char *image)
{
	(void)directory;
	return start(image, GDMA_GRANTS, "1");
}

static pid_t pid(void)
{
	return fake_pid(daemon_child);
}

static void enable(const struct blk_ring *ring)
{
	uint64_t platform = v.dma.kind == GDMA_GRANTS ? 1ull << VIRTIO_F_ACCESS_PLATFORM : 0;

	ck_assert_int_ge(gvirtio_reset(&v), 0);
	ck_assert(gvirtio_negotiate(&v, BLK_FEATURES | platform));
	ck_assert_uint_eq(v.features, BLK_FEATURES | platform);
	ck_assert(gpci_msix_enable(&v.pci, GIRQ_MSIX, 2));
	queue.size = BLK_RING;
	queue.desc_addr = ring->desc;
	queue.avail_addr = ring->avail;
	queue.used_addr = ring->used;
	queue.vector = 1;
	gvirtio_queue_regs(&v, 0, &queue);
	gvirtio_write(&v, gvirtio_field(queue_msix_vector), 2, queue.vector);
	gvirtio_write(&v, gvirtio_field(queue_enable), 2, 1);
	queue.notify = v.notify + (uint64_t)v.notify_multiplier *
					  gvirtio_read(&v, gvirtio_field(queue_notify_off), 2);
	gvirtio_driver_ok(&v);
}

static void kick(void)
{
	gvirtio_kick_always(&v, &queue);
}

static bool wait_interrupt(void)
{
	return gvirtio_wait(&v, &queue, BLK_WAIT_MS);
}

/* The fake polls and reads for each event. */
static long xen_calls(void)
{
	return (long)fake_syscalls() - 2 * (long)fake_calls(FAKE_EVTCHN_PENDING);
}

static void stop(void)
{
	gvirtio_remove(&v);
	gdma_free(&v.dma, pages, BLK_MEMORY / FAKE_PAGE, queue.addr);
	fake_terminate(daemon_child);
}

#define OURS                                                                              \
	.pid = pid, .enable = enable, .kick = kick, .wait = wait_interrupt, .stop = stop, \
	.xen_calls = xen_calls

const struct blk_server blk_foreign = { .name = "foreign", .start = start_foreign, OURS };
const struct blk_server blk_workers_0 = { .name = "foreign-workers-0",
					  .start = start_workers_0,
					  OURS };
const struct blk_server blk_grants = { .name = "grants", .start = start_grants, OURS };
