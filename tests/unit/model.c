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

static char directory[64], image[80];
static uint8_t *contents;
static struct gblk *driver;

/* The daemon keeps its records in the same place. */
void model_setup(void)
{
	uint32_t i, state = 12345;
	int fd;

	snprintf(directory, sizeof(directory), "/tmp/xenvirtiod-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(image, sizeof(image), "%s/disk.img", directory);
	setenv("RUNTIME_DIRECTORY", directory, 1);
	contents = malloc(MODEL_DISK);
	ck_assert_ptr_nonnull(contents);
	for (i = 0; i < MODEL_DISK; i++) {
		state = state * 1664525 + 1013904223;
		contents[i] = (uint8_t)(state >> 24);
	}
	fd = open(image, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, contents, MODEL_DISK), MODEL_DISK);
	close(fd);
}

/* Sectors whose write got no answer may be either way. */
static bool image_is_right(void)
{
	uint8_t sector[512];
	bool right = true;
	FILE *file = fopen(image, "rb");
	uint64_t i;

	for (i = 0; file && i < driver->capacity && right; i++)
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

void model_teardown(void)
{
	bool right;

	fake_end();
	right = !driver || image_is_right();
	if (driver)
		gblk_free(driver);
	driver = NULL;
	free(contents);
	nftw(directory, remove_one, 4, FTW_DEPTH | FTW_PHYS);
	ck_assert_msg(right, "the image is not what the guest wrote");
}

static const char *disk(char *text, size_t size, const char *bdf, const char *more)
{
	snprintf(text, size, "bdf=%s,path=%s%s%s", bdf, image, more ? "," : "", more ? more : "");
	return text;
}

const char *model_disk(const char *more)
{
	static char text[200];

	return disk(text, sizeof(text), "00:06.0", more);
}

const char *model_disk2(const char *more)
{
	static char text[200];

	return disk(text, sizeof(text), "00:07.0", more);
}

const char *model_image(void)
{
	return image;
}

const uint8_t *model_contents(void)
{
	return contents;
}

struct fake_child *model_again(const char *blk)
{
	return fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--blk", blk);
}

struct fake_child *model_start(enum fake_platform platform, const char *blk)
{
	guest_boot(platform, MODEL_VCPUS, MODEL_RAM);
	return model_again(blk);
}

struct gblk *model_driver(const struct gblk_config *config)
{
	driver = gblk_start(config);
	gblk_expect(driver, contents, MODEL_DISK);
	return driver;
}
