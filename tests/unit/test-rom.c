/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-rom.c: files as expansion ROMs (PCI Local Bus 3.0, 6.3): what is taken, whose
 * ids it has then, and what is refused.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/unit.h"
#include "virtio/device.h"

#define UNIT      512u
#define STRUCTURE 0x1c /* where these images have it */
#define CHECKSUM  6
#define PC        0
#define EFI       3
#define LAST      0x80
#define VIRTIO    0x1af4
#define OLD_ID    0x1000
#define NEW_ID    0x1041 /* of a network function */

/* One image: of so many units, for a device, of a code type. */
struct image {
	uint16_t units, vendor, device;
	uint8_t code_type, indicator;
};

static const struct virtio_device_type net_type = { .name = "net", .virtio_id = 1 };

static char directory[] = "/tmp/rom-XXXXXX", path[64];
static uint8_t rom[16 * UNIT];
static size_t length;
static struct virtio_device device;

static void put16(size_t at, uint16_t value)
{
	memcpy(rom + at, &value, sizeof(value));
}

static uint16_t get16(const uint8_t *bytes, size_t at)
{
	return (uint16_t)(bytes[at] | bytes[at + 1] << 8);
}

static uint8_t sum(const uint8_t *bytes, size_t n)
{
	uint8_t total = 0;

	while (n--)
		total = (uint8_t)(total + *bytes++);
	return total;
}

/* Appends an image, filled with noise, whose sum is 0. */
static void add_image(const struct image *image)
{
	size_t at = length, bytes = image->units * (size_t)UNIT;

	for (; length < at + bytes; length++)
		rom[length] = (uint8_t)unit_random(256);
	put16(at, 0xaa55);
	rom[at + 2] = (uint8_t)image->units;
	put16(at + 0x18, STRUCTURE);
	put16(at + STRUCTURE, 'P' | 'C' << 8);
	put16(at + STRUCTURE + 2, 'I' | 'R' << 8);
	put16(at + STRUCTURE + 4, image->vendor);
	put16(at + STRUCTURE + 6, image->device);
	put16(at + STRUCTURE + 0x10, image->units);
	rom[at + STRUCTURE + 0x14] = image->code_type;
	rom[at + STRUCTURE + 0x15] = image->indicator;
	rom[at + CHECKSUM] = (uint8_t)(rom[at + CHECKSUM] - sum(rom + at, bytes));
}

static void write_file(size_t bytes)
{
	FILE *file = fopen(path, "wb");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(rom, 1, bytes, file), bytes);
	fclose(file);
}

static int read_rom(void)
{
	free(device.rom.bytes);
	device = (struct virtio_device){ .type = &net_type, .name = "device" };
	return virtio_device_read_rom(&device, path);
}

static void assert_refused(int err, const char *why)
{
	ck_assert_int_eq(read_rom(), err);
	ck_assert_msg(strstr(device.why.text, path) && strstr(device.why.text, why),
		      "\"%s\", not \"%s\"", device.why.text, why);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/rom", directory);
}

static void teardown(void)
{
	free(device.rom.bytes);
	unlink(path);
	rmdir(directory);
}

/* ---- what is taken ---------------------------------------------------------------- */

static const uint16_t ids[] = { OLD_ID, NEW_ID, 0x10ff, 0x0001, 0xffff };

/* As SeaBIOS looks at it: the function's ids, and a sum of 0. */
START_TEST(an_image_for_virtio_is_made_out_to_be_for_this_device)
{
	const struct image image = { 5, VIRTIO, ids[_i], PC, LAST };
	unsigned i, changed = 0;

	add_image(&image);
	write_file(length);
	ck_assert_int_eq(read_rom(), 0);
	ck_assert_uint_eq(device.rom.length, length);
	ck_assert_uint_eq(get16(device.rom.bytes, STRUCTURE + 4), VIRTIO);
	ck_assert_uint_eq(get16(device.rom.bytes, STRUCTURE + 6), NEW_ID);
	ck_assert_uint_eq(sum(device.rom.bytes, length), 0);
	for (i = 0; i < length; i++)
		changed += device.rom.bytes[i] != rom[i] && i != CHECKSUM && i != STRUCTURE + 6 &&
			   i != STRUCTURE + 7;
	ck_assert_uint_eq(changed, 0);
}
END_TEST

/* UEFI's header has something else where BIOS images have their checksum. */
START_TEST(each_image_is_changed_by_its_own_rules)
{
	static const struct image images[] = { { 3, VIRTIO, OLD_ID, PC, 0 },
					       { 2, 0x8086, 0x100e, PC, 0 },
					       { 4, VIRTIO, OLD_ID, EFI, LAST } };
	const uint8_t *second, *third;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(images); i++)
		add_image(&images[i]);
	write_file(length);
	ck_assert_int_eq(read_rom(), 0);
	second = device.rom.bytes + 3 * UNIT;
	third = second + 2 * UNIT;
	ck_assert_uint_eq(get16(device.rom.bytes, STRUCTURE + 6), NEW_ID);
	ck_assert_uint_eq(sum(device.rom.bytes, 3 * UNIT), 0);
	ck_assert_mem_eq(second, rom + 3 * UNIT, 2 * UNIT);
	ck_assert_uint_eq(get16(third, STRUCTURE + 6), NEW_ID);
	ck_assert_uint_eq(third[CHECKSUM], rom[5 * UNIT + CHECKSUM]);
}
END_TEST

