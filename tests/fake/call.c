/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * call.c: libxencall of the fake Xen: it can be asked for its version, and for the domain's
 * parameters.
 */
#define __XEN_TOOLS__ 1 /* shows the constants of Xen's tool interfaces */

#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <xencall.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
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

void *xencall_alloc_buffer(xencall_handle *xcall, size_t size)
{
	(void)xcall;
	return calloc(1, size);
}

void xencall_free_buffer(xencall_handle *xcall, void *p)
{
	(void)xcall;
	free(p);
}

/* What libxl and hvmloader have set. */
static int get_param(struct xen_hvm_param *param)
{
	bool hvm = world->platform == FAKE_HVM;

	if (param->domid != FAKE_DOMID || !world->alive)
		return ESRCH;
	switch (param->index) {
	case HVM_PARAM_NR_IOREQ_SERVER_PAGES:
		param->value = hvm ? FAKE_NR_SERVERS : 0;
		return 0;
	case HVM_PARAM_ACPI_IOPORTS_LOCATION:
		if (world->platform == FAKE_ARM)
			return EINVAL;
		param->value = world->acpi;
		return 0;
	default:
		return EINVAL;
	}
}

int xencall2(xencall_handle *xcall, unsigned int op, uint64_t arg1, uint64_t arg2)
{
	(void)xcall;
	if (!world_call(FAKE_HYPERCALL, 1, 1))
		return -1;
	if (op == __HYPERVISOR_xen_version && arg1 == XENVER_version)
		return XEN_VERSION;
	errno = ENOSYS;
	if (op == __HYPERVISOR_hvm_op && arg1 == HVMOP_get_param)
		errno = get_param((struct xen_hvm_param *)(uintptr_t)arg2);
	return errno ? -1 : 0;
}
