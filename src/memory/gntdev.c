/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gntdev.c: two system calls a map, two an unmap. */
#include "memory/gntdev.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "memory/internal.h"

void gntdev_init(struct gntdev *gntdev, int fd)
{
	gntdev->fd = fd;
	gntdev->stride = memory_page_size();
}

static int forget(int fd, uint64_t index, uint32_t pages)
{
	struct ioctl_gntdev_unmap_grant_ref unmap = { .index = index, .count = pages };

	return ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap) ? -errno : 0;
}

int gntdev_map(const struct gntdev *gntdev, union gntdev_request *request, bool writable,
	       void **base)
{
	uint32_t pages = request->map.count;
	int err;

	if (ioctl(gntdev->fd, IOCTL_GNTDEV_MAP_GRANT_REF, &request->map))
		return -errno;
	*base = mmap(NULL, pages * gntdev->stride, writable ? PROT_READ | PROT_WRITE : PROT_READ,
		     MAP_SHARED, gntdev->fd, (off_t)request->map.index);
	if (*base != MAP_FAILED)
		return 0;
	err = -errno;
	forget(gntdev->fd, request->map.index, pages);
	return err;
}

int gntdev_unmap(const struct gntdev *gntdev, void *base, uint64_t index, uint32_t pages)
{
	int err = munmap(base, pages * gntdev->stride) ? -errno : 0;

	return err ? err : forget(gntdev->fd, index, pages);
}