/* Padding, for one, or what a vendor keeps there. */
START_TEST(what_is_behind_the_last_image_is_kept)
{
	const struct image image = { 2, VIRTIO, NEW_ID, PC, LAST };

	add_image(&image);
	write_file(length + 100);
	ck_assert_int_eq(read_rom(), 0);
	ck_assert_uint_eq(device.rom.length, length + 100);
	ck_assert_mem_eq(device.rom.bytes, rom, length + 100);
}
END_TEST

START_TEST(the_largest_file)
{
	const struct image image = { 2, VIRTIO, NEW_ID, PC, LAST };

	add_image(&image);
	write_file(length);
	ck_assert_int_eq(truncate(path, VIRTIO_ROM_MAX), 0);
	ck_assert_int_eq(read_rom(), 0);
	ck_assert_int_eq(truncate(path, VIRTIO_ROM_MAX + 1), 0);
	assert_refused(-EINVAL, "not a file of 1 byte to 16 MiB");
}
END_TEST

/* ---- what is refused ---------------------------------------------------------------- */

struct damage {
	size_t at;
	uint16_t value;
	const char *why;
};

#define SECOND (2 * UNIT)

static const struct damage damages[] = {
	{ 0, 0x5a4d, "byte 0 does not begin with 55 aa" },
	{ 0, 0x55aa, "byte 0 does not begin with 55 aa" },
	{ 0x18, 0, "byte 0 has no PCI data structure" },
	{ 0x18, 0xffff, "byte 0 is cut short" },
	{ 0x18, 5 * UNIT - 21, "byte 0 is cut short" },
	{ 0x18, 5 * UNIT - 22, "byte 0 has no PCI data structure" },
	{ STRUCTURE, 0, "byte 0 has no PCI data structure" },
	{ STRUCTURE + 0x10, 0, "byte 0 is not as long as it says" },
	{ STRUCTURE + 0x10, 6, "byte 0 is not as long as it says" },
	{ STRUCTURE + 0x10, 0xffff, "byte 0 is not as long as it says" },
	{ STRUCTURE + 0x10, 5, "byte 2560 is cut short" },
	{ STRUCTURE + 0x10, 1, "byte 512 does not begin with 55 aa" },
	{ SECOND, 0, "byte 1024 does not begin with 55 aa" },
	{ SECOND + STRUCTURE + 0x10, 4, "byte 1024 is not as long as it says" },
	{ SECOND + STRUCTURE + 0x14, PC, "byte 2560 is cut short" }, /* not the last one */
};

START_TEST(what_is_no_chain_of_images_is_refused)
{
	static const struct image images[] = { { 2, VIRTIO, OLD_ID, PC, 0 },
					       { 3, VIRTIO, OLD_ID, EFI, LAST } };
	const struct damage *d = &damages[_i];

	add_image(&images[0]);
	add_image(&images[1]);
	write_file(length);
	ck_assert_int_eq(read_rom(), 0);
	put16(d->at, d->value);
	write_file(length);
	assert_refused(-EINVAL, d->why);
}
END_TEST

START_TEST(a_file_cut_anywhere_is_refused)
{
	const struct image image = { 2, VIRTIO, OLD_ID, PC, LAST };
	size_t bytes;

	add_image(&image);
	for (bytes = 1; bytes < length; bytes += bytes < 64 ? 1 : 61) {
		write_file(bytes);
		assert_refused(-EINVAL, "no expansion ROM: the image at byte 0");
	}
}
END_TEST

START_TEST(a_rom_for_another_device_is_refused)
{
	static const struct image images[] = { { 2, 0x8086, 0x100e, PC, 0 },
					       { 2, 0x10ec, 0x8139, EFI, LAST } };

	add_image(&images[0]);
	add_image(&images[1]);
	write_file(length);
	assert_refused(-EINVAL, "for another device, 10ec:8139 (");
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	assert_refused(-ENOENT, "No such file");
	write_file(0);
	assert_refused(-EINVAL, "not a file of 1 byte");
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	assert_refused(-EINVAL, "not a file");
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	assert_refused(-EINVAL, "not a file");
	rmdir(path);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(an_image_for_virtio_is_made_out_to_be_for_this_device, ARRAY_SIZE(ids)),
		ONCE(each_image_is_changed_by_its_own_rules),
		ONCE(what_is_behind_the_last_image_is_kept),
		ONCE(the_largest_file),
		TIMES(what_is_no_chain_of_images_is_refused, ARRAY_SIZE(damages)),
		ONCE(a_file_cut_anywhere_is_refused),
		ONCE(a_rom_for_another_device_is_refused),
		ONCE(what_is_no_file_is_refused),
	};

	return unit_main("rom", setup, teardown, tests, ARRAY_SIZE(tests));
}
