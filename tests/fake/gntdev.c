/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gntdev.c: Linux's /dev/xen/gntdev in the fake: the ioctls that make and drop
 * a grant map, and mmap() and munmap() of it, which ask the hypervisor.
 *
 * The test programs are linked with --wrap for the three calls, and for sysconf().
 * Those that are not about a descriptor or an address of ours go on to the C library.
 *
 * Mapping is all or nothing. A map is mmapped as a whole, once at a time,
 * unmapped as a whole, and then dropped by its index and count.
 *
 * Each grant is mapped to a page of the kernel, which may be larger: then the
 * rest of that page cannot be touched.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/sys/gntdev.h>
#include <xengnttab.h>

#include "world.h"

#define MAX_COUNT 65536u /* gntdev.limit */

int __real_ioctl(int fd, unsigned long request, ...);
void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *addr, size_t len);
int __wrap_ioctl(int fd, unsigned long request, ...);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *addr, size_t len);
long __real_sysconf(int name);
long __wrap_sysconf(int name);

struct map {
	struct map *next; /* by index */
	uint64_t index;
	uint32_t count;
	bool in_use;   /* mmapped, or just now in that call or in munmap() */
	bool used;     /* was mmapped once */
	bool stuck;    /* a test let its UNMAP fail */
	bool writable; /* as it is mmapped */
	uint8_t *va;   /* while it is mmapped */
	struct ioctl_gntdev_grant_ref ref[];
};

struct gntdev {
	struct gntdev *next;
	int fd;
	const struct restricted *restricted;
	struct map *maps;
};

/* The other lock may be held as this one is taken, but not the other way round. */
static pthread_mutex_t devices_lock = PTHREAD_MUTEX_INITIALIZER;
static struct gntdev *devices;

struct gntdev *gntdev_open(int fd, const struct restricted *restricted)
{
	struct gntdev *dev = calloc(1, sizeof(*dev));

	if (!dev)
		abort();
	dev->fd = fd;
	dev->restricted = restricted;
	pthread_mutex_lock(&devices_lock);
	dev->next = devices;
	devices = dev;
	pthread_mutex_unlock(&devices_lock);
	return dev;
}

static struct gntdev *find_device(int fd)
{
	struct gntdev *dev;

	pthread_mutex_lock(&devices_lock);
	for (dev = devices; dev && dev->fd != fd; dev = dev->next)
		;
	pthread_mutex_unlock(&devices_lock);
	return dev;
}

static int fail(int err)
{
	errno = err;
	return -1;
}

static size_t map_bytes(const struct map *m)
{
	return (size_t)m->count * world->page_size;
}

static void count_maps(int by)
{
	world_lock();
	world->pins[fake_proc].maps += (uint32_t)by;
	world_unlock();
}

/* ---- MAP_GRANT_REF ------------------------------------------------------------- */

/* The first gap of indexes that is wide enough, as the kernel looks for it. */
static void add_map(struct gntdev *dev, struct map *m)
{
	struct map **p;

	pthread_mutex_lock(&devices_lock);
	for (p = &dev->maps; *p && m->index + map_bytes(m) > (*p)->index; p = &(*p)->next)
		m->index = (*p)->index + map_bytes(*p);
	m->next = *p;
	*p = m;
	pthread_mutex_unlock(&devices_lock);
}

static int map_grant_ref(struct gntdev *dev, struct ioctl_gntdev_map_grant_ref *op)
{
	struct map *m;

	world_cost(1, 0);
	if (!restricted_allows(dev->restricted, FAKE_DOMID))
		return -1;
	if (!op->count || op->count > MAX_COUNT)
		return fail(EINVAL);
	m = calloc(1, sizeof(*m) + op->count * sizeof(m->ref[0]));
	if (!m)
		abort();
	m->count = op->count;
	memcpy(m->ref, op->refs, op->count * sizeof(m->ref[0]));
	add_map(dev, m);
	op->index = m->index;
	count_maps(1);
	return 0;
}

/* ---- mmap ---------------------------------------------------------------------- */

/* Nobody else may have it mmapped. */
static struct map *begin_use(struct gntdev *dev, uint64_t index, size_t len)
{
	struct map *m;

