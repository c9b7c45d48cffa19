/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-options.c: every kind of option with what it takes, what it refuses, and
 * the one line that says so; and PCI addresses as text.
 */
#include "base/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bdf.h"
#include "base/layout.h"
#include "unit/unit.h"

struct values {
	char *name, *title;
	uint64_t size, room;
	unsigned count, mode;
	bool on;
	struct pci_bdf bdf;
	uint64_t at, low;
	struct address_window window;
	struct option_list names;
};

struct more {
	unsigned extra;
};

static const char *const modes[] = { "slow", "fast", "faster", NULL };

static const struct option_spec specs[] = {
	{ .key = "name",
	  .kind = OPTION_STRING,
	  .required = true,
	  .offset = offsetof(struct values, name),
	  .placeholder = "NAME",
	  .help = "what it is called" },
	{ .key = "title",
	  .kind = OPTION_STRING,
	  .offset = offsetof(struct values, title),
	  .placeholder = "TEXT",
	  .fallback = "none",
	  .help = "what it is called in full" },
	{ .key = "size",
	  .kind = OPTION_SIZE,
	  .offset = offsetof(struct values, size),
	  .placeholder = "SIZE",
	  .help = "how large it is" },
	{ .key = "room",
	  .kind = OPTION_SIZE,
	  .offset = offsetof(struct values, room),
	  .min = 4096,
	  .max = 3 << 20,
	  .placeholder = "SIZE",
	  .fallback = "64K",
	  .help = "how much there may be" },
	{ .key = "count",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct values, count),
	  .min = 2,
	  .max = 10,
	  .placeholder = "N",
	  .fallback = "4",
	  .help = "how many there are" },
	{ .key = "mode",
	  .kind = OPTION_ENUM,
	  .offset = offsetof(struct values, mode),
	  .names = modes,
	  .fallback = "fast",
	  .help = "how fast it is" },
	{ .key = "on",
	  .kind = OPTION_BOOL,
	  .offset = offsetof(struct values, on),
	  .help = "whether it is" },
	{ .key = "bdf",
	  .kind = OPTION_BDF,
	  .offset = offsetof(struct values, bdf),
	  .placeholder = "00:06.0",
	  .help = "where it is" },
	{ .key = "at",
	  .kind = OPTION_ADDRESS,
	  .offset = offsetof(struct values, at),
	  .placeholder = "ADDRESS",
	  .fallback = "0x10000000",
	  .help = "where it begins" },
	{ .key = "low",
	  .kind = OPTION_ADDRESS,
	  .offset = offsetof(struct values, low),
	  .min = 0x1000,
	  .max = 0xffffffff,
	  .placeholder = "ADDRESS",
	  .help = "where else it begins" },
	{ .key = "window",
	  .kind = OPTION_WINDOW,
	  .offset = offsetof(struct values, window),
	  .placeholder = "BASE:SIZE",
	  .help = "what it takes" },
	{ .key = "also",
	  .kind = OPTION_LIST,
	  .offset = offsetof(struct values, names),
	  .placeholder = "NAME",
	  .help = "what else it is called" },
	{ 0 },
};

static const struct option_spec more_specs[] = {
	{ .key = "extra",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct more, extra),
	  .max = 0xffffffff,
	  .placeholder = "N",
	  .help = "what there is besides" },
	{ 0 },
};

static struct values values;
static struct more more;
static const struct option_set sets[] = { { specs, &values }, { more_specs, &more } };

static void setup(void)
{
}

static void teardown(void)
{
	options_free(sets, ARRAY_SIZE(sets));
}

static int parse(const char *text)
{
	options_free(sets, ARRAY_SIZE(sets));
	values = (struct values){ 0 };
	more = (struct more){ 0 };
	return options_parse(sets, ARRAY_SIZE(sets), "--thing", text);
}

/* ---- what is taken ------------------------------------------------------------- */

