/* SPDX-License-Identifier: GPL-2.0-or-later */
/* setting.h: a line of a configuration file. */
#pragma once
#include <stdbool.h>

/* Cuts "key=value" or "key value" apart, in place; blanks around both are no part of them, and
 * what is not there is "". False: the line is empty or a comment. */
bool setting_split(char *line, char **key, char **value);
