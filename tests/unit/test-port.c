/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-port.c: devices that come and go by a root port's slot, without a scan by hand: the
 * whole daemon, a guest that does what Linux's pciehp does, and xenvirtioctl.
 */
#include <check.h>
#include <linux/pci_regs.h>
#include <linux/virtio_blk.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "model.h"
#include "unit/unit.h"

#define PORT      "00:1c.0"
#define PORT_BDF  0xe0
#define PORT2_BDF 0xe8
#define BDF_IS    "bdf=00:1c.0"
#define BDF2_IS   "bdf=00:1d.0"
#define NULL2     "port=00:1d.0,null=1M"
#define BUS       1
#define SLOT_BDF  (BUS << 8)
#define NOTHING   0xffffffffu
#define WAIT_MS   5000
#define QUIET_MS  100

#define SLOT_CHANGES (PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC)

#define ON  PCI_EXP_SLTCTL_PWR_IND_ON
#define OFF PCI_EXP_SLTCTL_PWR_IND_OFF

/* A guest without interrupts by message has a bridge of ours, which has all of config space. */
static const struct kind {
	enum fake_platform platform;
	enum girq irq;
	char *bridge;
} kinds[] = {
	{ FAKE_PVH, GIRQ_MSIX, "give-up=0" },
	{ FAKE_ARM, GIRQ_INTX, "ecam=0x10000000,size=4M,mem=0xe0000000:512M" },
};

static const struct kind *kind;
static struct fake_child *child;
static struct gblk *blk, *blk2;
static struct gport port, port2;

static struct gblk *first_driver(void)
{
	const struct gblk_config config = { .bdf = MODEL_BDF,
					    .dma = GDMA_GRANTS,
					    .irq = kind->irq };

	return model_driver(&config);
}

static void begin_to_serve(void)
{
	child = fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--own-domid", "0",
				  "--bridge", kind->bridge, "--port", BDF_IS, "--port", BDF2_IS,
				  "--blk", model_disk(NULL));
}

static void serve(void)
{
	begin_to_serve();
	ck_assert_msg(fake_wait_log(child, "ready", WAIT_MS), "%s", fake_log(child));
}

/* The guest has found its devices, and nobody listens to the ports yet. */
static void start(int which)
{
	kind = &kinds[which];
	guest_boot(kind->platform, MODEL_VCPUS, MODEL_RAM);
	serve();
	blk = first_driver();
	ck_assert(gport_find(&port, PORT_BDF, BUS));
	ck_assert(gport_find(&port2, PORT2_BDF, BUS + 1));
}

static void start_listening(int which)
{
	start(which);
	gport_listen(&port, kind->irq);
	gport_listen(&port2, kind->irq);
}

static void teardown(void)
{
	blk = blk2 = NULL;
	model_teardown();
}

static void end(void)
{
	ck_assert(gblk_load(blk, 20, 4));
	ck_assert_int_eq(fake_terminate(child), 0);
}

static uint32_t id_of(uint16_t bdf)
{
	return (uint32_t)vcpu_config_read(0, bdf, PCI_VENDOR_ID, 4);
}

static char *in_slot(const char *which)
{
	static char text[256];

	snprintf(text, sizeof(text), "port=%s,%s", which, strstr(model_disk2(NULL), "path="));
	return text;
}

static struct gblk *slot_driver(enum gdma_kind dma)
{
	const struct gblk_config config = {
		.bdf = SLOT_BDF, .port = PORT_BDF, .dma = dma, .irq = kind->irq
	};

	return model_driver(&config);
}

/* Linux's side of it, and what is said to who asked. */
static void come(enum gdma_kind dma)
{
	ctl_begin("attach", "blk", in_slot(PORT));
	ck_assert_uint_eq(gport_events(&port, WAIT_MS), SLOT_CHANGES);
	ck_assert(gport_is_occupied(&port));
	gport_indicate(&port, PCI_EXP_SLTCTL_PWR_IND_BLINK);
	blk2 = slot_driver(dma);
	gport_indicate(&port, ON);
	ck_assert_msg(!ctl_end(), "%s", ctl_errors());
	ck_assert_str_eq(ctl_output(), "");
}