START_TEST(all_kinds_at_once)
{
	ck_assert_int_eq(parse("extra=7,name=x,title=A title,size=3M,count=10,mode=faster,on=on,"
			       "bdf=0001:02:1f.7"),
			 0);
	ck_assert_str_eq(values.name, "x");
	ck_assert_str_eq(values.title, "A title");
	ck_assert_uint_eq(values.size, 3 << 20);
	ck_assert_uint_eq(values.count, 10);
	ck_assert_uint_eq(values.mode, 2);
	ck_assert(values.on);
	ck_assert_uint_eq(bdf_sbdf(values.bdf), 0x000102ff);
	ck_assert_uint_eq(more.extra, 7);
}
END_TEST

START_TEST(what_is_not_given_has_its_default)
{
	ck_assert_int_eq(parse("name=x"), 0);
	ck_assert_str_eq(values.title, "none");
	ck_assert_uint_eq(values.size, 0);
	ck_assert_uint_eq(values.count, 4);
	ck_assert_uint_eq(values.mode, 1);
	ck_assert(!values.on);
	ck_assert_uint_eq(more.extra, 0);
}
END_TEST

/* A comma in a value is written twice. */
START_TEST(doubled_commas)
{
	static const struct {
		const char *text, *name;
	} cases[] = {
		{ "name=a,,b", "a,b" },           { "name=,,", "," },
		{ "name=,,,,a,,,,", ",,a,," },    { "name=a,,b,count=3", "a,b" },
		{ "count=3,name=a,,", "a," },     { "name=a,,,count=3", "a," },
		{ "name=count=3", "count=3" },    { "name=a b=c;d", "a b=c;d" },
		{ "name=,,count=3", ",count=3" },
	};

	ck_assert_int_eq(parse(cases[_i].text), 0);
	ck_assert_str_eq(values.name, cases[_i].name);
}
END_TEST

START_TEST(sizes)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{ "name=x,size=0", 0 },
		{ "name=x,size=1", 1 },
		{ "name=x,size=512K", 512 << 10 },
		{ "name=x,size=16M", 16 << 20 },
		{ "name=x,size=5G", 5ull << 30 },
		{ "name=x,size=2T", 2ull << 40 },
		{ "name=x,size=9223372036854775807", INT64_MAX },
		{ "name=x,size=8388607T", 8388607ull << 40 },
		{ "name=x,size=0x0", 0 },
		{ "name=x,size=0xAbc", 0xabc },
		{ "name=x,size=0x10M", 16 << 20 },
		{ "name=x,size=0x7fffffffffffffff", INT64_MAX },
		{ "name=x,size=010", 10 },
	};

	ck_assert_int_eq(parse(cases[_i].text), 0);
	ck_assert_uint_eq(values.size, cases[_i].bytes);
}
END_TEST

/* Both limits are within. */
START_TEST(sizes_within_limits)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{ "name=x,room=4096", 4096 },       { "name=x,room=4K", 4096 },
		{ "name=x,room=4097", 4097 },       { "name=x,room=3M", 3 << 20 },
		{ "name=x,room=3145727", 3145727 }, { "name=x", 65536 },
	};

	ck_assert_int_eq(parse(cases[_i].text), 0);
	ck_assert_uint_eq(values.room, cases[_i].bytes);
}
END_TEST

START_TEST(addresses_of_memory)
{
	ck_assert_int_eq(parse("name=x"), 0);
	ck_assert_uint_eq(values.at, 0x10000000);
	ck_assert_int_eq(parse("name=x,at=0x4000000000,low=4K"), 0);
	ck_assert_uint_eq(values.at, 0x4000000000);
	ck_assert_uint_eq(values.low, 0x1000);
	ck_assert_int_eq(parse("name=x,at=0,low=0xffffffff"), 0);
	ck_assert_uint_eq(values.at, 0);
	ck_assert_uint_eq(values.low, 0xffffffff);
}
END_TEST

