/* SPDX-License-Identifier: GPL-2.0-or-later */
/* refusal.c: who refuses to let us serve a guest, and why.
 *
 * Dom0 may serve every guest. Other domains have to get past their own Linux and past
 * Xen's policy, and both answer with a bare EPERM:
 *
 *  - Linux's privcmd lets a domain call Xen for its "target" in xenstore only, and
 *    libxendevicemodel does not get along even with that;
 *  - without FLASK Xen lets a domain be the device model of the one guest that is its
 *    target (XEN_DOMCTL_set_target), and the first call for another one fails;
 *  - in SILO mode that goes well until Xen makes the server's event channels.
 *
 * FLASK says EACCES. */
#include <errno.h>
#include <xencall.h>
#include <xen/version.h>

#include "ioreq/internal.h"
#include "memory/quiet.h"

/* Every domain may ask Xen for its version. */
static bool linux_restricts(void)
{
	xencall_handle *xen = xencall_open(quiet_logger(), 0);
	bool refused;

	if (!xen)
		return false;
	refused = xencall2(xen, __HYPERVISOR_xen_version, XENVER_version, 0) < 0 && errno == EPERM;
	xencall_close(xen);
	return refused;
}

static const char *why_not_permitted(bool allowed)
{
	if (linux_restricts())
		return " (by this domain's Linux: boot it with xen_privcmd.unrestricted=1)";
	if (allowed)
		return " (Xen is in SILO mode, the default on Arm, where only dom0 can serve: boot "
		       "it with xsm=flask or xsm=dummy)";
	return " (Xen refuses: the guest is not this domain's target, which one guest can be, "
	       "for good; to serve several, boot Xen with xsm=flask)";
}

static const char *why_no_access(bool allowed)
{
	if (allowed)
		return " (by FLASK's policy; or this is a PVH or HVM domain, and Xen is older "
		       "than 4.19)";
	return " (by FLASK's policy: this domain's label may not serve the guest's)";
}

const char *ioreq_why_refused(int err, bool allowed)
{
	switch (err) {
	case -EPERM:
		return why_not_permitted(allowed);
	case -EACCES:
		return why_no_access(allowed);
	case -ESRCH:
		return " (is there such a domain?)";
	case -EINVAL:
	case -EOPNOTSUPP:
		return " (not an HVM, PVH or Arm guest?)";
	case -ENOSPC:
		return " (a domain can have 8, QEMU's among them)";
	case -ENOSYS:
		return " (Xen has no IOREQ servers: on Arm it needs CONFIG_IOREQ_SERVER)";
	default:
		return "";
	}
}