static void be_asked_to_let_go(void)
{
	ctl_begin("detach", PORT);
	ck_assert_uint_eq(gport_events(&port, WAIT_MS), PCI_EXP_SLTSTA_ABP);
	gport_indicate(&port, PCI_EXP_SLTCTL_PWR_IND_BLINK);
}

static void let_go(void)
{
	model_end_driver(blk2);
	blk2 = NULL;
	gport_indicate(&port, OFF);
}

static void see_it_gone(void)
{
	ck_assert_msg(!ctl_end(), "%s", ctl_errors());
	ck_assert_uint_eq(gport_events(&port, WAIT_MS), SLOT_CHANGES);
	ck_assert(!gport_is_occupied(&port));
	ck_assert_uint_eq(id_of(SLOT_BDF), NOTHING);
}

/* ---- the port ------------------------------------------------------------------------ */

START_TEST(the_guest_finds_a_port_with_an_empty_slot)
{
	uint32_t slot;

	start(_i);
	slot = gpci_read(&port.pci, port.express + PCI_EXP_SLTCAP, 4);
	ck_assert_uint_eq(port.pci.class_rev >> 8, 0x060400);
	ck_assert_uint_eq(slot >> 19, 0x1c);
	ck_assert_uint_eq(slot & 0x7f,
			  PCI_EXP_SLTCAP_HPC | PCI_EXP_SLTCAP_ABP | PCI_EXP_SLTCAP_PIP);
	ck_assert(slot & PCI_EXP_SLTCAP_NCCS);
	ck_assert(gpci_read(&port.pci, port.express + PCI_EXP_LNKCAP, 4) & PCI_EXP_LNKCAP_DLLLARC);
	ck_assert(!gport_is_occupied(&port));
	ck_assert_uint_eq(id_of(SLOT_BDF), NOTHING);
	end();
}
END_TEST

/* Linux writes ones to see whether they are there. */
START_TEST(there_is_no_window_for_ports_or_prefetchable_memory)
{
	start(_i);
	gpci_write(&port.pci, PCI_IO_BASE, 2, 0xe0f0);
	ck_assert_uint_eq(gpci_read(&port.pci, PCI_IO_BASE, 2), 0);
	gpci_write(&port.pci, PCI_PREF_MEMORY_BASE, 4, 0xffe0fff0);
	ck_assert_uint_eq(gpci_read(&port.pci, PCI_PREF_MEMORY_BASE, 4), 0);
	end();
}
END_TEST

/* ---- coming and going ---------------------------------------------------------------- */

START_TEST(a_disk_comes_and_goes_with_no_scan_by_hand)
{
	start_listening(_i);
	come(GDMA_GRANTS);
	ck_assert(gblk_load(blk2, 200, 16));
	ck_assert_int_eq(ctl("list"), 0);
	ck_assert_ptr_nonnull(strstr(ctl_output(), PORT "(blk, running)"));
	be_asked_to_let_go();
	ck_assert(gblk_load(blk2, 50, 8));
	ck_assert(!ctl_ended());
	let_go();
	see_it_gone();
	end();
}
END_TEST

START_TEST(twenty_rounds_under_load)
{
	int i;

	start_listening(_i);
	for (i = 0; i < 20; i++) {
		come(i % 2 ? GDMA_GRANTS : GDMA_PLAIN);
		ck_assert(gblk_load(blk2, 50, 16));
		ck_assert(gblk_load(blk, 50, 16));
		be_asked_to_let_go();
		let_go();
		see_it_gone();
	}
	end();
}
END_TEST

static bool may_stay(void)
{
	return strstr(fake_log(child), PORT " blk: stays");
}

