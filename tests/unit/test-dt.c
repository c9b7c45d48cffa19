/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-dt.c: xenvirtioctl dt. Trees are read as libxl and Linux read them: who
 * is behind a function, and which interrupt it has. And the command: its lines
 * for xl.cfg, what it writes where, what it refuses.
 */
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/bus.h"
#include "ctl/tree.h"
#include "fake/fake.h"
#include "unit/unit.h"

#define BRIDGE      "/passthrough/pcie@10000000"
#define GRANT_DMA   "/passthrough/iommu"
#define GIC_PHANDLE 65000 /* libxl's */
#define NONE        UINT32_MAX

int xenvirtioctl_main(int argc, char **argv);

static char dir[] = "/tmp/dt-XXXXXX";
static struct fake_child *child;

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	fake_start(FAKE_HVM, 1, 256);
}

static void teardown(void)
{
	static const char *const names[] = { "a.dtb", "a.dts", "b.dtb", "c.dtb", "full.dts" };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		unlink(names[i]);
	ck_assert_int_eq(rmdir(dir), 0); /* nothing else was left in it */
	fake_end();
}

/* ---- a tree, and what is in it ----------------------------------------------------- */

static char tree[TREE_MAX] __attribute__((aligned(8)));

static void make_tree(const char *bridge, const struct option_list *functions,
		      const struct option_list *ports)
{
	struct bus bus;

	ck_assert_int_eq(bus_parse(&bus, bridge, functions, ports), 0);
	tree_make(tree, &bus);
	ck_assert_int_eq(fdt_check_full(tree, sizeof(tree)), 0);
}

#define TREE(bridge, ...)                                                         \
	do {                                                                      \
		char *items[] = { __VA_ARGS__ };                                  \
		struct option_list list = { { __VA_ARGS__ }, ARRAY_SIZE(items) }; \
		make_tree(bridge, &list, &no_ports);                              \
	} while (0)

static const struct option_list no_ports;

/* A property as cells; how many is in @n. */
static const uint32_t *get_cells(const char *node, const char *name, unsigned *n)
{
	static uint32_t cells[512];
	const fdt32_t *value;
	int len;
	unsigned i;

	value = fdt_getprop(tree, fdt_path_offset(tree, node), name, &len);
	ck_assert_msg(value != NULL, "%s has no %s", node, name);
	*n = (unsigned)len / 4;
	ck_assert_uint_le(*n, ARRAY_SIZE(cells));
	for (i = 0; i < *n; i++)
		cells[i] = fdt32_to_cpu(value[i]);
	return cells;
}

static void assert_cells(const char *node, const char *name, const uint32_t *want, unsigned n)
{
	unsigned len;
	const uint32_t *cells = get_cells(node, name, &len);

	ck_assert_uint_eq(len, n);
	ck_assert_msg(!memcmp(cells, want, 4 * n), "%s is otherwise", name);
}

#define CELLS(node, name, ...)                                      \
	assert_cells(node, name, (const uint32_t[]){ __VA_ARGS__ }, \
		     ARRAY_SIZE(((const uint32_t[]){ __VA_ARGS__ })))

static void assert_string(const char *node, const char *name, const char *want)
{
	const char *value = fdt_getprop(tree, fdt_path_offset(tree, node), name, NULL);

	ck_assert_ptr_nonnull(value);
	ck_assert_str_eq(value, want);
}

static bool has(const char *node, const char *name)
{
	return fdt_getprop(tree, fdt_path_offset(tree, node), name, NULL) != NULL;
}

/* As Linux does: of_irq_parse_raw(). Returns the GIC's SPI, or NONE. */
static uint32_t find_spi(unsigned device, unsigned pin)
{
	unsigned n, i;
	uint32_t mask[4];
	const uint32_t *map;

	memcpy(mask, get_cells(BRIDGE, "interrupt-map-mask", &n), sizeof(mask));
	ck_assert_uint_eq(n, 4);
	map = get_cells(BRIDGE, "interrupt-map", &n);
	ck_assert_uint_eq(n % 8, 0);
	for (i = 0; i < n; i += 8) {
		if (((device << 11 ^ map[i]) & mask[0]) || ((pin ^ map[i + 3]) & mask[3]))
			continue;
		ck_assert_uint_eq(map[i + 4], GIC_PHANDLE);
		ck_assert_uint_eq(map[i + 5], 0); /* an SPI */
		ck_assert_uint_eq(map[i + 7], 4); /* level, high */
		return map[i + 6];
	}
	return NONE;
}