	pthread_mutex_lock(&devices_lock);
	for (m = dev->maps; m && (m->index != index || map_bytes(m) != len); m = m->next)
		;
	if (m && !m->in_use)
		m->in_use = true;
	else
		m = NULL;
	pthread_mutex_unlock(&devices_lock);
	return m;
}

/* Its pages become visible at this address, or it is free again (NULL). */
static void end_use(struct map *m, uint8_t *va)
{
	pthread_mutex_lock(&devices_lock);
	m->va = va;
	m->in_use = va;
	m->used |= m->in_use;
	pthread_mutex_unlock(&devices_lock);
}

static void show_page(void *at, const struct map *m, uint32_t ref)
{
	uint32_t frame = world->p2m[world->grant[ref].pfn];

	if (__real_mmap(at, FAKE_PAGE, m->writable ? PROT_READ | PROT_WRITE : PROT_READ,
			MAP_SHARED | MAP_FIXED, world->memfd,
			(off_t)frame * FAKE_PAGE) == MAP_FAILED)
		abort();
}

/* The hypervisor's part (lock held): all are checked before one is mapped. */
static bool map_all(const struct map *m, uint8_t *va)
{
	uint32_t i;

	if (fake_grants_mapped() + m->count > world->maptrack)
		return false;
	for (i = 0; i < m->count; i++)
		if (grant_status(m->ref[i].domid, m->ref[i].ref, m->writable) != GNTST_okay)
			return false;
	for (i = 0; i < m->count; i++) {
		show_page(va + (size_t)i * world->page_size, m, m->ref[i].ref);
		grant_pin(m->ref[i].ref, m->writable, 1);
	}
	return true;
}

static void *map_pages(struct map *m, void *addr, int flags)
{
	uint8_t *va = __real_mmap(addr, map_bytes(m), PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS | (flags & MAP_FIXED), -1, 0);
	bool mapped;

	if (va == MAP_FAILED)
		abort();
	world_lock();
	mapped = map_all(m, va);
	world_unlock();
	if (!mapped) {
		__real_munmap(va, map_bytes(m));
		va = NULL;
	}
	end_use(m, va);
	return va;
}

static void *map_mmap(struct gntdev *dev, void *addr, size_t len, int prot, int flags,
		      uint64_t index)
{
	struct map *m;
	void *va = NULL;

	if (!world_call(FAKE_GRANT_MAP, 1, 1) || !restricted_allows(dev->restricted, FAKE_DOMID))
		return MAP_FAILED;
	m = flags & MAP_SHARED ? begin_use(dev, index, len) : NULL;
	if (m) {
		m->writable = prot & PROT_WRITE;
		va = map_pages(m, addr, flags);
	} else {
		fake_violation(
			"mmap() of %zu bytes at index %#llx of gntdev: no such map, or in use", len,
			(unsigned long long)index);
	}
	if (va)
		return va;
	errno = EINVAL;
	return MAP_FAILED;
}

/* ---- munmap -------------------------------------------------------------------- */

static struct map *overlapping(const uint8_t *va, size_t len)
{
	struct gntdev *dev;
	struct map *m;

	for (dev = devices; dev; dev = dev->next)
		for (m = dev->maps; m; m = m->next)
			if (m->va && m->va < va + len && va < m->va + map_bytes(m))
				return m;
	return NULL;
}

/* Which map is this address range of? Once it is to go, nobody else finds it. */
static struct map *take_mapped(void *va, size_t len, bool *whole)
{
	struct map *m;

	pthread_mutex_lock(&devices_lock);
	m = overlapping(va, len);
	*whole = m && m->va == va && map_bytes(m) == len;
	if (*whole)
		m->va = NULL;
	pthread_mutex_unlock(&devices_lock);
	return m;
}

/* Xen works in batches of 32. */
static int map_munmap(struct map *m, void *va)
{
	int rc = __real_munmap(va, map_bytes(m));
	uint32_t i;

	world_cost(1, (m->count + 31) / 32);
	world_lock();
	for (i = 0; i < m->count; i++) {
		grant_touched(m->ref[i].ref, "unmapped");
		grant_pin(m->ref[i].ref, m->writable, -1);
	}
	world_unlock();
	end_use(m, NULL);
	return rc;
}

/* ---- UNMAP_GRANT_REF, and how the library finds what to unmap -------------------- */