START_TEST(windows)
{
	static const struct {
		const char *text;
		uint64_t base, size;
	} cases[] = {
		{ "name=x,window=0x23000000:16M", 0x23000000, 16 << 20 },
		{ "name=x,window=0:1", 0, 1 },
		{ "name=x,window=1G:0x1000", 1 << 30, 4096 },
		{ "name=x,window=0x7fffffffffffffff:0x7fffffffffffffff", INT64_MAX, INT64_MAX },
	};

	ck_assert_int_eq(parse(cases[_i].text), 0);
	ck_assert_uint_eq(values.window.base, cases[_i].base);
	ck_assert_uint_eq(values.window.size, cases[_i].size);
}
END_TEST

/* One that ends where the other begins is beside it. */
START_TEST(windows_that_overlap)
{
	const struct address_window low = { 0x1000, 0x1000 };

	ck_assert(windows_overlap(low, low));
	ck_assert(windows_overlap(low, (struct address_window){ 0x1fff, 1 }));
	ck_assert(windows_overlap((struct address_window){ 0, 0x10000 }, low));
	ck_assert(!windows_overlap(low, (struct address_window){ 0x2000, 0x1000 }));
	ck_assert(!windows_overlap((struct address_window){ 0, 0x1000 }, low));
}
END_TEST

START_TEST(a_list_keeps_the_order)
{
	ck_assert_int_eq(parse("also=b,name=x,also=a,,c,also=b"), 0);
	ck_assert_uint_eq(values.names.count, 3);
	ck_assert_str_eq(values.names.items[0], "b");
	ck_assert_str_eq(values.names.items[1], "a,c");
	ck_assert_str_eq(values.names.items[2], "b");
	ck_assert_int_eq(parse("name=x"), 0);
	ck_assert_uint_eq(values.names.count, 0);
}
END_TEST

static void write_list(char *text, size_t size, unsigned count)
{
	size_t n = (size_t)snprintf(text, size, "name=x");

	while (count--)
		n += (size_t)snprintf(text + n, size - n, ",also=y");
}

START_TEST(a_list_has_an_end)
{
	char text[16 + 8 * (OPTION_LIST_MAX + 1)];

	write_list(text, sizeof(text), OPTION_LIST_MAX);
	ck_assert_int_eq(parse(text), 0);
	ck_assert_uint_eq(values.names.count, OPTION_LIST_MAX);
	write_list(text, sizeof(text), OPTION_LIST_MAX + 1);
	log_capture_begin();
	ck_assert_int_eq(parse(text), -EINVAL);
	ck_assert_str_eq(log_capture_end(),
			 "xenvirtiod: --thing: also: is given more than 32 times\n");
}
END_TEST

START_TEST(one_value_alone)
{
	ck_assert_int_eq(option_set(&specs[0], &values, "--name", "a,b=c"), 0);
	ck_assert_str_eq(values.name, "a,b=c");
	ck_assert_int_eq(option_set(&specs[0], &values, "--name", "again"), 0); /* no leak */
	ck_assert_str_eq(values.name, "again");
	ck_assert_int_eq(option_set(&more_specs[0], &more, "--extra", "4294967295"), 0);
	ck_assert_uint_eq(more.extra, 0xffffffff);
}
END_TEST

/* ---- what is refused ------------------------------------------------------------- */

struct refusal {
	const char *text, *why; /* the line behind "--thing" */
};

#define NO_NUMBER(value)  "count: \"" value "\" is not a number from 2 to 10"
#define NO_SIZE(value)    "size: \"" value "\" is not a size"
#define NO_ROOM(value)    "room: " value " is not from 4K to 3072K"
#define NO_BDF(value)     "bdf: \"" value "\" is not a PCI address"
#define NO_ADDRESS(value) "at: \"" value "\" is not an address"
#define NO_WINDOW(value)  "window: \"" value "\" is not BASE:SIZE"
#define NO_PAIR(item)     "\"" item "\" is not of the form key=value"

