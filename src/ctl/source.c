/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source.c: a flattened device tree as source text, for people and for dtc. */
#include <ctype.h>
#include <libfdt.h>
#include <string.h>

#include "base/util.h"
#include "ctl/tree.h"

/* Long maps have a line for each entry. */
static const struct {
	const char *property;
	int cells;
} entries[] = { { "interrupt-map", 8 }, { "iommu-map", 4 } };

static void print_cell(FILE *out, uint32_t cell)
{
	fprintf(out, cell < 10 ? "%u" : "%#x", cell);
}

static int entry_cells(const char *name)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(entries); i++)
		if (!strcmp(entries[i].property, name))
			return entries[i].cells;
	return INT32_MAX;
}

static void indent(FILE *out, int depth)
{
	while (depth--)
		fputc('\t', out);
}

/* Our strings are plain; a cell has a zero byte before its end. */
static bool is_string(const char *value, int len)
{
	int i;

	for (i = 0; i < len - 1; i++)
		if (!isprint((unsigned char)value[i]))
			return false;
	return len > 1 && !value[len - 1];
}

static void print_cells(FILE *out, const char *name, const fdt32_t *cells, int n, int depth)
{
	int i, per_entry = entry_cells(name);

	for (i = 0; i < n; i++) {
		if (i && i % per_entry == 0) {
			fputs(">,\n", out);
			indent(out, depth + 2);
			fputc('<', out);
		} else if (i) {
			fputc(' ', out);
		}
		print_cell(out, fdt32_to_cpu(cells[i]));
	}
}

static void print_property(FILE *out, const void *tree, int at, int depth)
{
	const char *name;
	int len;
	const void *value = fdt_getprop_by_offset(tree, at, &name, &len);

	indent(out, depth);
	fputs(name, out);
	if (is_string(value, len)) {
		fprintf(out, " = \"%s\"", (const char *)value);
	} else if (len) {
		fputs(" = <", out);
		print_cells(out, name, value, len / 4, depth);
		fputc('>', out);
	}
	fputs(";\n", out);
}

static void print_node(FILE *out, const void *tree, int node, int depth)
{
	const char *name = fdt_get_name(tree, node, NULL);
	int at;

	indent(out, depth);
	fprintf(out, "%s {\n", *name ? name : "/");
	fdt_for_each_property_offset(at, tree, node) print_property(out, tree, at, depth + 1);
	fdt_for_each_subnode(at, tree, node)
	{
		fputc('\n', out);
		print_node(out, tree, at, depth + 1);
	}
	indent(out, depth);
	fputs("};\n", out);
}

void tree_print(FILE *out, const void *tree)
{
	fputs("/dts-v1/;\n\n", out);
	print_node(out, tree, 0, 0);
}
