/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dt.c: "xenvirtioctl dt": one description of a guest's bus, all that follows from it. */
#include <errno.h>
#include <libfdt.h>
#include <limits.h>
#include <string.h>

#include "base/complete.h"
#include "base/log.h"
#include "base/util.h"
#include "ctl/bus.h"
#include "ctl/ctl.h"
#include "ctl/flags.h"
#include "ctl/tree.h"
#include "ctl/xl.h"

struct dt {
	char *bridge;
	struct option_list functions, ports;
	unsigned xl; /* enum xl_release */
	char *output;
	char dtb[PATH_MAX]; /* what xl shall read */
};

static const struct option_spec flag_options[] = {
	{ .key = "bridge",
	  .kind = OPTION_STRING,
	  .offset = offsetof(struct dt, bridge),
	  .placeholder = "KEY=VALUE,...",
	  .fallback = "ecam=" STRINGIFY(LAYOUT_ECAM_BASE),
	  .help = "the host bridge, see below" },
	{ .key = "function",
	  .kind = OPTION_LIST,
	  .offset = offsetof(struct dt, functions),
	  .placeholder = "KEY=VALUE,...",
	  .help = "a device on the bus, see below; one flag for each" },
	{ .key = "port",
	  .kind = OPTION_LIST,
	  .offset = offsetof(struct dt, ports),
	  .placeholder = "KEY=VALUE,...",
	  .help = "a root port on the bus, into which a device is put later; see below" },
	{ .key = "xl",
	  .kind = OPTION_ENUM,
	  .offset = offsetof(struct dt, xl),
	  .names = xl_release_names,
	  .fallback = "4.17",
	  .help = "the release of Xen; any later one is as 4.21" },
	{ .key = "output",
	  .kind = OPTION_STRING,
	  .offset = offsetof(struct dt, output),
	  .placeholder = "FILE",
	  .help = "FILE.dtb, or as source FILE.dts (default: source, on stdout)" },
	{ 0 },
};

static int print_help(void)
{
	printf("usage: xenvirtioctl dt --function bdf=00:01.0,backend=DOMID [--function ...] ...\n"
	       "       xenvirtioctl dt --port bdf=00:1c.0,backend=DOMID [--port ...] ...\n"
	       "Makes the partial device tree of an Arm guest's PCI host bridge, and prints the\n"
	       "lines of xl.cfg that go with it.\n\n");
	options_help(stdout, "  --", flag_options);
	printf("%-36s %s\n", "  --help", "print this and exit");
	printf("\n--bridge:\n");
	options_help(stdout, "  ", bus_bridge_options);
	printf("\n--function:\n");
	options_help(stdout, "  ", bus_function_options);
	printf("\n--port: the same, of a root port and whoever is in its slot\n");
	return CTL_DONE;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && !strcmp(text + n - m, end);
}

/* FILE.dtb whichever of the two is written. */
static bool name_dtb(struct dt *dt)
{
	const char *output = dt->output ? dt->output : "FILE.dts";
	size_t n = strlen(output);

	if (n >= sizeof(dt->dtb) || (!ends_with(output, ".dts") && !ends_with(output, ".dtb"))) {
		log_error("--output: \"%s\" ends neither in .dts nor in .dtb", output);
		return false;
	}
	memcpy(dt->dtb, output, n + 1);
	dt->dtb[n - 1] = 'b';
	return true;
}

static bool write_tree(const char *path, const void *tree)
{
	FILE *out = fopen(path, "w");
	bool written;

	if (!out) {
		log_error("%s: %s", path, strerror(errno));
		return false;
	}
	if (ends_with(path, ".dts"))
		tree_print(out, tree);
	else
		fwrite(tree, fdt_totalsize(tree), 1, out);
	written = !ferror(out);
	if (fclose(out) || !written) {
		log_error("%s: %s", path, strerror(errno));
		return false;
	}
	return true;
}

static int make(const struct dt *dt, const struct bus *bus)
{
	char tree[TREE_MAX] __attribute__((aligned(8)));

	tree_make(tree, bus);
	if (!dt->output) {
		xl_print(stdout, "// ", dt->xl, bus, dt->dtb);
		tree_print(stdout, tree);
		return CTL_DONE;
	}
	if (!write_tree(dt->output, tree))
		return CTL_FAILED;
	if (ends_with(dt->output, ".dts"))
		printf("# dtc -W no-simple_bus_reg -I dts -O dtb -o %s %s\n", dt->dtb, dt->output);
	xl_print(stdout, "", dt->xl, bus, dt->dtb);
	return CTL_DONE;
}

static int run(struct dt *dt)
{
	struct bus bus;

	if (!dt->functions.count && !dt->ports.count)
		log_error("--function is missing, or --port (see --help)");
	else if (name_dtb(dt) && !bus_parse(&bus, dt->bridge, &dt->functions, &dt->ports) &&
		 xl_interrupts_valid(dt->xl, &bus))
		return make(dt, &bus);
	return CTL_USAGE;
}

int dt_main(int argc, char **argv)
{
	struct dt dt = { 0 };
	const struct option_set set = { flag_options, &dt };
	int status = CTL_USAGE;
	char **operands;

	switch (flags_parse(&set, argc, argv, &operands)) {
	case FLAGS_RUN:
		if (*operands)
			log_error("\"%s\" is not a flag (see --help)", *operands);
		else
			status = run(&dt);
		break;
	case FLAGS_HELP:
		status = print_help();
		break;
	case FLAGS_USAGE:
		break;
	}
	options_free(&set, 1);
	return status;
}

void dt_complete(char **words, int count)
{
	const struct option_set bridge = { bus_bridge_options, NULL };
	const struct option_set function = { bus_function_options, NULL };
	const char *last = words[count - 1], *flag = count > 1 ? words[count - 2] : "";

	if (!strcmp(flag, "--bridge"))
		complete_list(&bridge, 1, last);
	else if (!strcmp(flag, "--function") || !strcmp(flag, "--port"))
		complete_list(&function, 1, last);
	else if (!complete_after(flag_options, flag, last)) {
		complete_flags(flag_options, last);
		complete_word("", "--help", last);
	}
}
