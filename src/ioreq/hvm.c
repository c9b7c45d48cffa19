/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hvm.c: parameters of a domain (Xen's public/hvm/params.h).
 *
 * libxl sets pages aside for the IOREQ servers of a guest with a device model, before there
 * is one. hvmloader sets the location of ACPI's ports when it has made the tables. */
#define __XEN_TOOLS__ 1 /* shows the constants of Xen's tool interfaces */
#include "ioreq/hvm.h"

#include <errno.h>
#include <stdlib.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/xen.h>
#include <xencall.h>

#include "memory/quiet.h"

struct hvm {
	domid_t domid;
	xencall_handle *xen;
	struct xen_hvm_param *param; /* where Xen can reach it */
};

int hvm_open(uint32_t domid, struct hvm **result)
{
	struct hvm *hvm = calloc(1, sizeof(*hvm));
	int err;

	if (!hvm)
		return -ENOMEM;
	hvm->domid = (domid_t)domid;
	hvm->xen = xencall_open(quiet_logger(), 0);
	if (hvm->xen)
		hvm->param = xencall_alloc_buffer(hvm->xen, sizeof(*hvm->param));
	if (!hvm->param) {
		err = -errno;
		hvm_close(hvm);
		return err;
	}
	*result = hvm;
	return 0;
}

void hvm_close(struct hvm *hvm)
{
	if (!hvm)
		return;
	if (hvm->param)
		xencall_free_buffer(hvm->xen, hvm->param);
	if (hvm->xen)
		xencall_close(hvm->xen);
	free(hvm);
}

/* 1: it is set, 0, or -errno. */
static int is_set(const struct hvm *hvm, uint32_t index)
{
	*hvm->param = (struct xen_hvm_param){ .domid = hvm->domid, .index = index };
	if (xencall2(hvm->xen, __HYPERVISOR_hvm_op, HVMOP_get_param, (uintptr_t)hvm->param) < 0)
		return -errno;
	return hvm->param->value != 0;
}

int hvm_has_device_model(const struct hvm *hvm)
{
	return is_set(hvm, HVM_PARAM_NR_IOREQ_SERVER_PAGES);
}

bool hvm_is_surely(uint32_t domid)
{
	struct hvm *hvm = NULL;
	bool is;

	hvm_open(domid, &hvm);
	is = hvm && hvm_has_device_model(hvm) > 0;
	hvm_close(hvm);
	return is;
}

int hvm_has_acpi(const struct hvm *hvm)
{
	return is_set(hvm, HVM_PARAM_ACPI_IOPORTS_LOCATION);
}