static const struct refusal refusals[] = {
	{ "", NO_PAIR("") },
	{ ",", NO_PAIR("") },
	{ "name", NO_PAIR("name") },
	{ "name=x,", NO_PAIR("") },
	{ ",name=x", NO_PAIR("") },
	{ "name=x,on", NO_PAIR("on") },
	{ "name=x, on=on", "there is no option \" on\"" },
	{ "nome=x", "there is no option \"nome\"" },
	{ "=x", "there is no option \"\"" },
	{ "NAME=x", "there is no option \"NAME\"" },
	{ "name=x,name=x", "\"name\" is given twice" },
	{ "name=x,extra=1,count=3,extra=2", "\"extra\" is given twice" },
	{ "name=", "name: must not be empty" },
	{ "count=3", "\"name=\" is missing" },
	{ "name=x,count=", NO_NUMBER("") },
	{ "name=x,count=1", NO_NUMBER("1") },
	{ "name=x,count=11", NO_NUMBER("11") },
	{ "name=x,count=-3", NO_NUMBER("-3") },
	{ "name=x,count=+3", NO_NUMBER("+3") },
	{ "name=x,count= 3", NO_NUMBER(" 3") },
	{ "name=x,count=3 ", NO_NUMBER("3 ") },
	{ "name=x,count=0x3", NO_NUMBER("0x3") },
	{ "name=x,count=3.0", NO_NUMBER("3.0") },
	{ "name=x,count=4294967299", NO_NUMBER("4294967299") },
	{ "name=x,count=18446744073709551619", NO_NUMBER("18446744073709551619") },
	{ "name=x,extra=4294967296", "extra: \"4294967296\" is not a number from 0 to 4294967295" },
	{ "name=x,size=", NO_SIZE("") },
	{ "name=x,size=K", NO_SIZE("K") },
	{ "name=x,size=-1", NO_SIZE("-1") },
	{ "name=x,size=1k", NO_SIZE("1k") },
	{ "name=x,size=1KB", NO_SIZE("1KB") },
	{ "name=x,size=1 K", NO_SIZE("1 K") },
	{ "name=x,size=9223372036854775808", NO_SIZE("9223372036854775808") },
	{ "name=x,size=8388608T", NO_SIZE("8388608T") },
	{ "name=x,size=99999999999999999999", NO_SIZE("99999999999999999999") },
	{ "name=x,room=0", NO_ROOM("0") },
	{ "name=x,room=4095", NO_ROOM("4095") },
	{ "name=x,room=3K", NO_ROOM("3K") },
	{ "name=x,room=3145729", NO_ROOM("3145729") },
	{ "name=x,room=1G", NO_ROOM("1G") },
	{ "name=x,room=9223372036854775807", NO_ROOM("9223372036854775807") },
	{ "name=x,room=", "room: \"\" is not a size" },
	{ "name=x,room=8388608T", "room: \"8388608T\" is not a size" },
	{ "name=x,on=", "on: \"\" is neither on nor off" },
	{ "name=x,on=yes", "on: \"yes\" is neither on nor off" },
	{ "name=x,on=ON", "on: \"ON\" is neither on nor off" },
	{ "name=x,mode=", "mode: \"\" is none of slow, fast, faster" },
	{ "name=x,mode=fas", "mode: \"fas\" is none of slow, fast, faster" },
	{ "name=x,mode=1", "mode: \"1\" is none of slow, fast, faster" },
	{ "name=x,bdf=", NO_BDF("") },
	{ "name=x,bdf=6", NO_BDF("6") },
	{ "name=x,bdf=00:20.0", NO_BDF("00:20.0") },
	{ "name=x,size=0x", NO_SIZE("0x") },
	{ "name=x,size=0xK", NO_SIZE("0xK") },
	{ "name=x,size=0x0x1", NO_SIZE("0x0x1") },
	{ "name=x,size=0X1", NO_SIZE("0X1") },
	{ "name=x,size=0x-1", NO_SIZE("0x-1") },
	{ "name=x,size=ff", NO_SIZE("ff") },
	{ "name=x,size=0x8000000000000000", NO_SIZE("0x8000000000000000") },
	{ "name=x,size=0x10000000000000000", NO_SIZE("0x10000000000000000") },
	{ "name=x,at=", NO_ADDRESS("") },
	{ "name=x,at=here", NO_ADDRESS("here") },
	{ "name=x,at=10000000h", NO_ADDRESS("10000000h") },
	{ "name=x,low=0xfff", "low: 0xfff is not from 0x1000 to 0xffffffff" },
	{ "name=x,low=4G", "low: 4G is not from 0x1000 to 0xffffffff" },
	{ "name=x,window=", NO_WINDOW("") },
	{ "name=x,window=0x1000", NO_WINDOW("0x1000") },
	{ "name=x,window=:4K", NO_WINDOW(":4K") },
	{ "name=x,window=0x1000:", NO_WINDOW("0x1000:") },
	{ "name=x,window=0x1000:0", NO_WINDOW("0x1000:0") },
	{ "name=x,window=0:1:2", NO_WINDOW("0:1:2") },
	{ "name=x,window=00000000000000000000000000000001:1",
	  NO_WINDOW("00000000000000000000000000000001:1") },
	{ "name=x,also=", "also: must not be empty" },
	{ "name=x,also=y,also=", "also: must not be empty" },
};

