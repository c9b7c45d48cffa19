/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.c: the table-driven parser behind the flags. */
#include "base/options.h"

#include "base/bdf.h"
#include "base/layout.h"
#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEYS 64

static int set_string(void *field, const char *where, const char *value)
{
	char *copy;

	if (!*value) {
		log_error("%s: must not be empty", where);
		return -EINVAL;
	}
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*(char **)field);
	*(char **)field = copy;
	return 0;
}

static int set_bool(void *field, const char *where, const char *value)
{
	bool on = !strcmp(value, "on");

	if (!on && strcmp(value, "off")) {
		log_error("%s: \"%s\" is neither on nor off", where, value);
		return -EINVAL;
	}
	*(bool *)field = on;
	return 0;
}

/* Digits only: strtoull() alone would take spaces, signs and trailing junk. */
static bool parse_digits(const char *text, uint64_t *value, const char **end)
{
	char *stop;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, &stop, 10);
	*end = stop;
	return !errno;
}

/* Decimal, or 0x and at least one hexadecimal digit. */
static bool parse_number(const char *text, uint64_t *value, const char **end)
{
	char *stop;

	if (strncmp(text, "0x", 2))
		return parse_digits(text, value, end);
	if (!isxdigit((unsigned char)text[2]))
		return false;
	errno = 0;
	*value = strtoull(text, &stop, 16);
	*end = stop;
	return !errno;
}

static int set_uint(const struct option_spec *spec, void *field, const char *where,
		    const char *value)
{
	const char *end;
	uint64_t n;

	if (!parse_digits(value, &n, &end) || *end || n < spec->min || n > spec->max) {
		log_error("%s: \"%s\" is not a number from %llu to %llu", where, value,
			  (unsigned long long)spec->min, (unsigned long long)spec->max);
		return -EINVAL;
	}
	*(unsigned *)field = (unsigned)n;
	return 0;
}

static bool parse_size(const char *text, uint64_t *value)
{
	static const char suffixes[] = "KMGT";
	const char *end, *suffix;
	unsigned shift = 0;

	if (!parse_number(text, value, &end))
		return false;
	if (*end) {
		suffix = strchr(suffixes, *end);
		if (!suffix || end[1])
			return false;
		shift = 10 * (unsigned)(suffix - suffixes + 1);
	}
	if (*value > (uint64_t)INT64_MAX >> shift)
		return false;
	*value <<= shift;
	return true;
}

static int set_size(const struct option_spec *spec, void *field, const char *where,
		    const char *value)
{
	uint64_t n;

	if (!parse_size(value, &n)) {
		log_error("%s: \"%s\" is not a size (bytes, or with K, M, G, T)", where, value);
		return -EINVAL;
	}
	if (spec->max && (n < spec->min || n > spec->max)) {
		log_error("%s: %s is not from %lluK to %lluK", where, value,
			  (unsigned long long)spec->min >> 10, (unsigned long long)spec->max >> 10);
		return -EINVAL;
	}
	*(uint64_t *)field = n;
	return 0;
}

static int set_address(const struct option_spec *spec, void *field, const char *where,
		       const char *value)
{
	uint64_t n;

	if (!parse_size(value, &n)) {
		log_error("%s: \"%s\" is not an address such as 0x10000000", where, value);
		return -EINVAL;
	}
	if (spec->max && (n < spec->min || n > spec->max)) {
		log_error("%s: %s is not from %#llx to %#llx", where, value,
			  (unsigned long long)spec->min, (unsigned long long)spec->max);
		return -EINVAL;
	}
	*(uint64_t *)field = n;
	return 0;
}

/* No sum of two values that parse_size() takes is beyond 64 bits. */
static bool parse_window(const char *text, struct address_window *window)
{
	const char *colon = strchr(text, ':');
	char base[32];

	if (!colon || (size_t)(colon - text) >= sizeof(base))
		return false;
	snprintf(base, sizeof(base), "%.*s", (int)(colon - text), text);
	return parse_size(base, &window->base) && parse_size(colon + 1, &window->size) &&
	       window->size;
}

static int set_window(void *field, const char *where, const char *value)
{
	struct address_window window;

	if (!parse_window(value, &window)) {
		log_error("%s: \"%s\" is not BASE:SIZE such as 0x23000000:16M", where, value);
		return -EINVAL;
	}
	*(struct address_window *)field = window;
	return 0;
}

