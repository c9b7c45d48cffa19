/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hostile.c: page faults and the trap flag; see hostile.h. */
#include "unit/hostile.h"

#include <check.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define RANGE_MAX 16384u

static struct {
	uint8_t *pages;
	size_t bytes, offset;
	int prot;
	void (*accessed)(size_t offset);
	uint16_t accesses[RANGE_MAX];
} watch;

#if HOSTILE
#define TRAP_FLAG 0x100

static void single_step(void *context, bool on)
{
	greg_t *flags = &((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL];

	*flags = on ? *flags | TRAP_FLAG : *flags & ~TRAP_FLAG;
}
#else
static void single_step(void *context, bool on)
{
	(void)context, (void)on;
	abort();
}
#endif

static void faulted(int sig, siginfo_t *info, void *context)
{
	size_t offset = (size_t)((uint8_t *)info->si_addr - watch.pages);

	(void)sig;
	if (offset >= watch.bytes)
		abort();
	watch.offset = offset;
	watch.accesses[offset]++;
	mprotect(watch.pages, watch.bytes, watch.prot);
	single_step(context, true);
}

static void stepped(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info;
	single_step(context, false);
	watch.accessed(watch.offset);
	mprotect(watch.pages, watch.bytes, PROT_NONE);
}

static void handle(int sig, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

	ck_assert_int_eq(sigaction(sig, &action, NULL), 0);
}

void hostile_watch(void *pages, size_t bytes, int prot, void (*accessed)(size_t offset))
{
	ck_assert_uint_le(bytes, RANGE_MAX);
	watch.pages = pages;
	watch.bytes = bytes;
	watch.prot = prot;
	watch.accessed = accessed;
	memset(watch.accesses, 0, sizeof(watch.accesses));
	handle(SIGSEGV, faulted);
	handle(SIGTRAP, stepped);
	ck_assert_int_eq(mprotect(pages, bytes, PROT_NONE), 0);
}

void hostile_unwatch(void)
{
	ck_assert_int_eq(mprotect(watch.pages, watch.bytes, watch.prot), 0);
}

unsigned hostile_accesses(size_t offset)
{
	return watch.accesses[offset];
}