START_TEST(who_asked_may_leave_and_the_button_is_pressed_again)
{
	start_listening(_i);
	come(GDMA_PLAIN);
	be_asked_to_let_go();
	ctl_kill();
	ck_assert_uint_eq(gport_events(&port, WAIT_MS), PCI_EXP_SLTSTA_ABP);
	gport_indicate(&port, ON);
	ck_assert(wait_for(may_stay()));
	ck_assert(gblk_load(blk2, 50, 8));
	be_asked_to_let_go();
	let_go();
	see_it_gone();
	end();
}
END_TEST

static bool was_asked(void)
{
	return strstr(fake_log(child), PORT " blk: is to be detached");
}

START_TEST(a_button_that_was_not_seen_yet_was_not_pressed)
{
	start_listening(_i);
	come(GDMA_PLAIN);
	ctl_begin("detach", PORT);
	ck_assert(wait_for(was_asked()));
	ctl_kill();
	ck_assert(wait_for(may_stay()));
	ck_assert_uint_eq(gport_events(&port, QUIET_MS), 0);
	end();
}
END_TEST

START_TEST(a_guest_that_has_let_go_by_itself_is_not_asked)
{
	start_listening(_i);
	come(GDMA_PLAIN);
	let_go();
	ck_assert(gport_is_occupied(&port));
	ck_assert_int_eq(ctl("detach", PORT), 0);
	ck_assert_uint_eq(gport_events(&port, WAIT_MS), SLOT_CHANGES);
	ck_assert_uint_eq(id_of(SLOT_BDF), NOTHING);
	end();
}
END_TEST

START_TEST(a_guest_that_keeps_it_keeps_it_until_its_driver_lets_go)
{
	start_listening(_i);
	come(GDMA_PLAIN);
	be_asked_to_let_go();
	gport_indicate(&port, ON);
	ck_assert(gblk_load(blk2, 50, 8));
	ck_assert(!ctl_ended());
	ck_assert_ptr_nonnull(strstr(fake_log(child), "the guest does not eject it"));
	model_end_driver(blk2);
	ck_assert_int_eq(ctl_end(), 0);
	end();
}
END_TEST

START_TEST(a_device_that_the_guest_cannot_use_is_there_and_that_is_said)
{
	start_listening(_i);
	ctl_begin("attach", "blk", in_slot(PORT));
	ck_assert_uint_ne(gport_events(&port, WAIT_MS), 0);
	gport_indicate(&port, PCI_EXP_SLTCTL_PWR_IND_BLINK);
	gport_indicate(&port, OFF);
	ck_assert_int_eq(ctl_end(), 0);
	ck_assert_ptr_nonnull(strstr(ctl_output(), "told by its port, but does not use it"));
	ck_assert(gport_is_occupied(&port));
	ck_assert_int_eq(ctl("detach", PORT), 0);
	end();
}
END_TEST

START_TEST(by_force_its_requests_fail_and_the_slot_waits_for_the_guest)
{
	char data[512];

	start_listening(_i);
	come(GDMA_PLAIN);
	ck_assert_int_eq(ctl("detach", "--force", PORT), 0);
	ck_assert_uint_eq(gport_events(&port, WAIT_MS), PCI_EXP_SLTSTA_ABP);
	ck_assert_uint_eq(gblk_read(blk2, 0, data, sizeof(data)), VIRTIO_BLK_S_IOERR);
	ck_assert(gport_is_occupied(&port));
	let_go();
	ck_assert_uint_eq(gport_events(&port, WAIT_MS), SLOT_CHANGES);
	ck_assert_uint_eq(id_of(SLOT_BDF), NOTHING);
	end();
}
END_TEST

/* ---- a guest that does not listen ------------------------------------------------------- */

START_TEST(without_a_driver_for_the_port_the_guest_finds_it_by_a_scan)
{
	start(_i);
	ck_assert_int_eq(ctl("attach", "blk", in_slot(PORT)), 0);
	ck_assert_ptr_nonnull(strstr(ctl_output(), "echo 1 > /sys/bus/pci/rescan"));
	blk2 = slot_driver(GDMA_PLAIN);
	ck_assert(gblk_load(blk2, 50, 8));
	model_end_driver(blk2);
	ck_assert_int_eq(ctl("detach", PORT), 0);
	ck_assert_uint_eq(id_of(SLOT_BDF), NOTHING);
	end();
}
END_TEST

