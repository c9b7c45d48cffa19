/* SPDX-License-Identifier: GPL-2.0-or-later */
/* grants.c: grant copies in batches, and maps of rings.
 *
 * A copy leaves nothing mapped, so nothing has to be undone before the used
 * index moves: Linux ends each streaming grant as it consumes the used entry,
 * and a backend that still has it mapped costs the guest its device. */
#include "memory/grants.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <xengnttab.h>

#include "base/log.h"
#include "base/util.h"
#include "memory/quiet.h"

#define BATCH 1024 /* segments a call; the kernel cuts them by 16 itself */

struct grants {
	xengnttab_handle *handle;
	uint32_t domid;
	unsigned pending;
	xengnttab_grant_copy_segment_t segments[BATCH];
	struct memory_copy *owners[BATCH];
};

int grants_open(uint32_t domid, struct grants **result)
{
	struct grants *grants = calloc(1, sizeof(*grants));

	if (!grants)
		return -ENOMEM;
	grants->domid = domid;
	grants->handle = xengnttab_open(quiet_logger(), 0);
	if (!grants->handle) {
		int err = -errno;

		log_error("cannot open the grant device: %m (is /dev/xen/gntdev there?)");
		free(grants);
		return err;
	}
	*result = grants;
	return 0;
}

void grants_close(struct grants *grants)
{
	if (!grants)
		return;
	xengnttab_close(grants->handle);
	free(grants);
}

static uint64_t first_ref(uint64_t address)
{
	return (address & ~GUEST_ADDRESS_GRANT) >> GUEST_PAGE_SHIFT;
}

bool grants_valid(uint64_t address, size_t length)
{
	return length && first_ref(address) + guest_pages(address, length) - 1 <= UINT32_MAX;
}

static void note_status(struct memory_copy *copy, const xengnttab_grant_copy_segment_t *segment)
{
	if (segment->status == GNTST_okay)
		return;
	copy->err = -EFAULT;
	log_guest("grant copy failed: status %d", segment->status);
}

/* A call that fails as a whole says nothing of its segments: one by one then,
 * so that nobody suffers for another. */
static void copy_alone(struct grants *grants, unsigned i)
{
	if (xengnttab_grant_copy(grants->handle, 1, &grants->segments[i])) {
		grants->owners[i]->err = -errno;
		log_guest("grant copy: %m");
		return;
	}
	note_status(grants->owners[i], &grants->segments[i]);
}

void grants_flush(struct grants *grants)
{
	unsigned i, n = grants->pending;
	bool done;

	if (!n)
		return;
	grants->pending = 0;
	done = !xengnttab_grant_copy(grants->handle, n, grants->segments);
	for (i = 0; i < n; i++) {
		if (!done)
			copy_alone(grants, i);
		else
			note_status(grants->owners[i], &grants->segments[i]);
	}
}

static void add_segment(struct grants *grants, struct memory_copy *copy, uint64_t address,
			void *local, uint16_t length)
{
	unsigned n = grants->pending++;
	xengnttab_grant_copy_segment_t *segment = &grants->segments[n];
	uint32_t ref = (uint32_t)first_ref(address);
	uint16_t offset = address & (GUEST_PAGE_SIZE - 1);

	*segment = (xengnttab_grant_copy_segment_t){ .len = length };
	if (copy->to_guest) {
		segment->source.virt = local;
		segment->dest.foreign.ref = ref;
		segment->dest.foreign.offset = offset;
		segment->dest.foreign.domid = (uint16_t)grants->domid;
		segment->flags = GNTCOPY_dest_gref;
	} else {
		segment->source.foreign.ref = ref;
		segment->source.foreign.offset = offset;
		segment->source.foreign.domid = (uint16_t)grants->domid;
		segment->dest.virt = local;
		segment->flags = GNTCOPY_source_gref;
	}
	grants->owners[n] = copy;
}

/* The grant side of a segment must not cross its page. */
void grants_copy(struct grants *grants, struct memory_copy *copy)
{
	uint64_t address = copy->address;
	uint32_t left = copy->length;
	uint8_t *local = copy->local;

	while (left) {
		uint32_t room = GUEST_PAGE_SIZE - (address & (GUEST_PAGE_SIZE - 1));
		uint16_t length = (uint16_t)min_u64(room, left);

		if (grants->pending == BATCH)
			grants_flush(grants);
		add_segment(grants, copy, address, local, length);
		address += length;
		local += length;
		left -= length;
	}
}

int grants_map(struct grants *grants, uint64_t address, unsigned pages, bool writable, void **base)
{
	uint32_t *refs = malloc(pages * sizeof(*refs));
	unsigned i;

	if (!refs)
		return -ENOMEM;
	for (i = 0; i < pages; i++)
		refs[i] = (uint32_t)first_ref(address) + i;
	*base = xengnttab_map_domain_grant_refs(grants->handle, pages, grants->domid, refs,
						writable ? PROT_READ | PROT_WRITE : PROT_READ);
	free(refs);
	return *base ? 0 : -errno;
}

void grants_unmap(struct grants *grants, void *base, unsigned pages)
{
	if (xengnttab_unmap(grants->handle, base, pages))
		log_error("cannot unmap %u grants: %m", pages);
}