/* As Linux does: of_map_id() with the node found by its phandle. Returns the domid, or NONE. */
static uint32_t find_backend(unsigned rid)
{
	unsigned n, i;
	const uint32_t *map = get_cells(BRIDGE, "iommu-map", &n);

	ck_assert_uint_eq(n % 4, 0);
	for (i = 0; i < n; i += 4) {
		if (rid < map[i] || rid >= map[i] + map[i + 3])
			continue;
		ck_assert_int_eq(fdt_node_offset_by_phandle(tree, map[i + 1]),
				 fdt_path_offset(tree, GRANT_DMA));
		return rid - map[i] + map[i + 2];
	}
	return NONE;
}

START_TEST(libxl_finds_what_it_copies)
{
	TREE("ecam=0x10000000", "bdf=00:01.0,backend=0");
	CELLS("/", "#address-cells", 2);
	CELLS("/", "#size-cells", 2);
	assert_string("/passthrough", "compatible", "simple-bus");
	CELLS("/passthrough", "#address-cells", 2);
	CELLS("/passthrough", "#size-cells", 2);
	ck_assert(has("/passthrough", "ranges"));
}
END_TEST

START_TEST(the_bridge_is_where_xen_leaves_room)
{
	TREE("ecam=0x10000000", "bdf=00:01.0,backend=0");
	assert_string(BRIDGE, "compatible", "pci-host-ecam-generic");
	assert_string(BRIDGE, "device_type", "pci");
	CELLS(BRIDGE, "reg", 0, 0x10000000, 0, 0x100000);
	CELLS(BRIDGE, "bus-range", 0, 0);
	CELLS(BRIDGE, "#address-cells", 3);
	CELLS(BRIDGE, "#size-cells", 2);
	CELLS(BRIDGE, "#interrupt-cells", 1);
	CELLS(BRIDGE, "ranges", 0x02000000, 0, 0x23000000, 0, 0x23000000, 0, 0x1000000);
	ck_assert(has(BRIDGE, "dma-coherent"));
}
END_TEST

START_TEST(the_bridge_is_where_it_is_told)
{
	const char *node = "/passthrough/pcie@4010000000";

	TREE("ecam=0x4010000000,size=256M,mem=0xfff00000:1M", "bdf=00:01.0,backend=0");
	CELLS(node, "reg", 0x40, 0x10000000, 0, 0x10000000);
	CELLS(node, "bus-range", 0, 255);
	CELLS(node, "ranges", 0x02000000, 0, 0xfff00000, 0, 0xfff00000, 0, 0x100000);
}
END_TEST

/* INTA of device d is SPI d, by default; no other pin, no other device has one. */
START_TEST(each_slot_has_an_interrupt_of_its_own)
{
	unsigned device, pin;

	TREE("spi-base=32", "bdf=00:1f.0,backend=0", "bdf=00:01.0,backend=3",
	     "bdf=00:02.0,backend=3,memory=foreign");
	for (device = 0; device < 32; device++)
		for (pin = 1; pin <= 4; pin++) {
			bool there = device == 1 || device == 2 || device == 31;

			ck_assert_uint_eq(find_spi(device, pin), there && pin == 1 ? device : NONE);
		}
}
END_TEST

START_TEST(interrupts_begin_where_they_are_told)
{
	TREE("spi-base=100", "bdf=00:01.0,backend=0", "bdf=00:05.0,backend=3");
	ck_assert_uint_eq(find_spi(1, 1), 100 - 32 + 1);
	ck_assert_uint_eq(find_spi(5, 1), 100 - 32 + 5);
}
END_TEST

/* Neighbours of a function have no backend, and so no grants. */
START_TEST(each_function_has_its_backend)
{
	unsigned rid;

	TREE("ecam=0x10000000", "bdf=00:01.0,backend=3", "bdf=00:02.0,backend=0",
	     "bdf=00:03.0,backend=5,memory=foreign", "bdf=00:04.0,backend=32751,memory=grants");
	assert_string(GRANT_DMA, "compatible", "xen,grant-dma");
	CELLS(GRANT_DMA, "#iommu-cells", 1);
	for (rid = 0; rid < 256; rid++)
		ck_assert_uint_eq(find_backend(rid), rid == 0x08   ? 3
						     : rid == 0x10 ? 0
						     : rid == 0x20 ? 32751
								   : NONE);
}
END_TEST

