/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * devicemodel.c: libxendevicemodel of the fake Xen: IOREQ servers with their
 * ranges, interrupts, dirty pages. Each call is one ioctl and one hypercall.
 */
#define __XEN_TOOLS__ 1 /* shows the constants of Xen's tool interfaces */

#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xendevicemodel.h>

/* privcmd takes buffers of one page. */
#define MAX_EXTENTS (FAKE_PAGE / sizeof(struct xen_dm_op_modified_memory_extent))

#define QEMU_BUFIOREQ_PORT 4

struct xendevicemodel_handle {
	struct restricted restricted;
};

xendevicemodel_handle *xendevicemodel_open(struct xentoollog_logger *logger,
					   unsigned int open_flags)
{
	xendevicemodel_handle *dmod;

	(void)logger;
	(void)open_flags;
	if (!world_call(FAKE_DM_OPEN, 1, 0))
		return NULL;
	dmod = calloc(1, sizeof(*dmod));
	if (dmod)
		restricted_open(&dmod->restricted, true);
	return dmod;
}

int xendevicemodel_close(xendevicemodel_handle *dmod)
{
	if (dmod)
		restricted_close(&dmod->restricted);
	free(dmod);
	return 0;
}

int xendevicemodel_restrict(xendevicemodel_handle *dmod, domid_t domid)
{
	dmod->restricted.domid = domid;
	return 0;
}

/* Count the call and check the domain. 0 with the lock held, or -1. */
static int dm_begin(xendevicemodel_handle *dmod, enum fake_call call, domid_t domid)
{
	if (!world_call(call, 1, 1) || !restricted_allows(&dmod->restricted, domid))
		return -1;
	world_lock();
	if (domid == FAKE_DOMID && world->alive)
		return 0;
	world_unlock();
	errno = ESRCH;
	return -1;
}

static int dm_end(int err)
{
	world_unlock();
	if (!err)
		return 0;
	errno = err;
	return -1;
}

/* The same for calls on a server. */
static int dm_begin_server(xendevicemodel_handle *dmod, enum fake_call call, domid_t domid,
			   ioservid_t id)
{
	if (dm_begin(dmod, call, domid))
		return -1;
	if (id >= FAKE_NR_SERVERS || !world->server[id].used)
		return dm_end(ENOENT);
	if (world->server[id].proc < 0)
		world_violation("ioreq server %u is QEMU's, hands off", id);
	return 0;
}

int xendevicemodel_nr_vcpus(xendevicemodel_handle *dmod, domid_t domid, unsigned int *vcpus)
{
	if (dm_begin(dmod, FAKE_DM_NR_VCPUS, domid))
		return -1;
	*vcpus = world->nr_vcpus;
	return dm_end(0);
}

/* ---- servers -------------------------------------------------------------- */

static int create(int handle_bufioreq, ioservid_t *id)
{
	struct server *s;
	unsigned int i, v;

	if (handle_bufioreq < 0 || handle_bufioreq > HVM_IOREQSRV_BUFIOREQ_ATOMIC)
		return EINVAL;
	if (world->platform == FAKE_ARM && handle_bufioreq != HVM_IOREQSRV_BUFIOREQ_OFF)
		return EINVAL;
	for (i = 0; i < FAKE_NR_SERVERS && world->server[i].used; i++)
		;
	if (i == FAKE_NR_SERVERS)
		return ENOSPC;
	s = &world->server[i];
	memset(s, 0, sizeof(*s));
	s->used = true;
	s->proc = fake_proc;
	s->frame = NO_FRAME;
	for (v = 0; v < world->nr_vcpus; v++)
		world->eport[i * MAX_VCPUS + v] = (struct eport){ .used = true };
	*id = (ioservid_t)i;
	return 0;
}

int xendevicemodel_create_ioreq_server(xendevicemodel_handle *dmod, domid_t domid,
				       int handle_bufioreq, ioservid_t *id)
{
	if (dm_begin(dmod, FAKE_DM_CREATE, domid))
		return -1;
	return dm_end(create(handle_bufioreq, id));
}