START_TEST(refused_in_one_line)
{
	const struct refusal *r = &refusals[_i];
	char expected[200];
	const char *log;
	int err;

	log_capture_begin();
	err = parse(r->text);
	log = log_capture_end();
	ck_assert_int_eq(err, -EINVAL);
	ck_assert_uint_eq(count_lines(log), 1);
	snprintf(expected, sizeof(expected), "xenvirtiod: --thing: %s", r->why);
	ck_assert_msg(!strncmp(log, expected, strlen(expected)), "%s, not %s", log, expected);
}
END_TEST

/* Any prefix of a good list is good, or refused in one line; AddressSanitizer watches. */
START_TEST(every_prefix_ends_somehow)
{
	static const char whole[] = "name=a,,b,title=T,,,size=3M,count=10,mode=faster,on=on,"
				    "bdf=0001:02:1f.7,extra=12,at=0x1f,low=8K,"
				    "window=0x1000:4K,also=a,also=b";
	char prefix[sizeof(whole)];
	const char *log;
	size_t n;
	int err;

	for (n = 0; n < sizeof(whole); n++) {
		memcpy(prefix, whole, n);
		prefix[n] = '\0';
		log_capture_begin();
		err = parse(prefix);
		log = log_capture_end();
		ck_assert_uint_eq(count_lines(log), err ? 1 : 0);
	}
	ck_assert_int_eq(err, 0);
}
END_TEST

/* ---- the help ------------------------------------------------------------------------ */

START_TEST(help_has_a_line_for_each)
{
	const struct option_spec *spec;
	char *text, *line;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	options_help(out, "  --", specs);
	fclose(out);
	ck_assert_uint_eq(count_lines(text), ARRAY_SIZE(specs) - 1);
	line = text;
	for (spec = specs; spec->key; spec++, line = strchr(line, '\n') + 1) {
		ck_assert_int_eq(strncmp(line, "  --", 4), 0);
		ck_assert_int_eq(strncmp(line + 4, spec->key, strlen(spec->key)), 0);
		ck_assert_ptr_nonnull(strstr(line, spec->help));
	}
	ck_assert_ptr_nonnull(strstr(text, "mode=slow|fast|faster"));
	ck_assert_ptr_nonnull(strstr(text, "on=on|off"));
	ck_assert_ptr_nonnull(strstr(text, "(required)"));
	ck_assert_ptr_nonnull(strstr(text, "(default: fast)"));
	free(text);
}
END_TEST

