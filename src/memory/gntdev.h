/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gntdev.h: maps of grants by Linux's grant device itself (xen/sys/gntdev.h).
 *
 * libxengnttab asks the kernel for an offset that we know already, and sleeps
 * for as long as a page is paged out. Copies go through the library. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <xen/sys/gntdev.h>

#define GNTDEV_PAGES_MAX 512U /* of one map */

/* What the kernel is told, with room for the references. */
union gntdev_request {
	struct ioctl_gntdev_map_grant_ref map;
	uint8_t room[sizeof(struct ioctl_gntdev_map_grant_ref) +
		     GNTDEV_PAGES_MAX * sizeof(struct ioctl_gntdev_grant_ref)];
};

/* Maps the references in @request, all or nothing. @request->map.index is what
 * gntdev_unmap() wants back. 0 or -errno. */
int gntdev_map(int fd, union gntdev_request *request, bool writable, void **base);

/* When this returns the guest may end the grants. 0 or -errno. */
int gntdev_unmap(int fd, void *base, uint64_t index, uint32_t pages);