/* Frame numbers would need the legacy pages, which exclude mapping the resource. */
int xendevicemodel_get_ioreq_server_info(xendevicemodel_handle *dmod, domid_t domid, ioservid_t id,
					 xen_pfn_t *ioreq_gfn, xen_pfn_t *bufioreq_gfn,
					 evtchn_port_t *bufioreq_port)
{
	/* QEMU's, too, may be looked at. */
	if (dm_begin(dmod, FAKE_DM_INFO, domid))
		return -1;
	if (id >= FAKE_NR_SERVERS || !world->server[id].used)
		return dm_end(ENOENT);
	if (ioreq_gfn || bufioreq_gfn)
		return dm_end(world->platform == FAKE_ARM ? EOPNOTSUPP : EPERM);
	if (bufioreq_port)
		*bufioreq_port = world->server[id].proc < 0 ? QEMU_BUFIOREQ_PORT : 0;
	return dm_end(0);
}

/* Xen on Arm goes on in the middle of its wait, with what the server was. */
static void check_slots_answered(unsigned int id)
{
	const struct ioreq *slot;
	unsigned int v;

	for (v = 0; v < world->nr_vcpus; v++) {
		slot = server_slot(id, v);
		if (slot &&
		    (slot->state == STATE_IOREQ_READY || slot->state == STATE_IOREQ_INPROCESS))
			world_violation("ioreq server %u destroyed while vCPU %u waits for it", id,
					v);
		if (slot && slot->state == STATE_IORESP_READY && world->platform == FAKE_ARM)
			world_violation("Xen crashed: ioreq server %u destroyed before vCPU %u "
					"took its answer",
					id, v);
	}
}

int xendevicemodel_destroy_ioreq_server(xendevicemodel_handle *dmod, domid_t domid, ioservid_t id)
{
	unsigned int v;

	if (dm_begin_server(dmod, FAKE_DM_DESTROY, domid, id))
		return -1;
	check_slots_answered(id);
	for (v = 0; v < world->nr_vcpus; v++)
		evtchn_close_eport(id * MAX_VCPUS + v);
	vcpu_server_gone(id);
	world->server[id].used = world->server[id].enabled = false;
	return dm_end(0);
}

/* Enabling fills in the event channels, where the page exists already. */
int xendevicemodel_set_ioreq_server_state(xendevicemodel_handle *dmod, domid_t domid, ioservid_t id,
					  int enabled)
{
	struct ioreq *slot;
	unsigned int v;

	if (dm_begin_server(dmod, FAKE_DM_STATE, domid, id))
		return -1;
	world->server[id].enabled = enabled;
	for (v = 0; v < world->nr_vcpus && enabled; v++) {
		slot = server_slot(id, v);
		if (slot)
			slot->vp_eport = FIRST_EPORT + id * MAX_VCPUS + v;
	}
	return dm_end(0);
}

/* ---- ranges --------------------------------------------------------------- */

bool range_contains(const struct rangeset *set, uint64_t start, uint64_t end)
{
	unsigned int i;

	for (i = 0; i < set->nr; i++)
		if (set->range[i].start <= start && end <= set->range[i].end)
			return true;
	return false;
}

static void range_drop(struct rangeset *set, unsigned int i)
{
	set->range[i] = set->range[--set->nr];
}

/* Adjacent ranges become one, as in Xen's rangesets. */
static void range_merge(struct rangeset *set, struct range *r)
{
	unsigned int i = 0;

	while (i < set->nr) {
		if (set->range[i].end + 1 == r->start)
			r->start = set->range[i].start;
		else if (r->end + 1 == set->range[i].start)
			r->end = set->range[i].end;
		else {
			i++;
			continue;
		}
		range_drop(set, i);
		i = 0;
	}
}

static int range_add(struct rangeset *set, uint64_t start, uint64_t end)
{
	struct range r = { start, end };
	unsigned int i;

	if (start > end)
		return EINVAL;
	for (i = 0; i < set->nr; i++)
		if (set->range[i].start <= end && start <= set->range[i].end)
			return EEXIST;
	range_merge(set, &r);
	if (set->nr == MAX_RANGES)
		return ENOMEM;
	set->range[set->nr++] = r;
	return 0;
}

