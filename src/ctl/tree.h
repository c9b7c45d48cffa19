/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tree.h: a guest's bus as the partial device tree that xl takes. */
#pragma once
#include <stddef.h>
#include <stdio.h>

struct bus;

/* Room enough for any bus. */
#define TREE_MAX 8192

/* Makes a flattened device tree in @tree; fdt_totalsize() is what it takes. */
void tree_make(void *tree, const struct bus *bus);

/* Writes @tree, one of the above, as source text: dtc makes the same tree of it. */
void tree_print(FILE *out, const void *tree);
