/* SPDX-License-Identifier: GPL-2.0-or-later */
/* figures.h: what an instance has counted, as it says it (base/stats.h). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct figure {
	const char *subject, *key, *value;
};

struct figures {
	char *text; /* theirs */
	struct figure *lines;
	unsigned count;
};

/* Asks. 0, or -errno after a line in the log; figures_free() after either. */
int figures_get(struct figures *figures, const char *instance);
void figures_free(struct figures *figures);

/* NULL, or 0, if there is none. */
const char *figures_text(const struct figures *figures, const char *subject, const char *key);
uint64_t figures_number(const struct figures *figures, const char *subject, const char *key);

/* Of a part's figure, "queue.3.chains", its name, number and the rest: "queue", 3, "chains". */
bool figure_part(const struct figure *figure, char part[16], unsigned *index, const char **key);

/* True for a count of requests by their latency; *@end is the first ns beyond. */
bool figure_latency(const struct figure *figure, uint64_t *end);

/* The sum of a figure over all parts of that name. */
uint64_t figures_sum(const struct figures *figures, const char *subject, const char *part,
		     const char *key);

/* The next subject that is a device, behind @line or from the beginning (0) on; moves @line
 * there. NULL: no more. */
const char *figures_next_device(const struct figures *figures, unsigned *line);
