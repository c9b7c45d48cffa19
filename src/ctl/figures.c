/* SPDX-License-Identifier: GPL-2.0-or-later */
/* figures.c: see figures.h. */
#include "ctl/figures.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client.h"

static unsigned count_lines(const char *text)
{
	unsigned lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static bool split(char *line, struct figure *figure)
{
	figure->subject = strsep(&line, " ");
	figure->key = strsep(&line, " ");
	figure->value = line;
	return line;
}

int figures_get(struct figures *figures, const char *instance)
{
	char *rest, *line;
	int err;

	*figures = (struct figures){ 0 };
	err = client_ask(instance, "stats", NULL, 0, &figures->text);
	if (err)
		return err;
	figures->lines = calloc(count_lines(figures->text) + 1, sizeof(*figures->lines));
	if (!figures->lines)
		return -ENOMEM;
	for (rest = figures->text; (line = strsep(&rest, "\n"));)
		figures->count += split(line, &figures->lines[figures->count]);
	return 0;
}

void figures_free(struct figures *figures)
{
	free(figures->lines);
	free(figures->text);
	*figures = (struct figures){ 0 };
}

const char *figures_text(const struct figures *figures, const char *subject, const char *key)
{
	unsigned i;

	for (i = 0; i < figures->count; i++)
		if (!strcmp(figures->lines[i].subject, subject) &&
		    !strcmp(figures->lines[i].key, key))
			return figures->lines[i].value;
	return NULL;
}

uint64_t figures_number(const struct figures *figures, const char *subject, const char *key)
{
	const char *text = figures_text(figures, subject, key);

	return text ? strtoull(text, NULL, 10) : 0;
}

bool figure_part(const struct figure *figure, char part[16], unsigned *index, const char **key)
{
	int at = 0;

	if (sscanf(figure->key, "%15[a-z].%u.%n", part, index, &at) != 2 || !at)
		return false;
	*key = figure->key + at;
	return true;
}

bool figure_latency(const struct figure *figure, uint64_t *end)
{
	unsigned long long ns;
	int at = 0;

	if (sscanf(figure->key, "latency.%llu%n", &ns, &at) != 1 || figure->key[at])
		return false;
	*end = ns;
	return true;
}

uint64_t figures_sum(const struct figures *figures, const char *subject, const char *part,
		     const char *key)
{
	const char *own_key;
	uint64_t sum = 0;
	char own_part[16];
	unsigned i, index;

	for (i = 0; i < figures->count; i++) {
		const struct figure *figure = &figures->lines[i];

		if (!strcmp(figure->subject, subject) &&
		    figure_part(figure, own_part, &index, &own_key) && !strcmp(own_part, part) &&
		    !strcmp(own_key, key))
			sum += strtoull(figure->value, NULL, 10);
	}
	return sum;
}

const char *figures_next_device(const struct figures *figures, unsigned *line)
{
	const char *before = *line ? figures->lines[*line].subject : "-";

	for (; *line < figures->count; ++*line)
		if (strcmp(figures->lines[*line].subject, before))
			return figures->lines[*line].subject;
	return NULL;
}
