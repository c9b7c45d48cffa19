/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-bridge.c: the host bridge, in a daemon of its own and beside devices: what
 * a guest finds where nobody else answers, and how long it waits for whom.
 */
#include <check.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "unit/unit.h"

#define BRIDGE     0x0000u
#define BRIDGE_ID  0x00081b36u
#define RETRY      0xffff0001u
#define NOTHING    0xffffffffu
#define NO_DOMID   0xffffffffu
#define OWN_DOMID  "2"
#define MEM_WINDOW 0x23000000ull

static struct fake_child *bridge_with(const char *options)
{
	return fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--name", "bridge",
			  "--own-domid", OWN_DOMID, "--bridge", options);
}

static struct fake_child *start_bridge(enum fake_platform platform, const char *options)
{
	guest_boot(platform, MODEL_VCPUS, MODEL_RAM);
	return bridge_with(options);
}

static uint32_t id_of(uint16_t bdf)
{
	return (uint32_t)vcpu_config_read(0, bdf, PCI_VENDOR_ID, 4);
}

/* ---- what there is ---------------------------------------------------------------- */

static const struct place {
	enum fake_platform platform;
	const char *options;
} places[] = {
	{ FAKE_ARM,
	  "ecam=0x10000000,mem=0xf0000000:64M,give-up=60,expect=00:06.0@3,expect=00:09.0" },
	{ FAKE_PVH, "give-up=60,expect=00:06.0@3,expect=00:09.0" },
};

START_TEST(the_guest_finds_a_host_bridge)
{
	start_bridge(places[_i].platform, places[_i].options);
	ck_assert_uint_eq(id_of(BRIDGE), BRIDGE_ID);
	ck_assert_uint_eq(vcpu_config_read(0, BRIDGE, PCI_CLASS_DEVICE, 2), 0x0600);
	ck_assert_uint_eq(vcpu_config_read(0, BRIDGE, PCI_HEADER_TYPE, 1), 0);
	ck_assert_uint_eq(vcpu_config_read(0, BRIDGE, PCI_INTERRUPT_PIN, 1), 0);
}
END_TEST

/* An access that nobody claims would be an abort, which the fake takes note of. */
START_TEST(nothing_in_the_windows_aborts)
{
	unsigned devfn;

	start_bridge(FAKE_ARM, "ecam=0x10000000");
	for (devfn = 1; devfn < 256; devfn++)
		ck_assert_uint_eq(id_of((uint16_t)devfn), NOTHING);
	vcpu_config_write(0, 0x08, PCI_COMMAND, 2, 6);
	ck_assert_uint_eq(vcpu_config_read(0, 0x08, 0x100, 4), NOTHING);
	ck_assert_uint_eq(vcpu_mmio_read(0, MEM_WINDOW, 4), NOTHING);
	ck_assert_uint_eq(vcpu_mmio_read(0, MEM_WINDOW + 0xfffff8, 8), UINT64_MAX);
	vcpu_mmio_write(0, MEM_WINDOW + 0x1000, 4, 0);
}
END_TEST

START_TEST(windows_are_where_they_are_wanted)
{
	start_bridge(FAKE_ARM, "ecam=0x10000000,size=2M,mem=0x30000000:64K,mem=0x40000000:1M");
	ck_assert_uint_eq(id_of(0x1ff), NOTHING);
	ck_assert_uint_eq(vcpu_mmio_read(0, 0x3000fffc, 4), NOTHING);
	ck_assert_uint_eq(vcpu_mmio_read(0, 0x400ffffc, 4), NOTHING);
	vcpu_mmio_read(0, MEM_WINDOW, 4);
	ck_assert(fake_expect_violation("data abort"));
	vcpu_mmio_read(0, 0x10200000, 4);
	ck_assert(fake_expect_violation("data abort"));
}
END_TEST

