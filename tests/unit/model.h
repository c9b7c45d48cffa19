/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h: what the tests of the whole daemon share: the daemon in a child,
 * disk images with random contents, the model guest with drivers on them.
 */
#ifndef MODEL_H
#define MODEL_H

#include "guest/guest.h"

#define MODEL_BDF   0x30u /* 00:06.0 */
#define MODEL_BDF2  0x38u /* 00:07.0 */
#define MODEL_DISK  (4u << 20)
#define MODEL_RAM   8192u /* pages */
#define MODEL_VCPUS 2

int xenvirtiod_main(int argc, char **argv);

/* What a test needs of the file system; for tcase_add_checked_fixture(). */
void model_setup(void);

/* fake_end(), then the images must be what the guest thinks they are. */
void model_teardown(void);

/* "--blk" values for the two disks, each with its own image; with more appended. */
const char *model_disk(const char *more);
const char *model_disk2(const char *more);

/* Boot the guest's machine and start the daemon with this one --blk value. */
struct fake_child *model_start(enum fake_platform platform, const char *disk);

/* The daemon again, after its death. */
struct fake_child *model_again(const char *disk);

/* The same with so many workers; without blk2 there is one disk. */
struct fake_child *model_start_with(enum fake_platform platform, const char *workers,
				    const char *blk, const char *blk2);

/* The disks' images; or the first one is not there, as if it had not been made yet. */
const char *model_image(void);
const char *model_image2(void);
void model_hide_image(bool hidden);

/* A driver that verifies all data of its disk; model_teardown() frees it. */
struct gblk *model_driver(const struct gblk_config *config);

/* The same where the disk comes later: until model_verify() nothing is verified. */
struct gblk *model_early_driver(const struct gblk_config *config);
void model_verify(struct gblk *driver);

/* The driver lets go of its disk, which is what it must be, and is freed. */
void model_end_driver(struct gblk *driver);

/* Whether the guest finds a function there. */
bool model_finds(uint16_t bdf);

/* The usual guest: HVM, plain addresses, pirq messages. */
extern const struct gblk_config model_plain;

/* PVH, grants, native messages. */
extern const struct gblk_config model_grants;

/* The same on the second disk. */
extern const struct gblk_config model_grants2;

#endif
