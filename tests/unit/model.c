/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model.c: set-up and teardown of the tests of the whole daemon. */
#include "model.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct gblk_config model_plain = { .bdf = MODEL_BDF, .irq = GIRQ_PIRQ };
const struct gblk_config model_grants = { .bdf = MODEL_BDF, .dma = GDMA_GRANTS, .irq = GIRQ_MSIX };
const struct gblk_config model_grants2 = { .bdf = MODEL_BDF2,
					   .dma = GDMA_GRANTS,
					   .irq = GIRQ_MSIX };

/* One disk of the guest: its image, and the driver on it. */
struct side {
	const char *bdf, *name;
	char image[80];
	uint8_t *contents;
	struct gblk *driver;
};

static char directory[64];
static struct side first = { .bdf = "00:06.0", .name = "disk.img" };
static struct side second = { .bdf = "00:07.0", .name = "second.img" };

static void make_image(struct side *side, uint32_t state)
{
	uint32_t i;
	int fd;

	snprintf(side->image, sizeof(side->image), "%s/%s", directory, side->name);
	side->contents = malloc(MODEL_DISK);
	ck_assert_ptr_nonnull(side->contents);
	for (i = 0; i < MODEL_DISK; i++) {
		state = state * 1664525 + 1013904223;
		side->contents[i] = (uint8_t)(state >> 24);
	}
	fd = open(side->image, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, side->contents, MODEL_DISK), MODEL_DISK);
	close(fd);
}

/* The daemon keeps its records in the same place. */
void model_setup(void)
{
	snprintf(directory, sizeof(directory), "/tmp/xenvirtiod-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	setenv("RUNTIME_DIRECTORY", directory, 1);
	make_image(&first, 12345);
}

/* Sectors whose write failed or got no answer may be either way. */
static bool image_is_right(const struct side *side)
{
	const struct gblk *driver = side->driver;
	FILE *file = fopen(side->image, "rb");
	uint8_t sector[512];
	bool right = true;
	uint64_t i;

	for (i = 0; file && driver->known && i < driver->capacity && right; i++)
		right = fread(sector, 1, sizeof(sector), file) == sizeof(sector) &&
			(!driver->known[i] || !memcmp(sector, driver->shadow + i * 512, 512));
	if (file)
		fclose(file);
	return file && right;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static bool end_side(struct side *side)
{
	bool right = true;

	if (side->driver) {
		gblk_forget(side->driver);
		right = image_is_right(side);
		gblk_free(side->driver);
	}
	free(side->contents);
	side->driver = NULL;
	side->contents = NULL;
	return right;
}

void model_teardown(void)
{
	bool right;

	fake_end();
	right = end_side(&first);
	right &= end_side(&second);
	nftw(directory, remove_one, 4, FTW_DEPTH | FTW_PHYS);
	ck_assert_msg(right, "an image is not what the guest wrote");
}

static const char *disk(char *text, size_t size, const struct side *side, const char *more)
{
	snprintf(text, size, "bdf=%s,path=%s%s%s", side->bdf, side->image, more ? "," : "",
		 more ? more : "");
	return text;
}

const char *model_disk(const char *more)
{
	static char text[200];

	return disk(text, sizeof(text), &first, more);
}

const char *model_disk2(const char *more)
{
	static char text[200];

	if (!second.contents)
		make_image(&second, 54321);
	return disk(text, sizeof(text), &second, more);
}

const char *model_image2(void)
{
	return strstr(model_disk2(NULL), "path=") + strlen("path=");
}

bool model_finds(uint16_t bdf)
{
	const struct gpci pci = { .bdf = bdf };

	return gpci_read(&pci, 0, 4) != UINT32_MAX;
}

/* Wherever these tests run. */
#define AS_DOM0 "--domain", FAKE_DOMAIN, "--own-domid", "0"

/* What the daemon has to be told of the platform comes last. */
#define ECAM        "0x10000000"
#define ON_PLATFORM fake_platform() == FAKE_ARM ? "--ecam" : NULL, ECAM

struct fake_child *model_again(const char *blk)
{
	return fake_spawn(xenvirtiod_main, AS_DOM0, "--blk", blk, ON_PLATFORM);
}

struct fake_child *model_start(enum fake_platform platform, const char *blk)
{
	guest_boot(platform, MODEL_VCPUS, MODEL_RAM);
	return model_again(blk);
}

struct fake_child *model_start_with(enum fake_platform platform, const char *workers,
				    const char *blk, const char *blk2)
{
	guest_boot(platform, MODEL_VCPUS, MODEL_RAM);
	if (!blk2)
		return fake_spawn(xenvirtiod_main, AS_DOM0, "--workers", workers, "--blk", blk,
				  ON_PLATFORM);
	return fake_spawn(xenvirtiod_main, AS_DOM0, "--workers", workers, "--blk", blk, "--blk",
			  blk2, ON_PLATFORM);
}

const char *model_image(void)
{
	return first.image;
}

void model_hide_image(bool hidden)
{
	char away[sizeof(first.image) + 8];

	snprintf(away, sizeof(away), "%s.away", first.image);
	ck_assert_int_eq(rename(hidden ? first.image : away, hidden ? away : first.image), 0);
}

struct gblk *model_early_driver(const struct gblk_config *config)
{
	struct side *side = config->bdf == MODEL_BDF ? &first : &second;

	side->driver = gblk_start(config);
	return side->driver;
}

void model_verify(struct gblk *driver)
{
	const struct side *side = driver == first.driver ? &first : &second;

	gblk_expect(driver, side->contents, MODEL_DISK);
}

/* What the next one finds. */
static void read_image(struct side *side)
{
	int fd = open(side->image, O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(read(fd, side->contents, MODEL_DISK), MODEL_DISK);
	close(fd);
}

void model_end_driver(struct gblk *driver)
{
	struct side *side = driver == first.driver ? &first : &second;

	gblk_remove(driver);
	ck_assert_msg(image_is_right(side), "the image is not what the guest wrote");
	gblk_free(driver);
	side->driver = NULL;
	read_image(side);
}

struct gblk *model_driver(const struct gblk_config *config)
{
	struct gblk *driver = model_early_driver(config);

	model_verify(driver);
	return driver;
}