static int add_to_list(struct option_list *list, const char *where, const char *value)
{
	int err;

	if (list->count == OPTION_LIST_MAX) {
		log_error("%s: is given more than %u times", where, OPTION_LIST_MAX);
		return -EINVAL;
	}
	err = set_string(&list->items[list->count], where, value);
	if (!err)
		list->count++;
	return err;
}

static int set_enum(const struct option_spec *spec, void *field, const char *where,
		    const char *value)
{
	char all[128] = "";
	unsigned i;

	for (i = 0; spec->names[i]; i++) {
		if (!strcmp(spec->names[i], value)) {
			*(unsigned *)field = i;
			return 0;
		}
		strncat(all, i ? ", " : "", sizeof(all) - strlen(all) - 1);
		strncat(all, spec->names[i], sizeof(all) - strlen(all) - 1);
	}
	log_error("%s: \"%s\" is none of %s", where, value, all);
	return -EINVAL;
}

static int set_bdf(void *field, const char *where, const char *value)
{
	if (bdf_parse(value, field))
		return 0;
	log_error("%s: \"%s\" is not a PCI address such as 00:06.0", where, value);
	return -EINVAL;
}

const struct option_spec *option_find(const struct option_spec *specs, const char *key)
{
	for (; specs->key; specs++)
		if (!strcmp(specs->key, key))
			return specs;
	return NULL;
}

int option_set(const struct option_spec *spec, void *into, const char *where, const char *value)
{
	void *field = (char *)into + spec->offset;

	switch (spec->kind) {
	case OPTION_STRING:
		return set_string(field, where, value);
	case OPTION_BOOL:
		return set_bool(field, where, value);
	case OPTION_FLAG:
		*(bool *)field = true;
		return 0;
	case OPTION_UINT:
		return set_uint(spec, field, where, value);
	case OPTION_SIZE:
		return set_size(spec, field, where, value);
	case OPTION_ENUM:
		return set_enum(spec, field, where, value);
	case OPTION_BDF:
		return set_bdf(field, where, value);
	case OPTION_ADDRESS:
		return set_address(spec, field, where, value);
	case OPTION_WINDOW:
		return set_window(field, where, value);
	case OPTION_LIST:
		return add_to_list(field, where, value);
	}
	return -EINVAL;
}

char *options_next_item(char **rest)
{
	char *item = *rest, *to = item, *from = item;

	for (; *from; *to++ = *from++) {
		if (*from != ',')
			continue;
		if (from[1] != ',') {
			*rest = from + 1;
			*to = '\0';
			return item;
		}
		from++;
	}
	*to = '\0';
	*rest = NULL;
	return item;
}

struct parse {
	const struct option_set *sets;
	unsigned nsets;
	const char *where;
	bool later;
	const struct option_spec *seen[MAX_KEYS];
	unsigned nseen;
};

static bool was_seen(const struct parse *parse, const struct option_spec *spec)
{
	unsigned i;

	for (i = 0; i < parse->nseen; i++)
		if (parse->seen[i] == spec)
			return true;
	return false;
}

static const struct option_spec *find(const struct parse *parse, const char *key, void **into)
{
	const struct option_spec *spec;
	unsigned i;

	for (i = 0; i < parse->nsets; i++) {
		spec = option_find(parse->sets[i].specs, key);
		if (spec) {
			*into = parse->sets[i].into;
			return spec;
		}
	}
	return NULL;
}

static int parse_item(struct parse *parse, char *item)
{
	char *equals = strchr(item, '=');
	const struct option_spec *spec;
	char where[384];
	void *into;

	if (!equals) {
		log_error("%s: \"%s\" is not of the form key=value", parse->where, item);
		return -EINVAL;
	}
	*equals = '\0';
	spec = find(parse, item, &into);
	if (!spec) {
		log_error("%s: there is no option \"%s\" (see --help)", parse->where, item);
		return -EINVAL;
	}
	if (spec->at_start && parse->later) {
		log_error("%s: \"%s=\" is only for what is there from the start", parse->where,
			  item);
		return -EINVAL;
	}
	if (!was_seen(parse, spec)) {
		parse->seen[parse->nseen++] = spec;
	} else if (spec->kind != OPTION_LIST) {
		log_error("%s: \"%s\" is given twice", parse->where, item);
		return -EINVAL;
	}
	snprintf(where, sizeof(where), "%s: %s", parse->where, item);
	return option_set(spec, into, where, equals + 1);
}

