/* SPDX-License-Identifier: GPL-2.0-or-later */
/* complete.c: what a shell may offer behind "xenvirtioctl"; see base/complete.h. */
#include "base/complete.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "ctl/ctl.h"

static void complete_subcommand(const char *word)
{
	const struct subcommand *subcommand;

	for (subcommand = subcommands; subcommand->name; subcommand++)
		complete_word("", subcommand->name, word);
	complete_word("", "--version", word);
	complete_word("", "--help", word);
}

/* Words that are no flags, nor a flag's value. */
static unsigned count_operands(const struct subcommand *subcommand, char **words, int count)
{
	unsigned n = 0;
	int i;

	for (i = 0; i < count; i++) {
		if (strncmp(words[i], "--", 2))
			n++;
		else if (complete_takes_value(subcommand->options, words[i]))
			i++;
	}
	return n;
}

/* "up|down" are two that it may be; of what is in capitals only the user knows. */
static void complete_operand(const char *operands, unsigned n, const char *word)
{
	char copy[128], *rest = copy, *operand = NULL, *one;
	unsigned i;

	snprintf(copy, sizeof(copy), "%s", operands);
	for (i = 0; i <= n; i++)
		operand = strsep(&rest, " ");
	if (!operand || !strchr(operand, '|'))
		return;
	while ((one = strsep(&operand, "|")))
		complete_word("", one, word);
}

static void complete_arguments(const struct subcommand *subcommand, char **words, int count)
{
	const char *last = words[count - 1], *before = count > 1 ? words[count - 2] : "";

	if (subcommand->complete) {
		subcommand->complete(words, count);
		return;
	}
	if (complete_after(subcommand->options, before, last))
		return;
	if (subcommand->operands && *last != '-')
		complete_operand(subcommand->operands, count_operands(subcommand, words, count - 1),
				 last);
	if (*last == '-' || !subcommand->operands) {
		complete_flags(subcommand->options, last);
		complete_word("", "--help", last);
	}
}

void ctl_complete(char **words, int count)
{
	const struct subcommand *subcommand;

	if (count < 2) {
		complete_subcommand(count ? words[0] : "");
		return;
	}
	for (subcommand = subcommands; subcommand->name; subcommand++)
		if (!strcmp(words[0], subcommand->name))
			complete_arguments(subcommand, words + 1, count - 1);
}