/* arch/x86/pci/direct.c: pci_check_type1() */
static void look_for_mechanism_1(void)
{
	vcpu_pio_write(0, 0xcfb, 1, 1);
	vcpu_pio_write(0, 0xcf8, 4, 0x80000000);
	ck_assert_uint_eq(vcpu_pio_read(0, 0xcf8, 4), 0x80000000);
}

/* arch/x86/kernel/tsc.c: quick_pit_calibrate(), which looks up to 50000 times. */
static void look_at_timer(void)
{
	unsigned looks = 0;

	vcpu_pio_write(0, 0x61, 1, 1);
	vcpu_pio_write(0, 0x43, 1, 0xb0);
	vcpu_pio_write(0, 0x42, 1, 0xff);
	vcpu_pio_write(0, 0x42, 1, 0xff);
	do
		vcpu_pio_read(0, 0x42, 1);
	while (vcpu_pio_read(0, 0x42, 1) == 0xff && ++looks < 5);
	ck_assert_uint_eq(looks, 0);
}

static void look_for_events(void)
{
	unsigned port;

	for (port = 0xafe0; port <= 0xafe3; port++) {
		vcpu_pio_write(0, (uint16_t)port, 1, 0xff);
		ck_assert_uint_eq(vcpu_pio_read(0, (uint16_t)port, 1), 0);
	}
}

START_TEST(linux_recognizes_the_ports_of_configuration_mechanism_1)
{
	start_bridge(FAKE_PVH, "give-up=0");
	look_for_mechanism_1();
	ck_assert_uint_eq(vcpu_pio_read(0, 0xcfc, 2), 0xffff);
}
END_TEST

START_TEST(linux_sees_at_its_first_look_that_the_timer_is_of_no_use)
{
	start_bridge(FAKE_PVH, "give-up=0");
	look_at_timer();
}
END_TEST

START_TEST(no_acpi_event_has_happened)
{
	start_bridge(FAKE_PVH, "give-up=0");
	look_for_events();
}
END_TEST

START_TEST(accesses_to_ports_are_answered_whatever_their_size)
{
	static const uint16_t ports[] = { 0x42, 0xafe0, 0xafe3, 0xcf8, 0xcf9, 0xcfb };
	unsigned i, size;

	start_bridge(FAKE_PVH, "give-up=0");
	for (i = 0; i < ARRAY_SIZE(ports); i++)
		for (size = 1; size <= 4; size *= 2) {
			vcpu_pio_write(0, ports[i], size, 0x11);
			vcpu_pio_read(0, ports[i], size);
		}
	vcpu_pio_write(0, 0xcf8, 4, 0x80003000);
	vcpu_pio_write(0, 0xcf8, 2, 0x5555);
	ck_assert_uint_eq(vcpu_pio_read(0, 0xcf8, 4), 0x80003000);
	ck_assert_uint_eq(vcpu_pio_read(0, 0xcf8, 1), 0xff);
	ck_assert_uint_eq(vcpu_pio_read(0, 0x40, 1), 0xff);
}
END_TEST

/* ---- waiting ------------------------------------------------------------------------ */

START_TEST(an_expected_function_reads_try_again)
{
	start_bridge(places[_i].platform, places[_i].options);
	ck_assert_uint_eq(id_of(MODEL_BDF), RETRY);
	ck_assert_uint_eq(id_of(0x48), RETRY);
	ck_assert_uint_eq(id_of(MODEL_BDF2), NOTHING);
}
END_TEST

START_TEST(firmware_that_reads_16_bits_finds_nothing_yet)
{
	start_bridge(places[_i].platform, places[_i].options);
	ck_assert_uint_eq(vcpu_config_read(0, MODEL_BDF, PCI_VENDOR_ID, 2), 0xffff);
	ck_assert_uint_eq(vcpu_config_read(0, MODEL_BDF, PCI_DEVICE_ID, 2), 0xffff);
	ck_assert_uint_eq(vcpu_config_read(0, MODEL_BDF, PCI_CLASS_REVISION, 4), NOTHING);
}
END_TEST

