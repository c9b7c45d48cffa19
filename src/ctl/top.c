/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top.c: "xenvirtioctl top": what the devices do, from one look to the next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/figures.h"

#define CLEAR "\033[H\033[J" /* a terminal's */

struct look {
	struct figures figures;
	double at; /* seconds */
};

/* What changed of one device. */
struct change {
	const struct look *before, *now;
	const char *bdf;
};

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A counter that went back is another process's. */
static uint64_t risen(uint64_t before, uint64_t now)
{
	return now >= before ? now - before : now;
}

static uint64_t change_of(const struct change *change, const char *key)
{
	return risen(figures_number(&change->before->figures, change->bdf, key),
		     figures_number(&change->now->figures, change->bdf, key));
}

static uint64_t change_of_queues(const struct change *change, const char *key)
{
	return risen(figures_sum(&change->before->figures, change->bdf, "queue", key),
		     figures_sum(&change->now->figures, change->bdf, "queue", key));
}

/* Of the requests that ended meanwhile so many thousandths took no longer, in ns; 0: none
 * ended. */
static uint64_t percentile(const struct change *change, unsigned thousandths)
{
	const struct figures *figures = &change->now->figures;
	uint64_t all = 0, below = 0, end;
	unsigned i, pass;

	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < figures->count; i++) {
			const struct figure *figure = &figures->lines[i];
			uint64_t count;

			if (strcmp(figure->subject, change->bdf) || !figure_latency(figure, &end))
				continue;
			count = change_of(change, figure->key);
			if (!pass)
				all += count;
			else if ((below += count) * 1000 >= all * thousandths && all)
				return end;
		}
	return 0;
}

static void print_scaled(double value, int width)
{
	static const char *const units[] = { "", "k", "M", "G", "T" };
	unsigned unit = 0;

	while (value >= 9999.5 && unit < 4) {
		value /= 1000;
		unit++;
	}
	printf(" %*.0f%s", width - (unit != 0), value, units[unit]);
}

static void print_time(uint64_t ns)
{
	if (!ns)
		printf(" %8s", "-");
	else if (ns < 10000000)
		printf(" %6lluus", (unsigned long long)((ns + 999) / 1000));
	else
		printf(" %6llums", (unsigned long long)(ns / 1000000));
}

static void print_ratio(uint64_t count, uint64_t requests)
{
	if (requests)
		printf(" %6.2f", (double)count / (double)requests);
	else
		printf(" %6s", "-");
}

static void print_header(void)
{
	printf("%-20s %-8s %-4s %6s %6s %6s %6s %5s %8s %8s %6s %6s\n", "INSTANCE", "DEVICE",
	       "TYPE", "IN/s", "OUT/s", "INB/s", "OUTB/s", "DEPTH", "p50", "p99", "BELLS", "INTRS");
}

/* In: to the guest. */
static void print_device(const char *instance, const struct change *change)
{
	const struct figures *now = &change->now->figures;
	const char *type = figures_text(now, change->bdf, "type");
	bool disk = !strcmp(type, "blk");
	double seconds = change->now->at - change->before->at;
	uint64_t requests = change_of_queues(change, "used");

	printf("%-20s %-8s %-4s", instance, change->bdf, type);
	print_scaled((double)change_of(change, disk ? "reads" : "rx-frames") / seconds, 6);
	print_scaled((double)change_of(change, disk ? "writes" : "tx-frames") / seconds, 6);
	print_scaled((double)change_of(change, disk ? "read-bytes" : "rx-bytes") / seconds, 6);
	print_scaled((double)change_of(change, disk ? "written-bytes" : "tx-bytes") / seconds, 6);
	printf(" %5llu", (unsigned long long)(figures_sum(now, change->bdf, "queue", "chains") -
					      figures_sum(now, change->bdf, "queue", "used")));
	print_time(percentile(change, 500));
	print_time(percentile(change, 990));
	print_ratio(change_of_queues(change, "doorbells"), requests);
	print_ratio(change_of_queues(change, "interrupts"), requests);
	putchar('\n');
}

/* Each register access is answered by a notification, each interrupt is an operation of the
 * device model's; a copy or a map is a call at least. */
static uint64_t hypercalls(const struct figures *figures)
{
	static const char *const of_workers[] = { "grant-copies", "grant-maps", "grant-unmaps",
						  "foreign-maps" };
	uint64_t calls = figures_number(figures, "-", "accesses");
	unsigned i, line = 0;
	const char *bdf;

	for (i = 0; i < ARRAY_SIZE(of_workers); i++)
		calls += figures_sum(figures, "-", "worker", of_workers[i]);
	while ((bdf = figures_next_device(figures, &line)))
		calls += figures_sum(figures, bdf, "queue", "interrupts");
	return calls;
}

static uint64_t requests(const struct figures *figures)
{
	unsigned line = 0;
	uint64_t used = 0;
	const char *bdf;

	while ((bdf = figures_next_device(figures, &line)))
		used += figures_sum(figures, bdf, "queue", "used");
	return used;
}

static void print_instance(const char *name, const struct look *before, const struct look *now)
{
	struct change change = { before, now, NULL };
	unsigned line = 0;

	while ((change.bdf = figures_next_device(&now->figures, &line)))
		print_device(name, &change);
	printf("%-20s hypercalls for each of its requests:", name);
	print_ratio(risen(hypercalls(&before->figures), hypercalls(&now->figures)),
		    risen(requests(&before->figures), requests(&now->figures)));
	putchar('\n');
}

static int look(struct look *look, const char *instance)
{
	look->at = now_s();
	return figures_get(&look->figures, instance);
}

static int print_tables(const struct ask_options *options, const char *instance,
			struct look looks[2])
{
	bool terminal = isatty(STDOUT_FILENO);
	unsigned i;

	if (look(&looks[0], instance))
		return CTL_FAILED;
	for (i = 0; !options->iterations || i < options->iterations; i++) {
		struct look *before = &looks[i % 2], *now = &looks[(i + 1) % 2];

		sleep(options->interval);
		figures_free(&now->figures);
		if (look(now, instance))
			return CTL_FAILED;
		fputs(terminal ? CLEAR : "", stdout);
		print_header();
		print_instance(instance, before, now);
		if (fflush(stdout))
			return CTL_FAILED;
	}
	return CTL_DONE;
}

int top_run(const struct subcommand *subcommand, const struct ask_options *options, char **operands)
{
	char instance[CLIENT_NAME_BYTES];
	struct look looks[2] = { 0 };
	int status;

	(void)subcommand, (void)operands;
	if (client_choose(options->name, instance))
		return CTL_FAILED;
	status = print_tables(options, instance, looks);
	figures_free(&looks[0].figures);
	figures_free(&looks[1].figures);
	return status;
}