static int range_remove(struct rangeset *set, uint64_t start, uint64_t end)
{
	unsigned int i;
	struct range r;

	if (start > end)
		return EINVAL;
	if (!range_contains(set, start, end))
		return ENOENT;
	for (i = 0; set->range[i].start > start || end > set->range[i].end; i++)
		;
	r = set->range[i];
	range_drop(set, i);
	if (r.start < start)
		set->range[set->nr++] = (struct range){ r.start, start - 1 };
	if (end < r.end)
		set->range[set->nr++] = (struct range){ end + 1, r.end };
	return 0;
}

static enum fake_range io_range(int is_mmio)
{
	return is_mmio ? FAKE_RANGE_MEMORY : FAKE_RANGE_PORT;
}

int xendevicemodel_map_io_range_to_ioreq_server(xendevicemodel_handle *dmod, domid_t domid,
						ioservid_t id, int is_mmio, uint64_t start,
						uint64_t end)
{
	if (dm_begin_server(dmod, FAKE_DM_MAP_RANGE, domid, id))
		return -1;
	return dm_end(range_add(&world->server[id].ranges[io_range(is_mmio)], start, end));
}

int xendevicemodel_unmap_io_range_from_ioreq_server(xendevicemodel_handle *dmod, domid_t domid,
						    ioservid_t id, int is_mmio, uint64_t start,
						    uint64_t end)
{
	if (dm_begin_server(dmod, FAKE_DM_UNMAP_RANGE, domid, id))
		return -1;
	return dm_end(range_remove(&world->server[id].ranges[io_range(is_mmio)], start, end));
}

/* A PCI range on Arm is accepted by Xen and never matches. */
static int pcidev(xendevicemodel_handle *dmod, enum fake_call call, domid_t domid, ioservid_t id,
		  uint32_t sbdf)
{
	struct rangeset *set;

	if (dm_begin_server(dmod, call, domid, id))
		return -1;
	set = &world->server[id].ranges[FAKE_RANGE_PCI];
	if (world->platform == FAKE_ARM)
		world_violation("PCI range %#x on Arm never matches", sbdf);
	if (call == FAKE_DM_MAP_PCIDEV)
		return dm_end(range_add(set, sbdf, sbdf));
	return dm_end(range_remove(set, sbdf, sbdf));
}

static uint32_t sbdf_of(uint16_t segment, uint8_t bus, uint8_t device, uint8_t function)
{
	return (uint32_t)segment << 16 | (uint32_t)bus << 8 | (uint32_t)device << 3 | function;
}

int xendevicemodel_map_pcidev_to_ioreq_server(xendevicemodel_handle *dmod, domid_t domid,
					      ioservid_t id, uint16_t segment, uint8_t bus,
					      uint8_t device, uint8_t function)
{
	if (device > 31 || function > 7) {
		errno = EINVAL;
		return -1;
	}
	return pcidev(dmod, FAKE_DM_MAP_PCIDEV, domid, id, sbdf_of(segment, bus, device, function));
}

int xendevicemodel_unmap_pcidev_from_ioreq_server(xendevicemodel_handle *dmod, domid_t domid,
						  ioservid_t id, uint16_t segment, uint8_t bus,
						  uint8_t device, uint8_t function)
{
	if (device > 31 || function > 7) {
		errno = EINVAL;
		return -1;
	}
	return pcidev(dmod, FAKE_DM_UNMAP_PCIDEV, domid, id,
		      sbdf_of(segment, bus, device, function));
}

/* ---- interrupts ----------------------------------------------------------- */

int xendevicemodel_set_pci_intx_level(xendevicemodel_handle *dmod, domid_t domid, uint16_t segment,
				      uint8_t bus, uint8_t device, uint8_t intx, unsigned int level)
{
	if (dm_begin(dmod, FAKE_DM_INTX, domid))
		return -1;
	if (world->platform == FAKE_ARM)
		return dm_end(EOPNOTSUPP);
	if (segment || bus || device > 31 || intx > 3 || level > 1)
		return dm_end(EINVAL);
	if (world->platform == FAKE_PVH) /* no IOAPIC: Xen drops it */
		return dm_end(0);
	if (level && !world->intx[device][intx].level)
		world->intx[device][intx].raised++;
	world->intx[device][intx].level = level;
	futex_wake(&world->irq_seq);
	return dm_end(0);
}