START_TEST(without_grants_nothing_speaks_of_them)
{
	TREE("ecam=0x10000000", "bdf=00:01.0,backend=0,memory=foreign");
	ck_assert_int_eq(fdt_path_offset(tree, GRANT_DMA), -FDT_ERR_NOTFOUND);
	ck_assert(!has(BRIDGE, "iommu-map"));
	ck_assert_uint_eq(find_spi(1, 1), 1);
}
END_TEST

/* As Linux numbers the buses: by the ports' places, and device 0 is behind each. */
START_TEST(what_is_behind_a_port_has_its_backend_and_its_interrupt)
{
	const struct option_list functions = { { "bdf=00:06.0,backend=1" }, 1 };
	const struct option_list ports = { { "bdf=00:1d.0,backend=3", "bdf=00:02.0,backend=0",
					     "bdf=00:1c.0,backend=5,memory=foreign" },
					   3 };
	unsigned rid;

	make_tree("ecam=0x10000000", &functions, &ports);
	CELLS(BRIDGE, "reg", 0, 0x10000000, 0, 0x400000);
	CELLS(BRIDGE, "bus-range", 0, 3);
	for (rid = 0; rid < 0x10000; rid++)
		ck_assert_uint_eq(find_backend(rid), rid == 0x30    ? 1
						     : rid == 0x100 ? 0
						     : rid == 0x300 ? 3
								    : NONE);
	ck_assert_uint_eq(find_spi(0x02, 1), 0x02);
	ck_assert_uint_eq(find_spi(0x1c, 1), 0x1c);
	ck_assert_uint_eq(find_spi(0x1d, 1), 0x1d);
	ck_assert_uint_eq(find_spi(0x02, 2), 0x12);
	ck_assert_uint_eq(find_spi(0x1c, 2), 0x0c);
	ck_assert_uint_eq(find_spi(0x06, 2), NONE);
}
END_TEST

START_TEST(a_full_bus_fits)
{
	char items[BUS_MAX_FUNCTIONS][40];
	struct option_list list = { .count = BUS_MAX_FUNCTIONS };
	unsigned i;

	for (i = 0; i < BUS_MAX_FUNCTIONS; i++) {
		snprintf(items[i], sizeof(items[i]), "bdf=00:%02x.0,backend=%u", i + 1, 32000 + i);
		list.items[i] = items[i];
	}
	make_tree("ecam=0x4000000000,size=256M", &list, &no_ports);
	ck_assert_uint_lt(fdt_totalsize(tree), TREE_MAX / 2);
}
END_TEST

/* ---- the command -------------------------------------------------------------------- */

#define ARGS 10

static int run(const char *const *args)
{
	child = fake_spawn_args(xenvirtioctl_main, args, false);
	return fake_wait_exit(child, 10000);
}

#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

#define F1  "--function", "bdf=00:01.0,backend=0"
#define F2  "--function", "bdf=00:02.0,backend=3"
#define F3  "--function", "bdf=00:03.0,backend=0,memory=foreign"
#define F31 "--function", "bdf=00:1f.0,backend=3"

START_TEST(lines_for_xl)
{
	static const struct {
		const char *release, *lines;
	} cases[] = {
		{ "4.17", "vuart = \"sbsa_uart\" # or the guest has no SPIs\n" },
		{ "4.18", "vuart = \"sbsa_uart\" # or the guest has no SPIs\n" },
		{ "4.19", "nr_spis = 32\n" },
		{ "4.20", "nr_spis = 32\n" },
		{ "4.21", "nr_spis = 32\ntrap_unmapped_accesses = 0\n" },
	};
	char want[400];

	ck_assert_int_eq(RUN("dt", F1, "--xl", cases[_i].release, "--output", "a.dtb"), 0);
	snprintf(want, sizeof(want),
		 "device_tree = \"a.dtb\"\n%s"
		 "# first: xenvirtiod --domain GUEST --name GUEST-bridge --bridge "
		 "ecam=0x10000000,size=1M,mem=0x23000000:16M,expect=00:01.0@0\n"
		 "# in domain 0: xenvirtiod --domain GUEST --blk bdf=00:01.0,...\n",
		 cases[_i].lines);
	ck_assert_str_eq(fake_log(child), want);
}
END_TEST

