/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.h: "key=value,key=value" by one table, which is also the help text.
 *
 * A table describes the fields of a plain struct. The parser fills the struct
 * and refuses, with one line in the log, what the table does not allow. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_kind {
	OPTION_STRING,  /* char * */
	OPTION_BOOL,    /* bool: on, off */
	OPTION_FLAG,    /* bool: by being there; of a table of flags only */
	OPTION_UINT,    /* unsigned: decimal, min to max */
	OPTION_SIZE,    /* uint64_t: bytes, also 0x, or with K M G T; max 0: no limits */
	OPTION_ENUM,    /* unsigned: index into names */
	OPTION_BDF,     /* struct pci_bdf */
	OPTION_ADDRESS, /* uint64_t: written as a size is, with limits as there */
	OPTION_WINDOW,  /* struct address_window: BASE:SIZE */
	OPTION_LIST,    /* struct option_list: the key may be given again */
};

#define OPTION_LIST_MAX 32

/* The values of a key in their order, as strings; option_set() takes them apart. */
struct option_list {
	char *items[OPTION_LIST_MAX];
	unsigned count;
};

struct option_spec {
	const char *key;
	enum option_kind kind;
	bool required;
	bool at_start; /* refused by options_parse_later() */
	size_t offset; /* of the field in the struct */
	uint64_t min, max;
	const char *const *names; /* NULL-terminated */
	const char *placeholder;  /* for the help: "PATH" */
	const char *fallback;     /* the default, as text; NULL: the zero of its type */
	const char *help;
};

/* The one with this key in a table; NULL: there is none. */
const struct option_spec *option_find(const struct option_spec *specs, const char *key);

/* Parses one value into its field. @where names it in messages ("--workers",
 * "--blk: path"). Strings are allocated. Returns 0 or -EINVAL, -ENOMEM. */
int option_set(const struct option_spec *spec, void *into, const char *where, const char *value);

/* A table, which ends with a NULL key, and the zeroed struct that it fills. */
struct option_set {
	const struct option_spec *specs;
	void *into;
};

/* Parses a comma-separated list by the tables of @sets; "," in a value is
 * written ",,". Defaults are applied. Returns 0 or -EINVAL, -ENOMEM; the
 * structs need options_free() either way. */
int options_parse(const struct option_set *sets, unsigned nsets, const char *where,
		  const char *text);

/* The same, for what comes when the program has started long since. */
int options_parse_later(const struct option_set *sets, unsigned nsets, const char *where,
			const char *text);
void options_free(const struct option_set *sets, unsigned nsets);

/* Cuts the next item off such a list, in place, turning ",," into ",". Behind the last one *@rest
 * is NULL. */
char *options_next_item(char **rest);

/* For tables of flags, "--key value", which getopt_long(3) takes apart. Fills the
 * defaults in: 0 or -ENOMEM. And says which flag, of those in @argv, it does not know. */
int options_defaults(const struct option_set *set);
void options_unknown_flag(char **argv);

/* "  key=PATH      help (default: x)", one line per entry. */
void options_help(FILE *out, const char *prefix, const struct option_spec *specs);
