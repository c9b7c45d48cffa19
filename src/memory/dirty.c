/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dirty.c: a short list of extents, reported when it is full or asked for. */
#include "memory/dirty.h"

#include <errno.h>
#include <stdlib.h>
#include <xendevicemodel.h>

#include "base/log.h"
#include "memory/quiet.h"

#define EXTENTS 256U

struct dirty {
	xendevicemodel_handle *dm;
	uint32_t domid;
	unsigned count;
	struct xen_dm_op_modified_memory_extent extents[EXTENTS];
};

int dirty_open(uint32_t domid, struct dirty **result)
{
	struct dirty *dirty = calloc(1, sizeof(*dirty));
	int err;

	if (!dirty)
		return -ENOMEM;
	dirty->domid = domid;
	dirty->dm = xendevicemodel_open(quiet_logger(), 0);
	if (!dirty->dm) {
		err = -errno;
		log_error("cannot open Xen's device model interface: %m");
		free(dirty);
		return err;
	}
	*result = dirty;
	return 0;
}

void dirty_close(struct dirty *dirty)
{
	if (!dirty)
		return;
	xendevicemodel_close(dirty->dm);
	free(dirty);
}

void dirty_report(struct dirty *dirty)
{
	if (!dirty->count)
		return;
	if (xendevicemodel_modified_memory_bulk(dirty->dm, (domid_t)dirty->domid, dirty->extents,
						dirty->count) &&
	    errno != ESRCH)
		log_guest("written pages cannot be reported: %m");
	dirty->count = 0;
}

/* Buffers that follow one another are one extent. */
void dirty_add(struct dirty *dirty, uint64_t address, size_t length)
{
	struct xen_dm_op_modified_memory_extent *last = dirty->extents + dirty->count - 1;
	uint64_t first = address >> GUEST_PAGE_SHIFT;
	unsigned pages = guest_pages(address, length);

	if (dirty->count && first >= last->first_pfn && first <= last->first_pfn + last->nr) {
		if (first + pages > last->first_pfn + last->nr)
			last->nr = (uint32_t)(first + pages - last->first_pfn);
		return;
	}
	if (dirty->count == EXTENTS)
		dirty_report(dirty);
	dirty->extents[dirty->count++] =
		(struct xen_dm_op_modified_memory_extent){ .nr = pages, .first_pfn = first };
}