/* It boots with the device in the slot: its driver finds the slot in use, and says nothing. */
START_TEST(who_listens_later_is_asked_to_let_go)
{
	start(_i);
	ck_assert_int_eq(ctl("attach", "blk", in_slot(PORT)), 0);
	blk2 = slot_driver(GDMA_PLAIN);
	gport_listen(&port, kind->irq);
	be_asked_to_let_go();
	let_go();
	see_it_gone();
	end();
}
END_TEST

/* ---- bus numbers ------------------------------------------------------------------------ */

START_TEST(the_device_is_where_the_guest_numbers_its_bus)
{
	uint32_t id;

	start(_i);
	ck_assert_int_eq(ctl("attach", "blk", in_slot(PORT)), 0);
	id = id_of(SLOT_BDF);
	ck_assert_uint_eq(id, 0x10421af4);
	gport_number(&port, 3);
	ck_assert_uint_eq(id_of(SLOT_BDF), NOTHING);
	ck_assert_uint_eq(id_of(3 << 8), id);
	ck_assert_uint_eq(id_of(3 << 8 | 1 << 3), NOTHING);
	gport_number(&port, 0);
	ck_assert_uint_eq(id_of(3 << 8), NOTHING);
	gport_number(&port, BUS);
	ck_assert_uint_eq(id_of(SLOT_BDF), id);
	end();
}
END_TEST

START_TEST(a_device_without_a_number_waits_for_one)
{
	start(_i);
	gport_number(&port, 0);
	ck_assert_int_eq(ctl("attach", "blk", in_slot(PORT)), 0);
	gport_number(&port, BUS);
	ck_assert_uint_eq(id_of(SLOT_BDF), 0x10421af4);
	end();
}
END_TEST

START_TEST(of_two_ports_with_one_number_the_guest_finds_what_was_first)
{
	start(_i);
	ck_assert_int_eq(ctl("attach", "blk", in_slot(PORT)), 0);
	ck_assert_int_eq(ctl("attach", "blk", NULL2), 0);
	gport_number(&port2, BUS);
	ck_assert_uint_eq(id_of(SLOT_BDF), 0x10421af4);
	gport_number(&port2, BUS + 1);
	ck_assert_uint_eq(id_of((BUS + 1) << 8), 0x10421af4);
	end();
}
END_TEST

/* PCI Express 3.0, 7.5.3: each function on a link has it. */
START_TEST(what_is_in_a_slot_is_at_the_end_of_its_link)
{
	unsigned express, flags;

	start_listening(_i);
	come(GDMA_PLAIN);
	express = gpci_find_cap(&blk2->v.pci, PCI_CAP_ID_EXP, 0);
	ck_assert_uint_ne(express, 0);
	flags = gpci_read(&blk2->v.pci, express + PCI_EXP_FLAGS, 2);
	ck_assert_uint_eq((flags & PCI_EXP_FLAGS_TYPE) >> 4, PCI_EXP_TYPE_ENDPOINT);
	ck_assert_uint_eq(gpci_find_cap(&blk->v.pci, PCI_CAP_ID_EXP, 0), 0);
	end();
}
END_TEST

/* ---- the wire ----------------------------------------------------------------------------- */

#define SLOT_SPI (32 + (PORT_BDF >> 3))
#define PORT_SPI (SLOT_SPI - 16)

/* Linux unbinds the device in a handler of the port's interrupt, and waits for those of the
 * device's to end. */
START_TEST(a_device_in_the_slot_and_its_port_have_a_wire_each)
{
	unsigned raised;

	start_listening(1);
	come(GDMA_GRANTS);
	raised = fake_spi_raised(PORT_SPI);
	ck_assert_uint_ge(raised, 1);
	ck_assert(gblk_load(blk2, 50, 8));
	ck_assert_uint_ge(fake_spi_raised(SLOT_SPI), 1);
	ck_assert_uint_eq(fake_spi_raised(PORT_SPI), raised);
	ck_assert_uint_eq(fake_spi_raised(32), 0);
	end();
}
END_TEST