START_TEST(after_the_deadline_there_is_nothing)
{
	struct fake_child *child =
		start_bridge(FAKE_ARM, "ecam=0x10000000,give-up=1,expect=00:06.0,expect=00:07.0");
	uint64_t end = fake_now_ns() + 5000000000ull;

	ck_assert_uint_eq(id_of(MODEL_BDF), RETRY);
	while (id_of(MODEL_BDF) == RETRY && fake_now_ns() < end)
		;
	ck_assert_uint_eq(id_of(MODEL_BDF), NOTHING);
	ck_assert_uint_eq(id_of(MODEL_BDF2), NOTHING); /* its time is over, too */
	ck_assert(fake_wait_log(child, "00:07.0, of domain 2: has not come in time", 1000));
}
END_TEST

START_TEST(who_is_waited_for_is_said_once)
{
	struct fake_child *child = start_bridge(places[_i].platform, places[_i].options);
	const char *line;
	unsigned i;

	for (i = 0; i < 20; i++)
		id_of(MODEL_BDF);
	ck_assert(fake_wait_log(child, "00:06.0, of domain 3: not there yet", 1000));
	line = strstr(fake_log(child), "not there yet");
	ck_assert_ptr_null(strstr(line + 1, "not there yet"));
}
END_TEST

/* ---- with others --------------------------------------------------------------------- */

START_TEST(a_daemon_that_comes_later_takes_its_function)
{
	bool arm = places[_i].platform == FAKE_ARM;
	const struct gblk_config config = { .bdf = MODEL_BDF,
					    .dma = GDMA_GRANTS,
					    .irq = arm ? GIRQ_INTX : GIRQ_MSIX };
	struct fake_child *disk;
	struct gblk *blk;
	uint64_t bar;

	start_bridge(places[_i].platform, places[_i].options);
	ck_assert_uint_eq(id_of(MODEL_BDF), RETRY);
	disk = model_again(model_disk(NULL));
	blk = model_driver(&config);
	ck_assert(gblk_load(blk, 100, 16));
	bar = blk->v.pci.bar[0].base;
	ck_assert_int_eq(fake_terminate(disk), 0);
	ck_assert_uint_eq(id_of(MODEL_BDF), RETRY);
	ck_assert_uint_eq(vcpu_mmio_read(0, bar, 4), NOTHING); /* and is no abort */
}
END_TEST

START_TEST(the_bridge_may_serve_devices_itself)
{
	const struct gblk_config config = { .bdf = MODEL_BDF, .irq = GIRQ_INTX };
	struct fake_child *child;
	struct gblk *blk;

	guest_boot(FAKE_ARM, MODEL_VCPUS, MODEL_RAM);
	child = fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--bridge",
			   "ecam=0x10000000,mem=0xf0000000:64M,expect=00:09.0", "--blk",
			   model_disk(NULL));
	blk = model_driver(&config);
	ck_assert(gblk_load(blk, 100, 16));
	ck_assert_uint_eq(fake_servers(), 1);
	ck_assert_uint_eq(id_of(0x48), RETRY);
	ck_assert_uint_eq(vcpu_mmio_read(0, 0xf0000000, 4), NOTHING);
	gpci_enable(&blk->v.pci, false);
	ck_assert_uint_eq(vcpu_mmio_read(0, blk->v.pci.bar[0].base, 4), NOTHING);
	ck_assert_int_eq(fake_terminate(child), 0);
}
END_TEST

/* Linux's accesses to config space are pairs: where, what. Each may be another process's. */
START_TEST(the_address_written_to_a_killed_bridge_is_read_from_the_next)
{
	struct fake_child *child = start_bridge(FAKE_PVH, "give-up=0");

	vcpu_pio_write(0, 0xcf8, 4, 0x80003040);
	fake_kill9(child);
	child = bridge_with("give-up=0");
	ck_assert_uint_eq(vcpu_pio_read(0, 0xcf8, 4), 0x80003040);
	ck_assert_int_eq(fake_terminate(child), 0);
	bridge_with("give-up=0");
	ck_assert_uint_eq(vcpu_pio_read(0, 0xcf8, 4), 0);
}
END_TEST

