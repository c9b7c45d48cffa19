/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * call.c: libxencall of the fake Xen: it can be asked for its version.
 */
#include "world.h"

#include <errno.h>
#include <xencall.h>
#include <xen/version.h>
#include <xen/xen.h>

#define XEN_VERSION (4 << 16 | 17)

struct xencall_handle {
	int calls;
};

xencall_handle *xencall_open(struct xentoollog_logger *logger, unsigned int open_flags)
{
	static xencall_handle only;

	(void)logger;
	(void)open_flags;
	world_cost(1, 0);
	return &only;
}

int xencall_close(xencall_handle *xcall)
{
	(void)xcall;
	world_cost(1, 0);
	return 0;
}

int xencall2(xencall_handle *xcall, unsigned int op, uint64_t arg1, uint64_t arg2)
{
	(void)xcall;
	(void)arg2;
	if (!world_call(FAKE_HYPERCALL, 1, 1))
		return -1;
	if (op == __HYPERVISOR_xen_version && arg1 == XENVER_version)
		return XEN_VERSION;
	errno = ENOSYS;
	return -1;
}