/* By the wire pciehp looks once: what comes in between needs another rise. */
START_TEST(an_event_that_is_left_raises_the_wire_again)
{
	unsigned raised;

	start_listening(1);
	come(GDMA_PLAIN);
	gport_indicate(&port, OFF);
	ck_assert_int_eq(ctl("detach", PORT), 0);
	raised = fake_spi_raised(PORT_SPI);
	gpci_write(&port.pci, port.express + PCI_EXP_SLTSTA, 2, PCI_EXP_SLTSTA_PDC);
	ck_assert_uint_eq(fake_spi_raised(PORT_SPI), raised + 1);
	ck_assert_uint_eq(gport_events(&port, WAIT_MS), PCI_EXP_SLTSTA_DLLSC);
	ck_assert_uint_eq(fake_spi_raised(PORT_SPI), raised + 1);
	end();
}
END_TEST

/* ---- after the process -------------------------------------------------------------------- */

START_TEST(a_port_outlives_the_process_as_the_guest_left_it)
{
	start_listening(_i);
	fake_kill9(child);
	serve();
	ck_assert_uint_eq(gpci_read(&port.pci, PCI_SECONDARY_BUS, 1), BUS);
	blk = first_driver();
	come(GDMA_PLAIN);
	ck_assert(gblk_load(blk2, 50, 8));
	end();
}
END_TEST

static void die(void)
{
	fake_kill9(child);
	serve();
}

/* The device in the slot, which it has been in all the time. */
static void check_it_is_there(void)
{
	ck_assert_uint_eq(gport_events(&port, QUIET_MS), 0);
	ck_assert(gport_is_occupied(&port));
	ck_assert_uint_eq(id_of(SLOT_BDF), 0x10421af4);
	ck_assert(gblk_load(blk2, 50, 8));
	ck_assert(gblk_load(blk, 50, 8));
}

static void go_and_come(void)
{
	be_asked_to_let_go();
	let_go();
	see_it_gone();
	come(GDMA_GRANTS);
	ck_assert(gblk_load(blk2, 50, 8));
}

START_TEST(a_device_in_a_slot_is_there_after_a_death)
{
	int i;

	start_listening(_i);
	come(_i ? GDMA_PLAIN : GDMA_GRANTS);
	for (i = 0; i < 3; i++) {
		die();
		check_it_is_there();
	}
	go_and_come();
	die();
	check_it_is_there();
	end();
}
END_TEST

/* What a start claims for a bridge, two ports and two devices. */
static const struct {
	int kind;
	enum fake_call call;
	unsigned nth;
} early_deaths[] = {
	{ 0, FAKE_DM_MAP_PCIDEV, 1 }, { 0, FAKE_DM_MAP_PCIDEV, 2 }, { 0, FAKE_DM_MAP_PCIDEV, 3 },
	{ 0, FAKE_DM_MAP_PCIDEV, 4 }, { 0, FAKE_DM_MAP_PCIDEV, 5 }, { 1, FAKE_DM_MAP_RANGE, 1 },
	{ 1, FAKE_DM_MAP_RANGE, 2 },
};

START_TEST(a_death_at_the_start_changes_nothing_for_it)
{
	start_listening(early_deaths[_i].kind);
	come(GDMA_GRANTS);
	fake_kill9(child);
	fake_die(early_deaths[_i].call, early_deaths[_i].nth);
	begin_to_serve();
	ck_assert_int_eq(fake_wait_exit(child, WAIT_MS), 128 + SIGKILL);
	serve();
	check_it_is_there();
	go_and_come();
	end();
}
END_TEST

