/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gntdev.c: two system calls a map, two an unmap. */
#include "memory/gntdev.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "memory/address.h"

static int forget(int fd, uint64_t index, uint32_t pages)
{
	struct ioctl_gntdev_unmap_grant_ref unmap = { .index = index, .count = pages };

	return ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap) ? -errno : 0;
}

int gntdev_map(int fd, union gntdev_request *request, bool writable, void **base)
{
	uint32_t pages = request->map.count;
	int err;

	if (ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, &request->map))
		return -errno;
	*base = mmap(NULL, (size_t)pages << GUEST_PAGE_SHIFT,
		     writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd,
		     (off_t)request->map.index);
	if (*base != MAP_FAILED)
		return 0;
	err = -errno;
	forget(fd, request->map.index, pages);
	return err;
}

int gntdev_unmap(int fd, void *base, uint64_t index, uint32_t pages)
{
	int err = munmap(base, (size_t)pages << GUEST_PAGE_SHIFT) ? -errno : 0;

	return err ? err : forget(fd, index, pages);
}