START_TEST(a_killed_bridge_is_taken_over)
{
	struct fake_child *child = start_bridge(places[_i].platform, places[_i].options);
	struct fake_io io = fake_config_io(MODEL_BDF, PCI_VENDOR_ID, 4, true, 0);

	vcpu_config_write(0, BRIDGE, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	model_again(model_disk(NULL));
	fake_kill9(child);
	io.addr += places[_i].platform == FAKE_ARM ? 0x3000 : 0x300000000ull; /* 00:06.3 */
	bridge_with(places[_i].options);
	ck_assert_uint_eq(fake_servers(), 2);
	ck_assert_uint_eq(id_of(BRIDGE), BRIDGE_ID);
	ck_assert_uint_eq(vcpu_config_read(0, BRIDGE, PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(id_of(MODEL_BDF) & 0xffff, 0x1af4);
	ck_assert_uint_eq(vcpu_io(0, &io).data, NOTHING);
	if (places[_i].platform == FAKE_PVH) {
		look_for_mechanism_1();
		look_at_timer();
		look_for_events();
	}
}
END_TEST

START_TEST(a_bridge_that_is_not_the_first_server_is_refused)
{
	struct fake_child *child;

	if (_i)
		guest_boot(FAKE_HVM, MODEL_VCPUS, MODEL_RAM); /* QEMU is first */
	else
		model_start(FAKE_ARM, model_disk(NULL));
	child = fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--name", "bridge",
				  "--bridge", _i ? "give-up=1" : "ecam=0x10000000");
	ck_assert_int_eq(fake_wait_exit(child, 5000), 1);
	ck_assert(fake_wait_log(child, "has to be the domain's first IOREQ server", 1000));
	ck_assert_uint_eq(fake_servers(), _i ? 0 : 1);
}
END_TEST

/* ---- backends' domains ----------------------------------------------------------------- */

/* Offset of what follows the header of the capability, or 0. */
static unsigned xen_capability(const struct gpci *pci)
{
	unsigned at = 0;

	while ((at = gpci_find_cap(pci, PCI_CAP_ID_VNDR, at)))
		if (gpci_read(pci, at + 3, 1) == 9 && gpci_read(pci, at + 4, 2) == 0x5853 &&
		    gpci_read(pci, at + 6, 2) == 1)
			return at + 8;
	return 0;
}

static uint32_t domid_of(const struct gpci *bridge, uint32_t bdf)
{
	unsigned at = xen_capability(bridge);

	ck_assert_uint_ne(at, 0);
	gpci_write(bridge, at, 4, bdf);
	return gpci_read(bridge, at + 4, 4);
}

START_TEST(the_bridge_names_the_domain_of_each_backend)
{
	struct gpci bridge = { .bdf = BRIDGE };
	unsigned at;

	start_bridge(places[_i].platform, places[_i].options);
	ck_assert_uint_eq(domid_of(&bridge, MODEL_BDF), 3);
	ck_assert_uint_eq(domid_of(&bridge, 0x48), 2); /* the bridge's own */
	ck_assert_uint_eq(domid_of(&bridge, MODEL_BDF2), NO_DOMID);
	ck_assert_uint_eq(domid_of(&bridge, 0x10000 | MODEL_BDF), NO_DOMID);
	domid_of(&bridge, MODEL_BDF);
	at = xen_capability(&bridge) + 4;
	ck_assert_uint_eq(gpci_read(&bridge, at, 2), 3);
	ck_assert_uint_eq(gpci_read(&bridge, at + 1, 1), 0);
	gpci_write(&bridge, at, 4, 7);
	ck_assert_uint_eq(gpci_read(&bridge, at, 4), 3);
}
END_TEST

START_TEST(a_function_names_the_domain_of_its_backend)
{
	static const uint32_t unknown = 0x7ff4;
	struct fake_child *child;
	struct gpci pci;
	unsigned at;

	guest_boot(FAKE_PVH, MODEL_VCPUS, MODEL_RAM);
	if (_i)
		child = fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--own-domid", "5",
				   "--blk", model_disk(NULL));
	else
		child = fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--blk",
				   model_disk(NULL));
	ck_assert_int_eq(!strstr(fake_log(child), "give --own-domid"), _i);
	ck_assert(gpci_linux(&pci, 0, MODEL_BDF, 0));
	at = xen_capability(&pci);
	ck_assert_uint_ne(at, 0);
	ck_assert_uint_eq(gpci_read(&pci, at, 4), _i ? 5 : unknown);
}
END_TEST

