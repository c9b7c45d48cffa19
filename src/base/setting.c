/* SPDX-License-Identifier: GPL-2.0-or-later */
/* setting.c: see setting.h. */
#include "base/setting.h"

#include <string.h>

bool setting_split(char *line, char **key, char **value)
{
	char *end = line + strlen(line), *at;

	*key = line + strspn(line, " \t");
	while (end > *key && strchr(" \t", end[-1]))
		*--end = '\0';
	at = *value = *key + strcspn(*key, "= \t");
	if (*at) {
		*value += strspn(*value, " \t");
		*value += **value == '=';
		*value += strspn(*value, " \t");
		*at = '\0';
	}
	return *key != end && **key != '#';
}
