/* SPDX-License-Identifier: GPL-2.0-or-later */
/* restart.c: see restart.h. */
#include "restart.h"

#include <check.h>
#include <linux/virtio_config.h>
#include <signal.h>
#include <string.h>

struct fake_child *restart_begin(const char *disk)
{
	return fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--blk", disk);
}

struct fake_child *restart_begin_as(const char *name, const char *disk)
{
	return fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--name", name, "--blk",
				 disk);
}

bool restart_serves(struct fake_child *child)
{
	return fake_wait_log(child, "ready", 10000);
}

void restart_refused(struct fake_child *child, const char *why)
{
	ck_assert_int_eq(fake_wait_exit(child, 5000), 1);
	ck_assert_msg(strstr(fake_log(child), why), "no \"%s\" in: %s", why, fake_log(child));
}

void restart_ring(const struct gblk *blk)
{
	struct fake_io io = { .type = FAKE_MMIO, .size = 2, .addr = blk->v.ring[0]->notify };

	vcpu_begin(1, &io);
}

void restart_die_waiting(struct fake_child *child, const struct gblk *blk)
{
	kill(fake_pid(child), SIGSTOP);
	restart_ring(blk);
	fake_kill9(child);
}

void restart_goes_on(struct gblk *blk)
{
	uint32_t status = gvirtio_read(&blk->v, gvirtio_field(device_status), 1);

	ck_assert_uint_eq(status, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
					  VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	ck_assert(gblk_finish(blk, 5000));
	ck_assert(gblk_load(blk, 30, 8));
}

void restart_works(struct gblk *blk, const struct gblk_config *config)
{
	restart_goes_on(blk);
	gblk_remove(blk);
	gblk_restart(blk, config);
	ck_assert(gblk_load(blk, 30, 8));
}