/* ---- PCI addresses ------------------------------------------------------------------- */

struct address {
	const char *text;
	uint32_t sbdf;
	const char *back; /* as we write it; NULL: not an address */
};

static const struct address addresses[] = {
	{ "00:06.0", 0x30, "00:06.0" },
	{ "0:6.0", 0x30, "00:06.0" },
	{ "0000:00:06.0", 0x30, "00:06.0" },
	{ "ff:1f.7", 0xffff, "ff:1f.7" },
	{ "FF:1F.7", 0xffff, "ff:1f.7" },
	{ "ffff:ff:1f.7", 0xffffffff, "ffff:ff:1f.7" },
	{ "1:02:03.4", 0x1021c, "0001:02:03.4" },
	{ "", 0, NULL },
	{ "00:06", 0, NULL },
	{ "00:06.", 0, NULL },
	{ "00.06.0", 0, NULL },
	{ ":06.0", 0, NULL },
	{ "00:.0", 0, NULL },
	{ "00:06.8", 0, NULL },
	{ "00:20.0", 0, NULL },
	{ "00:06.00", 0, NULL },
	{ "00:006.0", 0, NULL },
	{ "100:06.0", 0, NULL },
	{ "10000:00:06.0", 0, NULL },
	{ ":00:06.0", 0, NULL },
	{ "0:0000:00:06.0", 0, NULL },
	{ "00:06.0 ", 0, NULL },
	{ " 00:06.0", 0, NULL },
	{ "0x0:06.0", 0, NULL },
	{ "-1:06.0", 0, NULL },
	{ "00:0g.0", 0, NULL },
	{ "00:06:0", 0, NULL },
};

START_TEST(pci_addresses)
{
	const struct address *a = &addresses[_i];
	struct pci_bdf bdf = { .bus = 0x55 };
	char text[BDF_TEXT_MAX];

	ck_assert_int_eq(bdf_parse(a->text, &bdf), a->back != NULL);
	if (!a->back) {
		ck_assert_uint_eq(bdf.bus, 0x55); /* left alone */
		return;
	}
	ck_assert_uint_eq(bdf_sbdf(bdf), a->sbdf);
	ck_assert_str_eq(bdf_format(bdf, text), a->back);
}
END_TEST

START_TEST(all_functions_of_a_bus_survive_the_round_trip)
{
	char text[BDF_TEXT_MAX];
	struct pci_bdf bdf;
	unsigned sbdf;

	for (sbdf = 0; sbdf < 65536; sbdf++) {
		bdf = (struct pci_bdf){ .bus = (uint8_t)(sbdf >> 8),
					.device = (uint8_t)(sbdf >> 3 & 31),
					.function = (uint8_t)(sbdf & 7) };
		bdf_format(bdf, text);
		if (!bdf_parse(text, &bdf) || bdf_sbdf(bdf) != sbdf)
			ck_abort_msg("%s", text);
	}
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(all_kinds_at_once),
		ONCE(what_is_not_given_has_its_default),
		TIMES(doubled_commas, 9),
		TIMES(sizes, 13),
		TIMES(sizes_within_limits, 6),
		ONCE(addresses_of_memory),
		TIMES(windows, 4),
		ONCE(windows_that_overlap),
		ONCE(a_list_keeps_the_order),
		ONCE(a_list_has_an_end),
		ONCE(one_value_alone),
		TIMES(refused_in_one_line, ARRAY_SIZE(refusals)),
		ONCE(every_prefix_ends_somehow),
		ONCE(help_has_a_line_for_each),
		TIMES(pci_addresses, ARRAY_SIZE(addresses)),
		ONCE(all_functions_of_a_bus_survive_the_round_trip),
	};

	return unit_main("options", setup, teardown, tests, ARRAY_SIZE(tests));
}