/* xl reads the binary, whichever is written. */
START_TEST(lines_for_each_daemon)
{
	ck_assert_int_eq(RUN("dt", F2, F1, F31, F3, "--output", "a.dts", "--xl=4.19", "--bridge",
			     "ecam=0x20000000,size=2M,mem=0x24000000:12K,spi-base=33"),
			 0);
	ck_assert_str_eq(
		fake_log(child),
		"# dtc -W no-simple_bus_reg -I dts -O dtb -o a.dtb a.dts\n"
		"device_tree = \"a.dtb\"\n"
		"nr_spis = 64\n"
		"# first: xenvirtiod --domain GUEST --name GUEST-bridge --bridge "
		"ecam=0x20000000,size=2M,mem=0x24000000:12K,"
		"expect=00:02.0@3,expect=00:01.0@0,expect=00:1f.0@3,expect=00:03.0@0\n"
		"# in domain 3: xenvirtiod --domain GUEST --own-domid 3 --ecam 0x20000000 "
		"--spi-base 33 --blk bdf=00:02.0,... --blk bdf=00:1f.0,...\n"
		"# in domain 0: xenvirtiod --domain GUEST --ecam 0x20000000 "
		"--spi-base 33 --blk bdf=00:01.0,... --blk bdf=00:03.0,memory=foreign,...\n");
}
END_TEST

/* With all that Xen has, and all that fits in the first 32. */
START_TEST(the_last_interrupt)
{
	ck_assert_int_eq(RUN("dt", F31, "--output", "a.dtb"), 0);
	ck_assert_int_eq(RUN("dt", F31, "--xl", "4.19", "--bridge", "spi-base=960"), 0);
	ck_assert_ptr_nonnull(strstr(fake_log(child), "// nr_spis = 960\n"));
	ck_assert_int_eq(RUN("dt", F1, "--xl", "4.19", "--bridge", "spi-base=63"), 0);
	ck_assert_ptr_nonnull(strstr(fake_log(child), "// nr_spis = 64\n"));
	ck_assert_int_eq(RUN("dt", F1, "--xl", "4.19", "--bridge", "spi-base=62"), 0);
	ck_assert_ptr_nonnull(strstr(fake_log(child), "// nr_spis = 32\n"));
}
END_TEST

/* dtc is silent: it has nothing else to warn of. */
#define DTC "dtc -W no-simple_bus_reg"

static void shell(const char *command)
{
	FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c): the shell is meant */
	char said[1000];
	size_t n;

	ck_assert_ptr_nonnull(pipe);
	n = fread(said, 1, sizeof(said) - 1, pipe);
	said[n] = '\0';
	ck_assert_msg(!pclose(pipe) && !n, "%s: %s", command, said);
}

static void write_log(const char *path)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(fake_log(child), file);
	fclose(file);
}

/* dtc puts names of properties into an order of its own, so it writes all that is compared. */
START_TEST(dtc_makes_the_same_tree_of_the_source)
{
	static const char *const cases[][ARGS] = {
		{ "dt", F1 },
		{ "dt", F3 },
		{ "dt", F31, F3, F2, F1, NULL },
		{ "dt", F1, F2, "--bridge", "ecam=0xff00000000,size=256M,mem=0x3000:4K" },
	};
	const char *args[ARGS + 3];
	unsigned n;

	for (n = 0; n < ARGS && cases[_i][n]; n++)
		args[n] = cases[_i][n];
	args[n] = NULL;
	ck_assert_int_eq(run(args), 0);
	write_log("a.dts");
	shell(DTC " -I dts -O dtb -o a.dtb a.dts 2>&1");

	args[n] = "--output";
	args[n + 2] = NULL;
	args[n + 1] = "a.dts";
	ck_assert_int_eq(run(args), 0);
	shell(DTC " -I dts -O dtb -o b.dtb a.dts 2>&1 && cmp a.dtb b.dtb 2>&1");

	args[n + 1] = "b.dtb";
	ck_assert_int_eq(run(args), 0);
	shell(DTC " -I dtb -O dtb -o c.dtb b.dtb 2>&1 && cmp a.dtb c.dtb 2>&1");
}
END_TEST