static void drop_map(struct gntdev *dev, struct map *m)
{
	struct map **p;

	pthread_mutex_lock(&devices_lock);
	for (p = &dev->maps; *p != m; p = &(*p)->next)
		;
	*p = m->next;
	pthread_mutex_unlock(&devices_lock);
	count_maps(-1);
	free(m);
}

static struct map *find_map(struct gntdev *dev, uint64_t index, uint32_t count)
{
	struct map *m;

	pthread_mutex_lock(&devices_lock);
	for (m = dev->maps; m && (m->index != index || m->count != count); m = m->next)
		;
	pthread_mutex_unlock(&devices_lock);
	return m;
}

/* Dropping a map whose mmap() failed does not count as an unmapping. */
static bool unmap_call(struct map *m)
{
	if (m && m->used) {
		m->stuck = !world_call(FAKE_GRANT_UNMAP, 1, 0);
		return !m->stuck;
	}
	world_cost(1, 0);
	return true;
}

static int unmap_grant_ref(struct gntdev *dev, const struct ioctl_gntdev_unmap_grant_ref *op)
{
	struct map *m = find_map(dev, op->index, op->count);

	if (!unmap_call(m) || !restricted_allows(dev->restricted, FAKE_DOMID))
		return -1;
	if (!m) {
		fake_violation("UNMAP_GRANT_REF of %u pages at index %#llx: no such map", op->count,
			       (unsigned long long)op->index);
		return fail(ENOENT);
	}
	if (m->in_use) {
		fake_violation("UNMAP_GRANT_REF of index %#llx before munmap()",
			       (unsigned long long)op->index);
		return fail(EINVAL);
	}
	drop_map(dev, m);
	return 0;
}

static int get_offset_for_vaddr(struct ioctl_gntdev_get_offset_for_vaddr *op)
{
	struct map *m;

	world_cost(1, 0);
	pthread_mutex_lock(&devices_lock);
	m = overlapping((const uint8_t *)(uintptr_t)op->vaddr, 1);
	if (m) {
		op->offset = m->index;
		op->count = m->count;
	}
	pthread_mutex_unlock(&devices_lock);
	return m ? 0 : fail(EINVAL);
}

/* ---- close --------------------------------------------------------------------- */

static bool forget_map(struct gntdev *dev, struct map *m)
{
	bool stuck = m->stuck;

	if (m->va)
		map_munmap(m, m->va);
	drop_map(dev, m);
	return stuck;
}

void gntdev_close(struct gntdev *dev)
{
	struct gntdev **p;
	unsigned int left = 0;

	while (dev->maps)
		left += !forget_map(dev, dev->maps);
	if (left)
		fake_violation("xengnttab_close() with %u grant maps open", left);
	pthread_mutex_lock(&devices_lock);
	for (p = &devices; *p != dev; p = &(*p)->next)
		;
	*p = dev->next;
	pthread_mutex_unlock(&devices_lock);
	free(dev);
}

/* ---- the calls ----------------------------------------------------------------- */

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct gntdev *dev = find_device(fd);
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (!dev)
		return __real_ioctl(fd, request, arg);
	if (request == IOCTL_GNTDEV_MAP_GRANT_REF)
		return map_grant_ref(dev, arg);
	if (request == IOCTL_GNTDEV_UNMAP_GRANT_REF)
		return unmap_grant_ref(dev, arg);
	if (request == IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR)
		return get_offset_for_vaddr(arg);
	return fail(ENOTTY);
}

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	struct gntdev *dev = fd < 0 ? NULL : find_device(fd);

	if (!dev)
		return __real_mmap(addr, len, prot, flags, fd, offset);
	return map_mmap(dev, addr, len, prot, flags, (uint64_t)offset);
}

int __wrap_munmap(void *addr, size_t len)
{
	struct map *m;
	bool whole;

	m = take_mapped(addr, len, &whole);
	if (!m)
		return __real_munmap(addr, len);
	if (whole)
		return map_munmap(m, addr);
	fake_violation("munmap() of %zu pages of a grant map of %u", len / world->page_size,
		       m->count);
	return fail(EINVAL);
}

long __wrap_sysconf(int name)
{
	return world && name == _SC_PAGESIZE ? (long)world->page_size : __real_sysconf(name);
}