static int apply_default(const struct parse *parse, const struct option_spec *spec, void *into)
{
	if (was_seen(parse, spec))
		return 0;
	if (spec->required) {
		log_error("%s: \"%s=\" is missing", parse->where, spec->key);
		return -EINVAL;
	}
	if (!spec->fallback)
		return 0;
	return option_set(spec, into, spec->key, spec->fallback);
}

static int apply_defaults(const struct parse *parse)
{
	const struct option_spec *spec;
	unsigned i;
	int err;

	for (i = 0; i < parse->nsets; i++)
		for (spec = parse->sets[i].specs; spec->key; spec++) {
			err = apply_default(parse, spec, parse->sets[i].into);
			if (err)
				return err;
		}
	return 0;
}

static int parse_list(struct parse *parse, const char *text)
{
	char *copy = strdup(text), *rest = copy;
	int err = copy ? 0 : -ENOMEM;

	while (!err && rest)
		err = parse_item(parse, options_next_item(&rest));
	free(copy);
	return err ? err : apply_defaults(parse);
}

int options_parse(const struct option_set *sets, unsigned nsets, const char *where,
		  const char *text)
{
	struct parse parse = { .sets = sets, .nsets = nsets, .where = where };

	return parse_list(&parse, text);
}

int options_parse_later(const struct option_set *sets, unsigned nsets, const char *where,
			const char *text)
{
	struct parse parse = { .sets = sets, .nsets = nsets, .where = where, .later = true };

	return parse_list(&parse, text);
}

static void free_string(char **field)
{
	free(*field);
	*field = NULL;
}

static void free_list(struct option_list *list)
{
	while (list->count)
		free_string(&list->items[--list->count]);
}

int options_defaults(const struct option_set *set)
{
	const struct option_spec *spec;
	int err = 0;

	for (spec = set->specs; spec->key && !err; spec++)
		if (spec->fallback)
			err = option_set(spec, set->into, spec->key, spec->fallback);
	return err;
}

/* Short flags may stand together in one argument, which is not behind us then. */
void options_unknown_flag(char **argv)
{
	if (optopt > 0 && optopt <= UINT8_MAX)
		log_error("there is no flag -%c (see --help)", optopt);
	else
		log_error("there is no flag %s (see --help)", argv[optind - 1]);
}

void options_free(const struct option_set *sets, unsigned nsets)
{
	const struct option_spec *spec;
	unsigned i;

	for (i = 0; i < nsets; i++)
		for (spec = sets[i].specs; spec->key; spec++) {
			void *field = (char *)sets[i].into + spec->offset;

			if (spec->kind == OPTION_STRING)
				free_string(field);
			else if (spec->kind == OPTION_LIST)
				free_list(field);
		}
}

static void format_value(const struct option_spec *spec, char *text, size_t size)
{
	unsigned i;

	if (spec->kind == OPTION_BOOL) {
		snprintf(text, size, "on|off");
		return;
	}
	if (spec->kind != OPTION_ENUM) {
		snprintf(text, size, "%s", spec->placeholder ? spec->placeholder : "");
		return;
	}
	text[0] = '\0';
	for (i = 0; spec->names[i]; i++) {
		strncat(text, i ? "|" : "", size - strlen(text) - 1);
		strncat(text, spec->names[i], size - strlen(text) - 1);
	}
}

void options_help(FILE *out, const char *prefix, const struct option_spec *specs)
{
	const struct option_spec *spec;
	char value[64], left[96];

	for (spec = specs; spec->key; spec++) {
		format_value(spec, value, sizeof(value));
		if (spec->kind == OPTION_FLAG)
			snprintf(left, sizeof(left), "%s%s", prefix, spec->key);
		else
			snprintf(left, sizeof(left), "%s%s=%s", prefix, spec->key, value);
		fprintf(out, "%-36s %s", left, spec->help);
		if (spec->required)
			fprintf(out, " (required)");
		else if (spec->fallback)
			fprintf(out, " (default: %s)", spec->fallback);
		fputc('\n', out);
	}
}