static void assert_line(const char *text)
{
	const char *log = fake_log(child);

	ck_assert_msg(count_lines(log) == 1, "not one line: %s", log);
	ck_assert_msg(!strncmp(log, "xenvirtioctl: ", 14), "%s", log);
	ck_assert_msg(strstr(log, text) != NULL, "%s, not \"%s\"", log, text);
}

struct refusal {
	const char *args[ARGS], *why;
};

#define FUNCTION(value)                   \
	{                                 \
		"dt", "--function", value \
	}
#define BRIDGE_AT(value)                    \
	{                                   \
		"dt", F1, "--bridge", value \
	}

static const struct refusal usages[] = {
	{ { NULL }, "no subcommand is given" },
	{ { "make" }, "there is no subcommand \"make\"" },
	{ { "--dt" }, "there is no subcommand \"--dt\"" },
	{ { "dt" }, "--function is missing" },
	{ { "dt", "--function" }, "--function needs a value" },
	{ { "dt", F1, "--nonsense" }, "there is no flag --nonsense" },
	{ { "dt", F1, "-x" }, "there is no flag -x " },
	{ { "dt", F1, "--help=all" }, "there is no flag --help=all" },
	{ { "dt", F1, "extra", F2 }, "\"extra\" is not a flag" },
	{ { "dt", F1, "--xl", "4.17", "--xl", "4.17" }, "--xl is given twice" },
	{ { "dt", F1, "--xl", "4.16" }, "--xl: \"4.16\" is none of 4.17, 4.18, 4.19, 4.20, 4.21" },
	{ { "dt", F1, "--output", "a.txt" }, "\"a.txt\" ends neither in .dts nor in .dtb" },
	{ { "dt", F1, "--output", "a.dtb.gz" }, "ends neither" },
	{ { "dt", F1, "--output", ".dtb" }, "ends neither" },
	{ { "dt", F1, "--output", "" }, "--output: must not be empty" },
	{ FUNCTION(""), "--function: must not be empty" },
	{ FUNCTION("backend=0"), "--function: \"bdf=\" is missing" },
	{ FUNCTION("bdf=00:01.0"), "--function: \"backend=\" is missing" },
	{ FUNCTION("bdf=00:01.0,backend=dom0"), "\"dom0\" is not a number from 0 to 32751" },
	{ FUNCTION("bdf=00:01.0,backend=32752"), "\"32752\" is not a number from 0 to 32751" },
	{ FUNCTION("bdf=00:01.0,backend=0,memory=auto"), "\"auto\" is none of grants, foreign" },
	{ FUNCTION("bdf=00:00.0,backend=0"), "bdf=00:00.0: must be from 00:01.0 to 00:1f.0" },
	{ FUNCTION("bdf=01:01.0,backend=0"), "bdf=01:01.0: must be from 00:01.0 to 00:1f.0" },
	{ FUNCTION("bdf=00:01.1,backend=0"), "bdf=00:01.1: must be from 00:01.0 to 00:1f.0" },
	{ FUNCTION("bdf=1:00:01.0,backend=0"), "must be from 00:01.0 to 00:1f.0" },
	{ { "dt", F1, F2, "--function", "bdf=0:2.0,backend=1" }, "bdf=00:02.0 is given twice" },
	{ { "dt", F1, "--port", "bdf=00:01.0,backend=0" }, "--port: bdf=00:01.0 is given twice" },
	{ { "dt", "--port", "bdf=00:11.0,backend=0", F1 },
	  "bdf=00:11.0 has the interrupt of 00:01.0, which is not free" },
	{ { "dt", "--port", "bdf=00:10.0,backend=0" }, "has the interrupt of 00:00.0" },
	{ { "dt", "--port", "bdf=01:00.0,backend=0" }, "--port: bdf=01:00.0: must be from" },
	{ { "dt", F1, "--port", "bdf=00:1c.0,backend=0", "--bridge", "size=1M" },
	  "there are 2 buses, with the ports', 1M each" },
	{ BRIDGE_AT("ecam=0x10080000"), "ecam and size must be multiples of 1M" },
	{ BRIDGE_AT("size=1025K"), "ecam and size must be multiples of 1M" },
	{ BRIDGE_AT("size=512K"), "size: 512K is not from 1024K to 262144K" },
	{ BRIDGE_AT("size=257M"), "size: 257M is not from 1024K to 262144K" },
	{ BRIDGE_AT("mem=0x23000800:16M"), "mem must begin and end at multiples of 4K" },
	{ BRIDGE_AT("mem=0x23000000:6K"), "mem must begin and end at multiples of 4K" },
	{ BRIDGE_AT("mem=0x23000000"), "is not BASE:SIZE" },
	{ BRIDGE_AT("mem=0xfffff000:8K"), "mem must lie below 4G" },
	{ BRIDGE_AT("mem=4G:16M"), "mem must lie below 4G" },
	{ BRIDGE_AT("mem=0x100ff000:4K"), "config space and mem overlap" },
	{ BRIDGE_AT("ecam=0x23f00000"), "config space and mem overlap" },
	{ BRIDGE_AT("ecam=0x22f00000,size=2M"), "config space and mem overlap" },
	{ BRIDGE_AT("spi-base=31"), "spi-base: \"31\" is not a number from 32" },
	{ BRIDGE_AT("spi-base=63"), "interrupt 64 is needed, guests of xl 4.17 have 33 to 63" },
	{ { "dt", F31, "--bridge", "spi-base=33" }, "interrupt 64 is needed" },
	{ { "dt", F31, "--bridge", "spi-base=961", "--xl", "4.21" },
	  "interrupt 992 is needed, guests of xl 4.21 have 33 to 991" },
};