START_TEST(a_death_does_not_lose_the_number_of_its_bus)
{
	start_listening(_i);
	come(GDMA_PLAIN);
	gport_number(&port, 3);
	die();
	ck_assert_uint_eq(id_of(SLOT_BDF), NOTHING);
	ck_assert_uint_eq(id_of(3 << 8), 0x10421af4);
	gport_number(&port, BUS);
	check_it_is_there();
	end();
}
END_TEST

/* PCI Express 3.0, 7.8.4: what the guest has set there is at the end of the link, too. */
START_TEST(a_death_does_not_lose_what_the_guest_has_set_in_it)
{
	const struct gpci *pci;
	unsigned control;

	start_listening(_i);
	come(GDMA_PLAIN);
	pci = &blk2->v.pci;
	control = gpci_find_cap(pci, PCI_CAP_ID_EXP, 0) + PCI_EXP_DEVCTL;
	gpci_write(pci, control, 2, PCI_EXP_DEVCTL_READRQ_1024B);
	die();
	ck_assert_uint_eq(gpci_read(pci, control, 2), PCI_EXP_DEVCTL_READRQ_1024B);
	check_it_is_there();
	end();
}
END_TEST

/* By which the function and the news of it get to the guest. On Arm the bridge has the place. */
static const struct {
	int kind;
	enum fake_call call;
} deaths[] = {
	{ 0, FAKE_DM_MAP_PCIDEV },
	{ 0, FAKE_DM_MSI },
	{ 1, FAKE_DM_IRQ },
};

START_TEST(a_death_during_an_attach_does_not_keep_it_from_the_guest)
{
	start_listening(deaths[_i].kind);
	fake_die(deaths[_i].call, 1);
	ctl_begin("attach", "blk", in_slot(PORT));
	ck_assert_int_eq(fake_wait_exit(child, WAIT_MS), 128 + SIGKILL);
	ck_assert_int_eq(ctl_end(), 1);
	serve();
	ck_assert_uint_eq(gport_events(&port, WAIT_MS), SLOT_CHANGES);
	gport_indicate(&port, PCI_EXP_SLTCTL_PWR_IND_BLINK);
	blk2 = slot_driver(GDMA_GRANTS);
	gport_indicate(&port, ON);
	check_it_is_there();
	go_and_come();
	end();
}
END_TEST

START_TEST(a_death_after_the_news_was_seen_tells_nothing_twice)
{
	start_listening(_i);
	ctl_begin("attach", "blk", in_slot(PORT));
	ck_assert_uint_eq(gport_events(&port, WAIT_MS), SLOT_CHANGES);
	gport_indicate(&port, PCI_EXP_SLTCTL_PWR_IND_BLINK);
	die();
	ck_assert_int_eq(ctl_end(), 1);
	blk2 = slot_driver(GDMA_GRANTS);
	gport_indicate(&port, ON);
	check_it_is_there();
	go_and_come();
	end();
}
END_TEST

/* The guest goes on by itself, and then there is no need to ask it. */
START_TEST(a_detach_that_death_has_ended_can_be_repeated)
{
	start_listening(_i);
	come(GDMA_GRANTS);
	be_asked_to_let_go();
	die();
	ck_assert_int_eq(ctl_end(), 1);
	check_it_is_there();
	let_go();
	ck_assert_int_eq(ctl("detach", PORT), 0);
	ck_assert_uint_eq(gport_events(&port, WAIT_MS), SLOT_CHANGES);
	ck_assert(!gport_is_occupied(&port));
	come(GDMA_GRANTS);
	end();
}
END_TEST

/* Linux: who presses once more within five seconds has changed his mind. */
START_TEST(a_detach_that_is_repeated_at_once_is_no_change_of_mind)
{
	start_listening(_i);
	come(GDMA_GRANTS);
	be_asked_to_let_go();
	die();
	ck_assert_int_eq(ctl_end(), 1);
	ctl_begin("detach", PORT);
	ck_assert_uint_eq(gport_events(&port, QUIET_MS), 0);
	let_go();
	see_it_gone();
	end();
}
END_TEST