int xendevicemodel_set_isa_irq_level(xendevicemodel_handle *dmod, domid_t domid, uint8_t irq,
				     unsigned int level)
{
	if (dm_begin(dmod, FAKE_DM_ISA, domid))
		return -1;
	if (world->platform == FAKE_ARM)
		return dm_end(EOPNOTSUPP);
	if (irq >= NR_ISA_IRQS || level > 1)
		return dm_end(EINVAL);
	if (world->platform == FAKE_PVH)
		world_violation("ISA interrupt %u of a PVH guest", irq);
	world->isa[irq] = level;
	futex_wake(&world->irq_seq);
	return dm_end(0);
}

int xendevicemodel_set_irq_level(xendevicemodel_handle *dmod, domid_t domid, unsigned int irq,
				 unsigned int level)
{
	if (dm_begin(dmod, FAKE_DM_IRQ, domid))
		return -1;
	if (world->platform != FAKE_ARM)
		return dm_end(EOPNOTSUPP);
	if (irq < 32 || irq >= NR_SPIS || level > 1)
		return dm_end(EINVAL);
	world->spi[irq].level = level;
	world->spi[irq].raised += level;
	futex_wake(&world->irq_seq);
	return dm_end(0);
}

/* Vector byte 0 means a pirq, which the address names; else Xen wants a real vector. */
static int msi_check(uint64_t addr, uint32_t data)
{
	uint32_t vector = data & 0xff, mode = data >> 8 & 7;
	uint32_t pirq = (uint32_t)(addr >> 32 & 0xffffff00) | (uint32_t)(addr >> 12 & 0xff);

	if (world->platform == FAKE_ARM)
		return EOPNOTSUPP;
	if (!vector)
		return world->platform == FAKE_HVM && pirq ? 0 : EINVAL;
	return vector < 16 || mode > 1 ? EINVAL : 0;
}

/* A guest that sends garbage may fill the table; what comes later is not told apart. */
static void msi_count(uint64_t addr, uint32_t data)
{
	unsigned int i;

	for (i = 0; i < world->nr_msi; i++)
		if (world->msi[i].addr == addr && world->msi[i].data == data)
			break;
	world->msi_total++;
	if (i == MAX_MSI)
		return;
	if (i == world->nr_msi)
		world->nr_msi++;
	world->msi[i].addr = addr;
	world->msi[i].data = data;
	world->msi[i].count++;
}

int xendevicemodel_inject_msi(xendevicemodel_handle *dmod, domid_t domid, uint64_t msi_addr,
			      uint32_t msi_data)
{
	int err;

	if (dm_begin(dmod, FAKE_DM_MSI, domid))
		return -1;
	err = msi_check(msi_addr, msi_data);
	if (!err) {
		msi_count(msi_addr, msi_data);
		futex_wake(&world->irq_seq);
	}
	return dm_end(err);
}

/* ---- dirty pages ---------------------------------------------------------- */

/* An extent that is empty, or goes beyond the guest's last page, is refused. */
static bool mark_modified(const struct xen_dm_op_modified_memory_extent *extent)
{
	uint64_t pfn = extent->first_pfn, end = pfn + extent->nr;

	if (extent->pad || end <= pfn || end > world->ram_pages)
		return false;
	world->pages_modified += extent->nr;
	for (; pfn < end; pfn++)
		world->modified[pfn / 8] |= (uint8_t)(1u << pfn % 8);
	return true;
}

/* Xen begins with the last extent; a bad one ends it. */
int xendevicemodel_modified_memory_bulk(xendevicemodel_handle *dmod, domid_t domid,
					struct xen_dm_op_modified_memory_extent extents[],
					uint32_t nr)
{
	if (dm_begin(dmod, FAKE_DM_MODIFIED, domid))
		return -1;
	if (nr > MAX_EXTENTS)
		return dm_end(E2BIG);
	if (world->platform == FAKE_ARM)
		return dm_end(EOPNOTSUPP);
	while (nr)
		if (!mark_modified(&extents[--nr]))
			return dm_end(EINVAL);
	return dm_end(0);
}

int xendevicemodel_modified_memory(xendevicemodel_handle *dmod, domid_t domid, uint64_t first_pfn,
				   uint32_t nr)
{
	struct xen_dm_op_modified_memory_extent extent = { .nr = nr, .first_pfn = first_pfn };

	return xendevicemodel_modified_memory_bulk(dmod, domid, &extent, 1);
}