START_TEST(words_at_fault_end_with_2)
{
	ck_assert_int_eq(run(usages[_i].args), 2);
	assert_line(usages[_i].why);
}
END_TEST

START_TEST(the_world_at_fault_ends_with_1)
{
	ck_assert_int_eq(RUN("dt", F1, "--output", "missing/a.dtb"), 1);
	assert_line("missing/a.dtb: No such file");
	ck_assert_int_eq(symlink("/dev/full", "full.dts"), 0);
	ck_assert_int_eq(RUN("dt", F1, "--output", "full.dts"), 1);
	assert_line("full.dts: No space left");
}
END_TEST

START_TEST(help_names_every_option)
{
	static const char *const names[] = {
		"  --bridge=", "  --function=", "  --xl=",       "  --output=",    "  --help",
		"  ecam=",     "  size=",       "  mem=",        "  spi-base=",    "  bdf=",
		"  backend=",  "  memory=",     "\n--bridge:\n", "\n--function:\n"
	};
	unsigned i;

	ck_assert_int_eq(RUN("dt", "--help"), 0);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		ck_assert_msg(strstr(fake_log(child), names[i]) != NULL, "no %s", names[i]);
	ck_assert_int_eq(RUN("--help"), 0);
	ck_assert_ptr_nonnull(strstr(fake_log(child), "\n  dt "));
	ck_assert_int_eq(RUN("--version"), 0);
	ck_assert_str_eq(fake_log(child), "xenvirtioctl " XENVIRTIOD_VERSION "\n");
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(libxl_finds_what_it_copies),
		ONCE(the_bridge_is_where_xen_leaves_room),
		ONCE(the_bridge_is_where_it_is_told),
		ONCE(each_slot_has_an_interrupt_of_its_own),
		ONCE(interrupts_begin_where_they_are_told),
		ONCE(each_function_has_its_backend),
		ONCE(without_grants_nothing_speaks_of_them),
		ONCE(what_is_behind_a_port_has_its_backend_and_its_interrupt),
		ONCE(a_full_bus_fits),
		TIMES(lines_for_xl, 5),
		ONCE(lines_for_each_daemon),
		ONCE(the_last_interrupt),
		TIMES(dtc_makes_the_same_tree_of_the_source, 4),
		TIMES(words_at_fault_end_with_2, ARRAY_SIZE(usages)),
		ONCE(the_world_at_fault_ends_with_1),
		ONCE(help_names_every_option),
	};

	return unit_main("dt", setup, teardown, tests, ARRAY_SIZE(tests));
}