START_TEST(a_guest_that_kept_it_is_asked_once_more)
{
	start_listening(_i);
	come(GDMA_GRANTS);
	be_asked_to_let_go();
	die();
	ck_assert_int_eq(ctl_end(), 1);
	ctl_begin("detach", PORT);
	ck_assert(wait_for(was_asked()));
	gport_indicate(&port, ON);
	ck_assert_uint_eq(gport_events(&port, WAIT_MS), PCI_EXP_SLTSTA_ABP);
	let_go();
	see_it_gone();
	end();
}
END_TEST

START_TEST(a_button_that_was_not_seen_before_a_death_was_not_pressed)
{
	start_listening(_i);
	come(GDMA_GRANTS);
	ctl_begin("detach", PORT);
	ck_assert(wait_for(was_asked()));
	die();
	ck_assert_int_eq(ctl_end(), 1);
	check_it_is_there();
	go_and_come();
	end();
}
END_TEST

START_TEST(a_port_that_is_no_more_takes_its_device_along)
{
	start(0);
	gport_listen(&port, kind->irq);
	come(GDMA_PLAIN);
	ck_assert_int_eq(ctl("attach", "blk", NULL2), 0);
	fake_kill9(child);
	child = fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--own-domid", "0", "--bridge",
			   kind->bridge, "--port", BDF_IS, "--blk", model_disk(NULL));
	ck_assert_ptr_nonnull(strstr(fake_log(child), "00:1d.0: it is served neither"));
	check_it_is_there();
	end();
}
END_TEST

static void lose_record(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/" FAKE_DOMAIN ".attached", getenv("RUNTIME_DIRECTORY"));
	ck_assert_int_eq(unlink(path), 0);
}

START_TEST(what_was_in_a_slot_and_is_lost_is_not_replaced)
{
	start_listening(_i);
	come(GDMA_PLAIN);
	lose_record();
	die();
	die();
	ck_assert_uint_eq(gport_events(&port, QUIET_MS), 0);
	ck_assert_int_eq(ctl("attach", "blk", in_slot(PORT)), 1);
	ck_assert_ptr_nonnull(strstr(ctl_errors(), "until it boots again"));
	gblk_forget(blk2);
	end();
}
END_TEST

/* ---- what is refused ------------------------------------------------------------------------ */

static const struct {
	char *options, *why;
} wrong[] = {
	{ "port=00:1b.0,null=1M", "00:1b.0: there is no such port" },
	{ "bdf=00:1c.0,null=1M", "there is a port: give port= instead of bdf=" },
	{ "bdf=00:07.0,port=00:1c.0,null=1M", "either bdf= or port= is given" },
	{ "null=1M", "\"bdf=\" is missing" },
	{ "port=01:00.0,null=1M", "must be from 00:01.0" },
	{ "port=00:1d.0,null=1M", "there is a device already" },
};

START_TEST(what_cannot_be_in_a_slot_is_said_in_one_line)
{
	start(0);
	ck_assert_int_eq(ctl("attach", "blk", NULL2), 0);
	ck_assert_int_eq(ctl("attach", "blk", wrong[_i].options), 1);
	ck_assert_msg(strstr(ctl_errors(), wrong[_i].why) != NULL, "%s", ctl_errors());
	ck_assert_uint_eq(count_lines(ctl_errors()), 1);
	end();
}
END_TEST

static const struct {
	char *flags[4], *why;
} usage[] = {
	{ { "--port", "bdf=00:1c.0", "--blk", "bdf=00:1c.0,null=1M" },
	  "is given to a device, too" },
	{ { "--port", "bdf=00:1c.0", "--port", "bdf=00:1c.0" }, "is given to two ports" },
	{ { "--port", "bdf=00:1c.0", "--bridge", "expect=00:1c.0" }, "is given to a device, too" },
	{ { "--port", "bdf=01:00.0" }, "must be from 00:01.0 to 00:1f.0" },
	{ { "--port", "slot=3" }, "slot" },
	{ { "--blk", "port=00:1c.0,null=1M" }, "attached to a running guest" },
};

