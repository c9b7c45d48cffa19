/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * world.c: the shared world of the fake Xen layer: making it, its lock, its
 * memory, violations, call counts and injected faults.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

struct fake_world *world;
int fake_proc;

uint64_t fake_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void futex_wake(_Atomic uint32_t *word)
{
	atomic_fetch_add(word, 1);
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void futex_wait(_Atomic uint32_t *word, uint32_t val, unsigned int ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	syscall(SYS_futex, word, FUTEX_WAIT, val, &ts, NULL, 0);
}

/* A child killed inside the lock leaves it to the next one. */
void world_lock(void)
{
	if (pthread_mutex_lock(&world->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&world->lock);
}

void world_unlock(void)
{
	pthread_mutex_unlock(&world->lock);
}

static void vviolation(const char *fmt, va_list ap)
{
	unsigned int n = world->nr_violations;

	if (n < MAX_VIOLATIONS) {
		vsnprintf(world->violation[n], sizeof(world->violation[n]), fmt, ap);
		world->nr_violations = n + 1;
	}
}

void world_violation(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vviolation(fmt, ap);
	va_end(ap);
}

void fake_violation(const char *fmt, ...)
{
	va_list ap;

	world_lock();
	va_start(ap, fmt);
	vviolation(fmt, ap);
	va_end(ap);
	world_unlock();
}

unsigned int fake_violations(void)
{
	return world->nr_violations;
}

bool fake_expect_violation(const char *text)
{
	unsigned int i, n;
	bool found = false;

	world_lock();
	n = world->nr_violations;
	for (i = 0; i < n && !found; i++)
		found = strstr(world->violation[i], text);
	if (found) {
		memmove(world->violation[i - 1], world->violation[i],
			(n - i) * sizeof(world->violation[0]));
		world->nr_violations = n - 1;
	}
	world_unlock();
	return found;
}

bool world_call(enum fake_call call, unsigned int syscalls, unsigned int hypercalls)
{
	struct fault *fault = &world->fault[call];
	bool fails;

	world_lock();
	vcpu_watch_states();
	world->calls[call]++;
	world->syscalls += syscalls;
	world->hypercalls += hypercalls;
	fails = fault->countdown && --fault->countdown == 0;
	fault->happened |= fails;
	world_unlock();
	if (fails && fault->dies)
		kill(getpid(), SIGKILL);
	if (fails)
		errno = fault->err;
	return !fails;
}

void world_cost(unsigned int syscalls, unsigned int hypercalls)
{
	world_lock();
	world->syscalls += syscalls;
	world->hypercalls += hypercalls;
	world_unlock();
}

void fake_fail(enum fake_call call, unsigned int nth, int err)
{
	world_lock();
	world->fault[call] = (struct fault){ .countdown = nth, .err = err };
	world_unlock();
}

void fake_die(enum fake_call call, unsigned int nth)
{
	world_lock();
	if (nth)
		world->fault[call] = (struct fault){ .countdown = nth, .dies = true };
	else
		world->fault[call].countdown = 0;
	world_unlock();
}

bool fake_failed(enum fake_call call)
{
	return world->fault[call].happened;
}

unsigned int fake_calls(enum fake_call call)
{
	return world->calls[call];
}

unsigned int fake_copy_segments(void)
{
	return world->segments;
}

unsigned int fake_syscalls(void)
{
	return world->syscalls;
}

unsigned int fake_hypercalls(void)
{
	return world->hypercalls;
}

void fake_calls_reset(void)
{
	world_lock();
	memset(world->calls, 0, sizeof(world->calls));
	world->segments = world->syscalls = world->hypercalls = 0;
	world->slowest_ns = 0;
	world->pages_modified = 0;
	memset(world->modified, 0, sizeof(world->modified));
	world_unlock();
}

/* ---- memory ------------------------------------------------------------- */

void *world_frame(uint32_t frame)
{
	return world->frames + (size_t)frame * FAKE_PAGE;
}

uint32_t world_new_frame(void)
{
	if (world->nr_frames == MAX_FRAMES) {
		fputs("fake: out of frames\n", stderr);
		abort();
	}
	return world->nr_frames++;
}

/* The guest always sees the frame that its p2m names. */
static void ram_show(uint64_t pfn)
{
	void *va = mmap(world->ram + pfn * FAKE_PAGE, FAKE_PAGE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_FIXED, world->memfd, (off_t)world->p2m[pfn] * FAKE_PAGE);

	if (va == MAP_FAILED)
		abort();
}

void *fake_ram(uint64_t gpa)
{
	return gpa < fake_ram_size() ? world->ram + gpa : NULL;
}

uint64_t fake_ram_size(void)
{
	return (uint64_t)world->ram_pages * FAKE_PAGE;
}

/* A hole that is filled again gets another frame, as from the balloon. */
void fake_hole(uint64_t pfn, bool hole)
{
	world_lock();
	if (hole)
		world->p2m[pfn] = NO_FRAME;
	else
		world->p2m[pfn] = world_new_frame();
	if (!hole)
		ram_show(pfn);
	world_unlock();
}

void fake_new_frame(uint64_t pfn)
{
	fake_hole(pfn, false);
}

static void memory_new(unsigned int pages)
{
	size_t all = (size_t)MAX_FRAMES * FAKE_PAGE, ram = (size_t)pages * FAKE_PAGE;
	unsigned int i;

	world->ram_pages = world->nr_frames = pages;
	for (i = 0; i < pages; i++)
		world->p2m[i] = i;
	world->memfd = memfd_create("fake-frames", MFD_CLOEXEC);
	world->holefd = memfd_create("fake-hole", MFD_CLOEXEC);
	if (ftruncate(world->memfd, (off_t)all))
		abort();
	world->frames = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_SHARED, world->memfd, 0);
	world->ram = mmap(NULL, ram, PROT_READ | PROT_WRITE, MAP_SHARED, world->memfd, 0);
	if (world->frames == MAP_FAILED || world->ram == MAP_FAILED)
		abort();
}

/* ---- handles ------------------------------------------------------------ */

int handle_new(void)
{
	struct handle *h;
	int i;

	for (i = 0; i < MAX_HANDLES && world->handle[i].used; i++)
		;
	if (i == MAX_HANDLES) {
		errno = EMFILE;
		return -1;
	}
	h = &world->handle[i];
	h->used = true;
	h->proc = fake_proc;
	h->head = h->tail = 0;
	return i;
}

void handle_free(int handle)
{
	uint64_t one;

	while (read(world->handle[handle].fd, &one, sizeof(one)) > 0)
		;
	world->handle[handle].used = false;
}

void handle_queue(int handle, uint32_t entry)
{
	struct handle *h = &world->handle[handle];
	uint64_t one = 1;

	if (h->tail - h->head == MAX_PORTS)
		return;
	h->queue[h->tail++ % MAX_PORTS] = entry;
	if (write(h->fd, &one, sizeof(one)) != sizeof(one))
		world_violation("fake: eventfd closed under the fake");
}

bool handle_take(int handle, uint32_t *entry)
{
	struct handle *h = &world->handle[handle];
	uint64_t one;

	if (h->head == h->tail)
		return false;
	*entry = h->queue[h->head++ % MAX_PORTS];
	return read(h->fd, &one, sizeof(one)) == sizeof(one);
}

/* ---- begin --------------------------------------------------------------- */

static void lock_init(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&world->lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

/* QEMU's server claims nothing here. */
void fake_device_model_starts(void)
{
	struct server *s = world->server;

	while (s->used)
		s++;
	*s = (struct server){ .used = true, .enabled = true, .proc = -1, .frame = NO_FRAME };
}

void fake_start_alone(unsigned int nr_vcpus, unsigned int ram_pages)
{
	fake_start(FAKE_HVM, nr_vcpus, ram_pages);
	world->server[0].used = false;
}

void fake_start(enum fake_platform platform, unsigned int nr_vcpus, unsigned int ram_pages)
{
	int i;

	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (world == MAP_FAILED || nr_vcpus > MAX_VCPUS || ram_pages > MAX_PAGES)
		abort();
	lock_init();
	world->platform = platform;
	world->nr_vcpus = nr_vcpus;
	world->timeout_ms = 20000;
	world->alive = true;
	world->acpi = platform == FAKE_HVM;
	world->maptrack = UINT_MAX;
	world->page_size = FAKE_PAGE;
	world->proc_used[0] = true;
	memory_new(ram_pages);
	for (i = 0; i < MAX_HANDLES; i++)
		world->handle[i].fd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE | EFD_NONBLOCK);
	if (platform == FAKE_HVM)
		fake_device_model_starts();
	fake_xs_write("/local/domain/0/name", "Domain-0");
	fake_xs_write("/local/domain/7/name", FAKE_DOMAIN);
}

enum fake_platform fake_platform(void)
{
	return world->platform;
}

void fake_timeout(unsigned int ms)
{
	world->timeout_ms = ms;
}