/* ---- what is refused --------------------------------------------------------------------- */

static const struct refused {
	const char *options, *why;
} refused[] = {
	{ "ecam=0x10000000,expect=00:00.0", "not a function from 00:01.0 on" },
	{ "ecam=0x10000000,expect=01:02.0", "not a function from 00:01.0 on" },
	{ "ecam=0x10000000,expect=x", "not a function from 00:01.0 on" },
	{ "ecam=0x10000000,expect=00:01.0@", "not a number from 0 to 32751" },
	{ "ecam=0x10000000,expect=00:01.0@32752", "not a number from 0 to 32751" },
	{ "ecam=0x10000000,expect=00:01.0,expect=00:01.0@1", "given twice" },
	{ "ecam=0x10000000,expect=00:06.0", "served by this process itself" },
	{ "ecam=0x10000000,mem=0x23000000", "mem" },
	{ "ecam=0x10000000,mem=0x23000800:1M", "not made of whole pages" },
	{ "ecam=0x10000000,mem=0x23000000:1M,mem=0x230ff000:1M", "overlap" },
	{ "ecam=0x10000000,mem=0x10000000:1M", "overlap" },
	{ "ecam=0x10080000", "not a multiple of 1 MiB" },
	{ "mem=0x23000000:1M", "only an Arm guest has it" },
	{ "give-up=3601", "not a number from 0 to 3600" },
};

START_TEST(what_a_bridge_cannot_be_is_said)
{
	struct fake_child *child;

	guest_boot(FAKE_ARM, MODEL_VCPUS, MODEL_RAM);
	child = fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--bridge",
				  refused[_i].options, "--blk", model_disk(NULL));
	ck_assert_int_eq(fake_wait_exit(child, 5000), 2);
	ck_assert_msg(strstr(fake_log(child), refused[_i].why), "%s: %s", refused[_i].options,
		      fake_log(child));
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(the_guest_finds_a_host_bridge, 2),
		ONCE(nothing_in_the_windows_aborts),
		ONCE(windows_are_where_they_are_wanted),
		ONCE(linux_recognizes_the_ports_of_configuration_mechanism_1),
		ONCE(linux_sees_at_its_first_look_that_the_timer_is_of_no_use),
		ONCE(no_acpi_event_has_happened),
		ONCE(accesses_to_ports_are_answered_whatever_their_size),
		TIMES(an_expected_function_reads_try_again, 2),
		TIMES(firmware_that_reads_16_bits_finds_nothing_yet, 2),
		ONCE(after_the_deadline_there_is_nothing),
		TIMES(who_is_waited_for_is_said_once, 2),
		TIMES(a_daemon_that_comes_later_takes_its_function, 2),
		ONCE(the_bridge_may_serve_devices_itself),
		ONCE(the_address_written_to_a_killed_bridge_is_read_from_the_next),
		TIMES(a_killed_bridge_is_taken_over, 2),
		TIMES(a_bridge_that_is_not_the_first_server_is_refused, 2),
		TIMES(the_bridge_names_the_domain_of_each_backend, 2),
		TIMES(a_function_names_the_domain_of_its_backend, 2),
		TIMES(what_a_bridge_cannot_be_is_said, ARRAY_SIZE(refused)),
	};

	return unit_main("bridge", model_setup, model_teardown, tests, ARRAY_SIZE(tests));
}
