/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gntdev.h: maps of grants by Linux's grant device itself (xen/sys/gntdev.h).
 *
 * libxengnttab asks the kernel for an offset that we know already, and sleeps
 * for as long as a page is paged out. Copies go through the library.
 *
 * Each grant is mapped to a page of the kernel's, whose first GUEST_PAGE_SIZE bytes
 * it is. Where that page is larger, as on Arm it may be, there is nothing behind it,
 * and the library maps too little. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/sys/gntdev.h>

#define GNTDEV_PAGES_MAX 512U /* of one map */

/* What the kernel is told, with room for the references. */
union gntdev_request {
	struct ioctl_gntdev_map_grant_ref map;
	uint8_t room[sizeof(struct ioctl_gntdev_map_grant_ref) +
		     GNTDEV_PAGES_MAX * sizeof(struct ioctl_gntdev_grant_ref)];
};

struct gntdev {
	int fd;
	size_t stride; /* from one grant of a map to the next */
};

/* @fd is of the device. */
void gntdev_init(struct gntdev *gntdev, int fd);

/* Maps the references in @request, all or nothing. @request->map.index is what
 * gntdev_unmap() wants back. 0 or -errno. */
int gntdev_map(const struct gntdev *gntdev, union gntdev_request *request, bool writable,
	       void **base);

/* When this returns the guest may end the grants. 0 or -errno. */
int gntdev_unmap(const struct gntdev *gntdev, void *base, uint64_t index, uint32_t pages);