START_TEST(what_contradicts_itself_on_the_command_line_is_said)
{
	char *const *f = usage[_i].flags;

	guest_boot(FAKE_PVH, MODEL_VCPUS, MODEL_RAM);
	child = fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, f[0], f[1], f[2], f[3]);
	ck_assert_int_eq(fake_wait_exit(child, 10000), 2);
	ck_assert_msg(strstr(fake_log(child), usage[_i].why) != NULL, "%s", fake_log(child));
	ck_assert_uint_eq(count_lines(fake_log(child)), 1);
}
END_TEST

START_TEST(an_hvm_guest_cannot_have_a_port)
{
	guest_boot(FAKE_HVM, MODEL_VCPUS, MODEL_RAM);
	child = fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--port", BDF_IS);
	ck_assert_int_eq(fake_wait_exit(child, 10000), 1);
	ck_assert_msg(strstr(fake_log(child), "an HVM guest cannot have one") != NULL, "%s",
		      fake_log(child));
	ck_assert_uint_eq(fake_servers(), 0);
}
END_TEST

#define EACH(test) TIMES(test, ARRAY_SIZE(kinds))

int main(void)
{
	const struct unit_test tests[] = {
		EACH(the_guest_finds_a_port_with_an_empty_slot),
		EACH(there_is_no_window_for_ports_or_prefetchable_memory),
		EACH(a_disk_comes_and_goes_with_no_scan_by_hand),
		EACH(twenty_rounds_under_load),
		EACH(who_asked_may_leave_and_the_button_is_pressed_again),
		EACH(a_button_that_was_not_seen_yet_was_not_pressed),
		EACH(a_guest_that_has_let_go_by_itself_is_not_asked),
		EACH(a_guest_that_keeps_it_keeps_it_until_its_driver_lets_go),
		EACH(a_device_that_the_guest_cannot_use_is_there_and_that_is_said),
		EACH(by_force_its_requests_fail_and_the_slot_waits_for_the_guest),
		EACH(without_a_driver_for_the_port_the_guest_finds_it_by_a_scan),
		EACH(who_listens_later_is_asked_to_let_go),
		EACH(the_device_is_where_the_guest_numbers_its_bus),
		EACH(a_device_without_a_number_waits_for_one),
		EACH(of_two_ports_with_one_number_the_guest_finds_what_was_first),
		EACH(what_is_in_a_slot_is_at_the_end_of_its_link),
		ONCE(a_device_in_the_slot_and_its_port_have_a_wire_each),
		ONCE(an_event_that_is_left_raises_the_wire_again),
		EACH(a_port_outlives_the_process_as_the_guest_left_it),
		EACH(a_device_in_a_slot_is_there_after_a_death),
		TIMES(a_death_at_the_start_changes_nothing_for_it, ARRAY_SIZE(early_deaths)),
		EACH(a_death_does_not_lose_the_number_of_its_bus),
		EACH(a_death_does_not_lose_what_the_guest_has_set_in_it),
		TIMES(a_death_during_an_attach_does_not_keep_it_from_the_guest, ARRAY_SIZE(deaths)),
		EACH(a_death_after_the_news_was_seen_tells_nothing_twice),
		EACH(a_detach_that_death_has_ended_can_be_repeated),
		EACH(a_detach_that_is_repeated_at_once_is_no_change_of_mind),
		EACH(a_guest_that_kept_it_is_asked_once_more),
		EACH(a_button_that_was_not_seen_before_a_death_was_not_pressed),
		ONCE(a_port_that_is_no_more_takes_its_device_along),
		EACH(what_was_in_a_slot_and_is_lost_is_not_replaced),
		TIMES(what_cannot_be_in_a_slot_is_said_in_one_line, ARRAY_SIZE(wrong)),
		ONCE(an_hvm_guest_cannot_have_a_port),
		TIMES(what_contradicts_itself_on_the_command_line_is_said, ARRAY_SIZE(usage)),
	};

	return unit_main("port", model_setup, teardown, tests, ARRAY_SIZE(tests));
}
