/* SPDX-License-Identifier: GPL-2.0-or-later */
/* complete.c: see complete.h. */
#include "base/complete.h"

#include <string.h>

void complete_word(const char *before, const char *candidate, const char *word)
{
	if (!strncmp(candidate, word, strlen(word)))
		printf("%s%s\n", before, candidate);
}

void complete_flags(const struct option_spec *specs, const char *word)
{
	const struct option_spec *spec;
	char flag[64];

	for (spec = specs; spec->key; spec++) {
		snprintf(flag, sizeof(flag), "--%s", spec->key);
		complete_word("", flag, word);
	}
}

static void complete_value(const struct option_spec *spec, const char *before, const char *word)
{
	static const char *const switches[] = { "on", "off", NULL };
	const char *const *names = spec->kind == OPTION_BOOL ? switches : spec->names;
	unsigned i;

	for (i = 0; names && names[i]; i++)
		complete_word(before, names[i], word);
}

bool complete_takes_value(const struct option_spec *specs, const char *flag)
{
	const struct option_spec *spec = strncmp(flag, "--", 2) ? NULL
								: option_find(specs, flag + 2);

	return spec && spec->kind != OPTION_FLAG;
}

bool complete_after(const struct option_spec *specs, const char *flag, const char *word)
{
	if (!complete_takes_value(specs, flag))
		return false;
	complete_value(option_find(specs, flag + 2), "", word);
	return true;
}

/* Behind the next comma that ends an item; NULL: there is none. */
static const char *next_item(const char *text)
{
	while ((text = strchr(text, ','))) {
		if (text[1] != ',')
			return text + 1;
		text += 2;
	}
	return NULL;
}

static bool has_key(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (; text; text = next_item(text))
		if (!strncmp(text, key, n) && text[n] == '=')
			return true;
	return false;
}

static void complete_key(const struct option_spec *specs, const char *text, const char *before,
			 const char *word)
{
	char candidate[64];

	for (; specs->key; specs++) {
		if (specs->kind != OPTION_LIST && has_key(text, specs->key))
			continue;
		snprintf(candidate, sizeof(candidate), "%s=", specs->key);
		complete_word(before, candidate, word);
	}
}

void complete_list(const struct option_set *sets, unsigned nsets, const char *text)
{
	const char *item = text, *next, *equals;
	char before[4096], key[64];
	const struct option_spec *spec;
	unsigned i;

	while ((next = next_item(item)))
		item = next;
	equals = strchr(item, '=');
	if (equals)
		equals++;
	snprintf(before, sizeof(before), "%.*s", (int)((equals ? equals : item) - text), text);
	snprintf(key, sizeof(key), "%.*s", equals ? (int)(equals - item - 1) : 0, item);
	for (i = 0; i < nsets; i++) {
		if (!equals)
			complete_key(sets[i].specs, text, before, item);
		else if ((spec = option_find(sets[i].specs, key)))
			complete_value(spec, before, equals);
	}
}
