/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl.h: what goes with a bus's device tree: lines of xl.cfg, and the daemons. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

struct bus;

/* Releases with a difference that matters; a later one is as the last. */
enum xl_release { XL_4_17, XL_4_18, XL_4_19, XL_4_20, XL_4_21 };

extern const char *const xl_release_names[];

/* Whether guests of this xl have all interrupts of the bus; says so if not. */
bool xl_interrupts_valid(enum xl_release release, const struct bus *bus);

/* Writes the lines, each behind @prefix; @dtb is the binary tree's name. */
void xl_print(FILE *out, const char *prefix, enum xl_release release, const struct bus *bus,
	      const char *dtb);
