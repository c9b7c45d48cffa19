/* SPDX-License-Identifier: GPL-2.0-or-later */
/* complete.h: what a shell may offer for a word that is not whole yet, from the tables.
 *
 * "PROGRAM --complete WORD..." prints the candidates for the last WORD, a whole word on each
 * line; completion/xenvirtiod.bash asks. It is for that script alone, so --help does not name
 * it. Nothing is printed where a file may follow: the shell knows those. */
#pragma once
#include <stdbool.h>

#include "base/options.h"

#define COMPLETE_FLAG "--complete"

/* @candidate, behind @before, if it begins with @word. */
void complete_word(const char *before, const char *candidate, const char *word);

/* "--key" of each. */
void complete_flags(const struct option_spec *specs, const char *word);

/* The end of "key=value,key=value": keys that are not there yet, or their values. */
void complete_list(const struct option_set *sets, unsigned nsets, const char *text);

/* True if @flag, "--key", is one whose value is the next word. */
bool complete_takes_value(const struct option_spec *specs, const char *flag);

/* False if @flag, the word before, is none of the flags that have a value. */
bool complete_after(const struct option_spec *specs, const char *flag, const char *word);
