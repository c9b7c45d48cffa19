/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-model-rom.c: the whole daemon shows the model guest's firmware an expansion ROM,
 * also after its death.
 */
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model.h"
#include "unit/unit.h"

#define IMAGE     0x12800u /* 74 KiB, as iPXE's */
#define RANGE     0x20000u
#define STRUCTURE 0x1cu
#define CHECKSUM  6

static char path[80];
static uint8_t rom[2 * IMAGE], seen[2 * IMAGE];
static int wire[2] = { -1, -1 };
static struct gpci pci;
static struct fake_child *child;

/* One image for the function, of as many units of 512 bytes. */
static void write_rom(uint16_t units)
{
	const uint8_t structure[] = { 'P', 'C', 'I', 'R', 0xf4, 0x1a, 0x41, 0x10 };
	FILE *file = fopen(path, "wb");
	size_t i, bytes = units * 512u;

	for (i = 0; i < bytes; i++)
		rom[i] = (uint8_t)unit_random(256);
	rom[0] = 0x55;
	rom[1] = 0xaa;
	rom[0x18] = STRUCTURE;
	rom[0x19] = 0;
	memcpy(rom + STRUCTURE, structure, sizeof(structure));
	memcpy(rom + STRUCTURE + 0x10, &units, sizeof(units));
	rom[STRUCTURE + 0x15] = 0x80;
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(rom, 1, bytes, file), bytes);
	fclose(file);
}

static void setup(void)
{
	model_setup();
	snprintf(path, sizeof(path), "%s/rom", getenv("RUNTIME_DIRECTORY"));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, wire), 0);
	write_rom(IMAGE / 512);
}

static void teardown(void)
{
	close(wire[0]);
	close(wire[1]);
	model_teardown();
}

static const char *net_with(const char *more)
{
	static char text[160];

	snprintf(text, sizeof(text), "bdf=00:06.0,fd=%d%s%s", wire[1], more, *more ? path : "");
	return text;
}

static void start_daemon(const char *more)
{
	child = fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--net", net_with(more));
}

static void boot(enum fake_platform platform, const char *more)
{
	guest_boot(platform, MODEL_VCPUS, MODEL_RAM);
	start_daemon(more);
	gpci_find(&pci, MODEL_BDF);
}

static bool claimed(uint64_t size)
{
	return fake_claimed(FAKE_RANGE_MEMORY, pci.rom.base, pci.rom.base + size - 1);
}

static void set_rom(bool on)
{
	gpci_write(&pci, PCI_ROM_ADDRESS, 4, (uint32_t)pci.rom.base | on);
}

/* ---- what firmware does ----------------------------------------------------------- */

START_TEST(firmware_copies_the_rom)
{
	boot(_i ? FAKE_HVM : FAKE_PVH, ",rom=");
	ck_assert_uint_eq(pci.rom.size, RANGE);
	gpci_seabios_rom(&pci, seen, IMAGE);
	ck_assert_mem_eq(seen, rom, IMAGE);
	ck_assert(!claimed(RANGE));
}
END_TEST

/* By instructions of any width, with operands anywhere. */
START_TEST(single_reads_find_the_same)
{
	static const uint32_t places[] = { 0, 1, 3, 0x18, 4093, IMAGE - 8, IMAGE - 4, IMAGE - 1 };
	unsigned i, size;

	boot(FAKE_HVM, ",rom=");
	set_rom(true);
	memset(rom + IMAGE, 0xff, 8);
	for (i = 0; i < ARRAY_SIZE(places); i++)
		for (size = 1; size <= 8; size *= 2) {
			uint64_t got = vcpu_mmio_read(1, pci.rom.base + places[i], size);

			ck_assert_mem_eq(&got, rom + places[i], size);
			vcpu_mmio_write(1, pci.rom.base + places[i], size, 0);
		}
	ck_assert_uint_eq(vcpu_mmio_read(1, pci.rom.base + RANGE - 8, 8), UINT64_MAX);
	gpci_seabios_rom(&pci, seen, IMAGE);
	ck_assert_mem_eq(seen, rom, IMAGE);
}
END_TEST

START_TEST(without_a_file_there_is_no_rom)
{
	boot(FAKE_HVM, "");
	ck_assert_uint_eq(pci.rom.size, 0);
}
END_TEST

START_TEST(a_wrong_file_is_said_before_xen_is_touched)
{
	guest_boot(FAKE_HVM, MODEL_VCPUS, MODEL_RAM);
	write_rom(IMAGE / 512);
	ck_assert_int_eq(truncate(path, IMAGE / 2), 0);
	child = fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--net",
				  net_with(",rom="));
	ck_assert_int_eq(fake_wait_exit(child, 5000), 1);
	ck_assert_ptr_nonnull(strstr(fake_log(child), "00:06.0 net: rom "));
	ck_assert_ptr_nonnull(strstr(fake_log(child), "is not as long as it says"));
	ck_assert_uint_eq(fake_calls(FAKE_DM_OPEN), 0);
}
END_TEST

/* ---- after the daemon's death ----------------------------------------------------- */

struct after {
	const char *more;
	uint16_t units; /* of the file then */
	uint32_t range; /* 0: no ROM */
};

static const struct after afters[] = {
	{ ",rom=", IMAGE / 512, RANGE },
	{ ",rom=", 2 * IMAGE / 512, 2 * RANGE },
	{ ",rom=", 1, 2048 },
	{ "", 1, 0 },
};

/* Xen still has the range that the dead one had: not a byte more or less is left of it. */
START_TEST(the_next_daemon_shows_the_rom_that_it_has)
{
	const struct after *after = &afters[_i];

	boot(FAKE_PVH, ",rom=");
	pci.rom.base = 0xf8000000;
	set_rom(true);
	ck_assert(claimed(RANGE));
	fake_kill9(child);
	write_rom(after->units);
	start_daemon(after->more);
	ck_assert_ptr_nonnull(strstr(fake_log(child), "adopted"));
	ck_assert_uint_eq(fake_ranges(0, FAKE_RANGE_MEMORY), 1 + (after->range != 0));
	ck_assert(after->range ? claimed(after->range) : !claimed(1));
	if (after->range)
		ck_assert_uint_eq(vcpu_mmio_read(0, pci.rom.base, 2), 0xaa55);
	set_rom(false);
	ck_assert_uint_eq(fake_ranges(0, FAKE_RANGE_MEMORY), 1);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(firmware_copies_the_rom, 2),
		ONCE(single_reads_find_the_same),
		ONCE(without_a_file_there_is_no_rom),
		ONCE(a_wrong_file_is_said_before_xen_is_touched),
		TIMES(the_next_daemon_shows_the_rom_that_it_has, ARRAY_SIZE(afters)),
	};

	return unit_main("model-rom", setup, teardown, tests, ARRAY_SIZE(tests));
}
