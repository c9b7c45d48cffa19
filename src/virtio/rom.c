/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rom.c: a file as a device's expansion ROM (PCI Local Bus 3.0, 6.3).
 *
 * A ROM is a chain of images, for a PC's BIOS, for UEFI, each with the ids of the
 * device that it is for. Firmware compares them with the function's, but one driver
 * is good for virtio's old and new ids. So, as QEMU does (hw/pci/pci.c,
 * pci_patch_ids()), an image of the same vendor's is made out to be for this device. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "virtio/device.h"
#include "virtio/pci.h"

#define IMAGE_UNIT   512U
#define CODE_PC      0 /* code_type */
#define LAST_IMAGE   0x80
#define PC_CHECKSUM  6 /* a byte that makes the sum 0, in what iPXE and Etherboot make */
#define IPXE_PACKAGE "Debian's package ipxe-qemu has pxe-virtio.rom"

/* 6.3.1.1 */
struct image_header {
	uint8_t signature[2];
	uint8_t of_code_type[22];
	uint16_t structure; /* offset in the image */
};

/* 6.3.1.2 */
struct image_structure {
	char signature[4];
	uint16_t vendor, device, device_list, bytes;
	uint8_t revision, class_code[3];
	uint16_t length; /* of the image, in IMAGE_UNIT */
	uint16_t code_revision;
	uint8_t code_type, indicator;
};

_Static_assert(offsetof(struct image_header, structure) == 0x18, "no holes");
_Static_assert(sizeof(struct image_structure) == 22, "no holes");

/* The image at @at, and what it says of itself. NULL, or what is wrong with it. */
static const char *read_image(const struct virtio_rom *rom, size_t at, struct image_header *header,
			      struct image_structure *structure)
{
	size_t left = rom->length - at;

	if (left < sizeof(*header))
		return "is cut short";
	memcpy(header, rom->bytes + at, sizeof(*header));
	if (header->signature[0] != 0x55 || header->signature[1] != 0xaa)
		return "does not begin with 55 aa";
	if (header->structure > left - sizeof(*structure))
		return "is cut short";
	memcpy(structure, rom->bytes + at + header->structure, sizeof(*structure));
	if (memcmp(structure->signature, "PCIR", sizeof(structure->signature)))
		return "has no PCI data structure (PCIR)";
	if (!structure->length || structure->length * IMAGE_UNIT > left)
		return "is not as long as it says";
	return NULL;
}

static uint8_t byte_sum(uint16_t id)
{
	return (uint8_t)(id + (id >> 8));
}

/* Where other code types have the checksum, if at all, is their own affair. */
static void set_device(uint8_t *image, const struct image_header *header,
		       const struct image_structure *structure, uint16_t device)
{
	uint8_t *id = image + header->structure + offsetof(struct image_structure, device);

	if (structure->code_type == CODE_PC)
		image[PC_CHECKSUM] += (uint8_t)(byte_sum(structure->device) - byte_sum(device));
	memcpy(id, &device, sizeof(device));
}

/* Goes through the images. @path is for the reason only. */
static int adopt_images(struct virtio_rom *rom, const char *path, uint16_t device,
			struct reason *why)
{
	struct image_structure structure = { 0 };
	struct image_header header;
	unsigned ours = 0;
	const char *wrong;
	size_t at = 0;

	do {
		wrong = read_image(rom, at, &header, &structure);
		if (wrong)
			return reason_set(why, -EINVAL,
					  "rom %s: no expansion ROM: the image at byte %zu %s",
					  path, at, wrong);
		if (structure.vendor == VIRTIO_PCI_VENDOR) {
			set_device(rom->bytes + at, &header, &structure, device);
			ours++;
		}
		at += structure.length * IMAGE_UNIT;
	} while (!(structure.indicator & LAST_IMAGE));
	if (ours)
		return 0;
	return reason_set(why, -EINVAL, "rom %s: for another device, %04x:%04x (" IPXE_PACKAGE ")",
			  path, structure.vendor, structure.device);
}

/* All of it, or -errno. */
static int read_all(int fd, uint8_t *bytes, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n = pread(fd, bytes + done, length - done, (off_t)done);

		if (n <= 0)
			return n ? -errno : -EIO; /* it was cut in between */
		done += (size_t)n;
	}
	return 0;
}

static int read_file(struct virtio_rom *rom, int fd, const char *path, struct reason *why)
{
	struct stat st;
	int err;

	if (fstat(fd, &st))
		return reason_set(why, -errno, "rom %s: %m", path);
	if (!S_ISREG(st.st_mode) || !st.st_size || st.st_size > VIRTIO_ROM_MAX)
		return reason_set(why, -EINVAL, "rom %s: not a file of 1 byte to %u MiB", path,
				  VIRTIO_ROM_MAX >> 20);
	rom->length = (size_t)st.st_size;
	rom->bytes = malloc(rom->length);
	if (!rom->bytes)
		return -ENOMEM;
	err = read_all(fd, rom->bytes, rom->length);
	return err ? reason_set(why, err, "rom %s: %s", path, strerror(-err)) : 0;
}

static struct opener_thing rom_at(const char *path)
{
	return (struct opener_thing){ .kind = OPENER_FILE, .flags = O_RDONLY, .name = path };
}

void virtio_device_rom_names(const char *path, opener_add *add, void *arg)
{
	const struct opener_thing thing = rom_at(path);

	add(arg, &thing);
}

int virtio_device_read_rom(struct virtio_device *device, const char *path)
{
	const struct opener_thing thing = rom_at(path);
	int err, fd = opener_open(&thing);

	if (fd < 0)
		return reason_set(&device->why, fd, "rom %s: %s", path, strerror(-fd));
	err = read_file(&device->rom, fd, path, &device->why);
	close(fd);
	if (err)
		return err;
	return adopt_images(&device->rom, path, VIRTIO_PCI_DEVICE(device->type->virtio_id),
			    &device->why);
}
