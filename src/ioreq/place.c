/* SPDX-License-Identifier: GPL-2.0-or-later */
/* place.c: which of a domain's servers Xen asks first.
 *
 * Where their claims overlap that is the one with the highest number; a new one gets the
 * lowest that is free. QEMU is to be asked for its ports only while we have not claimed them
 * (daemon/hotplug.h), and may come after us: the wrapper that libxl takes for it starts us
 * before. So as long as it is not there each of us leaves a lower number free. */
#include <errno.h>

#include "ioreq/hvm.h"
#include "ioreq/internal.h"

#define MAX_SERVERS 8 /* of a domain */

enum whose { NOBODYS, DEVICE_MODELS, SOMEBODYS };

/* Only a device model has buffered requests. Of other domains' servers nothing is known. */
static enum whose whose(const struct ioreq_server *server, ioservid_t id)
{
	evtchn_port_t port = 0;

	if (xendevicemodel_get_ioreq_server_info(server->dm, (domid_t)server->domid, id, NULL, NULL,
						 &port))
		return errno == ENOENT ? NOBODYS : SOMEBODYS;
	return port ? DEVICE_MODELS : SOMEBODYS;
}

bool ioreq_server_is_first(const struct ioreq_server *server)
{
	ioservid_t id;

	for (id = 0; id < server->id; id++)
		if (whose(server, id) != NOBODYS)
			return false;
	return true;
}

bool ioreq_server_precedes_device_model(const struct ioreq_server *server)
{
	ioservid_t id;

	for (id = server->id + 1; id < MAX_SERVERS; id++)
		if (whose(server, id) == DEVICE_MODELS)
			return false;
	return true;
}

static bool is_hvm(const struct ioreq_server *server)
{
	struct hvm *hvm;
	bool is;

	if (hvm_open(server->domid, &hvm))
		return false;
	is = hvm_has_device_model(hvm) > 0;
	hvm_close(hvm);
	return is;
}

static bool device_model_is_to_come(const struct ioreq_server *server)
{
	ioservid_t id;

	for (id = 0; id < MAX_SERVERS; id++)
		if (whose(server, id) == DEVICE_MODELS)
			return false;
	return is_hvm(server);
}

static int create(struct ioreq_server *server, ioservid_t *id)
{
	return xendevicemodel_create_ioreq_server(server->dm, (domid_t)server->domid,
						  HVM_IOREQSRV_BUFIOREQ_OFF, id)
		       ? -errno
		       : 0;
}

/* The one with the lower number goes, whichever it is: others do the same just now. */
static void leave_lower_number(struct ioreq_server *server)
{
	ioservid_t first = server->id, second;

	if (create(server, &second))
		return; /* there is no room */
	server->id = first > second ? first : second;
	xendevicemodel_destroy_ioreq_server(server->dm, (domid_t)server->domid,
					    first > second ? second : first);
}

int ioreq_create_server(struct ioreq_server *server)
{
	int err = create(server, &server->id);

	if (!err && device_model_is_to_come(server))
		leave_lower_number(server);
	return err;
}
