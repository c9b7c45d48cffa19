/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h: what the tests of the whole daemon share: the daemon in a child, a
 * disk image with random contents, the model guest with a driver on it.
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

/* fake_end(), then the image must be what the guest thinks it is. */
void model_teardown(void);

/* "--blk" values for the image at both addresses; with more appended. */
const char *model_disk(const char *more);
const char *model_disk2(const char *more);

/* The path of the image, and what was in it at first. */
const char *model_image(void);
const uint8_t *model_contents(void);

/* Boot the guest's machine and start the daemon with this one --blk value. */
struct fake_child *model_start(enum fake_platform platform, const char *disk);

/* The daemon again, after its death. */
struct fake_child *model_again(const char *disk);

/* A driver that verifies all data; model_teardown() frees it. */
struct gblk *model_driver(const struct gblk_config *config);

/* The usual guest: HVM, plain addresses, pirq messages. */
extern const struct gblk_config model_plain;

/* PVH, grants, native messages. */
extern const struct gblk_config model_grants;

#endif
