/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domain.c: the guest domain as a whole: its IOREQ servers and interrupts as a
 * test looks at them, its death, and what Xen and Linux clean up after a
 * process.
 */
#include <string.h>

#include "world.h"

#define WAIT_SLICE_MS 50

/* ---- servers ------------------------------------------------------------------ */

static bool is_daemons(const struct server *s)
{
	return s->used && s->proc >= 0;
}

unsigned int fake_servers(void)
{
	unsigned int s, n = 0;

	for (s = 0; s < FAKE_NR_SERVERS; s++)
		n += is_daemons(&world->server[s]);
	return n;
}

int fake_server_id(void)
{
	int s;

	for (s = FAKE_NR_SERVERS - 1; s >= 0 && !is_daemons(&world->server[s]); s--)
		;
	return s;
}

bool fake_server_enabled(unsigned int id)
{
	return world->server[id].used && world->server[id].enabled;
}

unsigned int fake_ranges(unsigned int id, enum fake_range type)
{
	return world->server[id].used ? world->server[id].ranges[type].nr : 0;
}

bool fake_claimed(enum fake_range type, uint64_t start, uint64_t end)
{
	bool claimed = false;
	unsigned int s;

	world_lock();
	for (s = 0; s < FAKE_NR_SERVERS; s++)
		claimed |= is_daemons(&world->server[s]) && world->server[s].enabled &&
			   range_contains(&world->server[s].ranges[type], start, end);
	world_unlock();
	return claimed;
}

/* ---- interrupts ----------------------------------------------------------------- */

uint32_t fake_irq_seq(void)
{
	return atomic_load(&world->irq_seq);
}

bool fake_irq_wait(uint32_t seq, unsigned int ms)
{
	uint64_t end = fake_now_ns() + ms * 1000000ull;

	while (fake_irq_seq() == seq && fake_now_ns() < end) {
		futex_wait(&world->irq_seq, seq, ms < WAIT_SLICE_MS ? ms : WAIT_SLICE_MS);
		if (fake_irq_seq() == seq)
			child_poll();
	}
	return fake_irq_seq() != seq;
}

unsigned int fake_msi_count(uint64_t addr, uint32_t data)
{
	unsigned int i, n = 0;

	world_lock();
	for (i = 0; i < world->nr_msi; i++)
		if (world->msi[i].addr == addr && world->msi[i].data == data)
			n = world->msi[i].count;
	world_unlock();
	return n;
}

unsigned int fake_msi_total(void)
{
	return world->msi_total;
}

bool fake_intx_level(unsigned int device, unsigned int pin)
{
	return world->intx[device][pin].level;
}

unsigned int fake_intx_raised(unsigned int device, unsigned int pin)
{
	return world->intx[device][pin].raised;
}

bool fake_isa_level(unsigned int irq)
{
	return world->isa[irq];
}

bool fake_spi_level(unsigned int irq)
{
	return world->spi[irq].level;
}

unsigned int fake_spi_raised(unsigned int irq)
{
	return world->spi[irq].raised;
}

bool fake_page_reported(uint64_t pfn)
{
	return pfn < MAX_PAGES && world->modified[pfn / 8] >> pfn % 8 & 1;
}

unsigned int fake_pages_modified(void)
{
	return world->pages_modified;
}

/* ---- death ------------------------------------------------------------------------ */

static void servers_destroy_all(void)
{
	unsigned int i;

	for (i = 0; i < FAKE_NR_SERVERS; i++)
		world->server[i].used = world->server[i].enabled = false;
	for (i = 0; i < NR_EPORTS; i++)
		evtchn_close_eport(i);
}

void fake_acpi(bool there)
{
	world->acpi = there;
}

void fake_domain_destroy(void)
{
	unsigned int v;

	world_lock();
	world->alive = false;
	servers_destroy_all();
	for (v = 0; v < world->nr_vcpus; v++)
		futex_wake(&world->vcpu[v].notified);
	world_unlock();
	fake_xs_rm("/local/domain/7");
	world_lock();
	xs_fire("@releaseDomain");
	world_unlock();
}

/* ---- what a process leaves ---------------------------------------------------------- */

static unsigned int ports_bound(int proc)
{
	unsigned int i, n = 0;

	for (i = 0; i < MAX_PORTS; i++)
		n += world->lport[i].used && world->handle[world->lport[i].handle].proc == proc;
	return n;
}

static void check_nothing_left(int proc)
{
	const struct pins *pins = &world->pins[proc];

	if (pins->grants)
		world_violation("%u granted pages still mapped at exit", pins->grants);
	if (pins->maps)
		world_violation("%u grant maps still open at exit", pins->maps);
	if (pins->foreign)
		world_violation("%u foreign pages still mapped at exit", pins->foreign);
	if (pins->resources)
		world_violation("%u ioreq pages still mapped at exit", pins->resources);
	if (ports_bound(proc))
		world_violation("%u event channels still bound at exit", ports_bound(proc));
}

static void check_no_server_left(int proc)
{
	unsigned int s;

	for (s = 0; s < FAKE_NR_SERVERS; s++)
		if (world->server[s].used && world->server[s].proc == proc)
			world_violation("ioreq server %u left behind at exit", s);
}

static void handles_close(int proc)
{
	unsigned int i;

	for (i = 0; i < MAX_HANDLES; i++)
		if (world->handle[i].used && world->handle[i].proc == proc)
			evtchn_forget_handle((int)i);
	for (i = 0; i < sizeof(world->watch) / sizeof(world->watch[0]); i++)
		if (!world->handle[world->watch[i].handle].used)
			world->watch[i].used = false;
}

void world_reap(int proc, bool clean)
{
	if (clean) {
		check_nothing_left(proc);
		check_no_server_left(proc);
	}
	handles_close(proc);
	memset(&world->pins[proc], 0, sizeof(world->pins[proc]));
}
