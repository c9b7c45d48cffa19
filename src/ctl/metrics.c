/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics.c: "xenvirtioctl metrics": counters as Prometheus reads them, in its text format
 * 0.0.4. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/figures.h"

enum scope { OF_INSTANCE, OF_WORKER, OF_DEVICE, OF_QUEUE };

static const char *const part_names[] = { NULL, "worker", NULL, "queue" };

struct metric {
	enum scope scope;
	const char *key, *type, *name, *help;
};

#define COUNTER "counter"
#define GAUGE   "gauge"

static const struct metric all_metrics[] = {
	{ OF_INSTANCE, "domain", GAUGE, "domain_id", "Number of the domain that is served." },
	{ OF_INSTANCE, "devices", GAUGE, "devices", "Devices that the guest is given." },
	{ OF_INSTANCE, "accesses", COUNTER, "accesses_total",
	  "Register accesses of the guest that were answered." },
	{ OF_WORKER, "grant-copies", COUNTER, "grant_copies_total", "Calls that copied." },
	{ OF_WORKER, "grant-pieces", COUNTER, "grant_pieces_total", "Pieces copied by them." },
	{ OF_WORKER, "grant-maps", COUNTER, "grant_maps_total", "Calls that mapped grants." },
	{ OF_WORKER, "grant-unmaps", COUNTER, "grant_unmaps_total", "Calls that unmapped them." },
	{ OF_WORKER, "foreign-maps", COUNTER, "foreign_maps_total",
	  "Calls that mapped guest memory." },
	{ OF_QUEUE, "doorbells", COUNTER, "doorbells_total", "Doorbells that the guest rang." },
	{ OF_QUEUE, "interrupts", COUNTER, "interrupts_total", "Interrupts that it was sent." },
	{ OF_QUEUE, "chains", COUNTER, "chains_total", "Descriptor chains taken." },
	{ OF_QUEUE, "used", COUNTER, "used_total", "Descriptor chains given back." },
	{ OF_DEVICE, "size", GAUGE, "size_bytes", "Size of the disk." },
	{ OF_DEVICE, "reads", COUNTER, "reads_total", "Reads that were done." },
	{ OF_DEVICE, "writes", COUNTER, "writes_total", "Writes that were done." },
	{ OF_DEVICE, "flushes", COUNTER, "flushes_total", "Flushes that were done." },
	{ OF_DEVICE, "discards", COUNTER, "discards_total", "Discards that were done." },
	{ OF_DEVICE, "zeroings", COUNTER, "zeroings_total", "Zeroings that were done." },
	{ OF_DEVICE, "read-bytes", COUNTER, "read_bytes_total", "Bytes read." },
	{ OF_DEVICE, "written-bytes", COUNTER, "written_bytes_total", "Bytes written." },
	{ OF_DEVICE, "failed", COUNTER, "failed_total", "Requests that the store failed." },
	{ OF_DEVICE, "rx-frames", COUNTER, "rx_frames_total", "Frames to the guest." },
	{ OF_DEVICE, "rx-bytes", COUNTER, "rx_bytes_total", "Bytes of them." },
	{ OF_DEVICE, "rx-filtered", COUNTER, "rx_filtered_total",
	  "Frames that the guest's filters keep out." },
	{ OF_DEVICE, "rx-too-long", COUNTER, "rx_too_long_total",
	  "Frames too long for the guest's buffers." },
	{ OF_DEVICE, "rx-no-buffer", COUNTER, "rx_no_buffer_total",
	  "Times that the guest had no buffer." },
	{ OF_DEVICE, "rx-dropped", COUNTER, "rx_dropped_total",
	  "Frames for another queue that had no buffer." },
	{ OF_DEVICE, "tx-frames", COUNTER, "tx_frames_total", "Frames from the guest." },
	{ OF_DEVICE, "tx-bytes", COUNTER, "tx_bytes_total", "Bytes of them." },
	{ OF_DEVICE, "tx-bad", COUNTER, "tx_bad_total", "Frames with a wrong header." },
	{ OF_DEVICE, "tx-refused", COUNTER, "tx_refused_total",
	  "Frames that the interface refused." },
};

struct instance {
	const char *name;
	struct figures figures;
};

/* A label's value may be anything but for these three. */
static void print_label(const char *name, const char *value)
{
	printf("%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", stdout);
		else if (*value == '"' || *value == '\\')
			printf("\\%c", *value);
		else
			putchar(*value);
	}
	putchar('"');
}

static void print_device_labels(const struct instance *instance, const char *bdf)
{
	print_label("instance", instance->name);
	putchar(',');
	print_label("bdf", bdf);
	putchar(',');
	print_label("type", figures_text(&instance->figures, bdf, "type"));
}

static void print_sample(const struct instance *instance, const struct metric *metric,
			 const struct figure *figure, unsigned index)
{
	printf("xenvirtiod_%s{", metric->name);
	if (metric->scope == OF_DEVICE || metric->scope == OF_QUEUE)
		print_device_labels(instance, figure->subject);
	else
		print_label("instance", instance->name);
	if (part_names[metric->scope])
		printf(",%s=\"%u\"", part_names[metric->scope], index);
	printf("} %s\n", figure->value);
}

/* True if it is one of the metric's. */
static bool belongs(const struct figure *figure, const struct metric *metric, unsigned *index)
{
	const char *key = figure->key;
	char part[16];

	if (part_names[metric->scope] &&
	    (!figure_part(figure, part, index, &key) || strcmp(part, part_names[metric->scope])))
		return false;
	return !strcmp(key, metric->key);
}

static void print_metric(const struct metric *metric, const struct instance *instances,
			 unsigned count)
{
	bool said = false;
	unsigned i, j, index = 0;

	for (i = 0; i < count; i++)
		for (j = 0; j < instances[i].figures.count; j++) {
			const struct figure *figure = &instances[i].figures.lines[j];

			if (!belongs(figure, metric, &index))
				continue;
			if (!said)
				printf("# HELP xenvirtiod_%s %s\n# TYPE xenvirtiod_%s %s\n",
				       metric->name, metric->help, metric->name, metric->type);
			said = true;
			print_sample(&instances[i], metric, figure, index);
		}
}

/* --- how long requests took --------------------------------------------------------- */

#define LATENCY "xenvirtiod_request_seconds"

static void print_bucket(const struct instance *instance, const char *bdf, const char *end,
			 uint64_t count)
{
	printf(LATENCY "_bucket{");
	print_device_labels(instance, bdf);
	printf(",le=\"%s\"} %llu\n", end, (unsigned long long)count);
}

static void print_latency(const struct instance *instance, const char *bdf)
{
	const struct figures *figures = &instance->figures;
	uint64_t below = 0, end;
	char seconds[32];
	unsigned i;

	for (i = 0; i < figures->count; i++) {
		const struct figure *figure = &figures->lines[i];

		if (strcmp(figure->subject, bdf) || !figure_latency(figure, &end))
			continue;
		below += strtoull(figure->value, NULL, 10);
		snprintf(seconds, sizeof(seconds), "%.9f", (double)end / 1e9);
		print_bucket(instance, bdf, seconds, below);
	}
	print_bucket(instance, bdf, "+Inf", below);
	printf(LATENCY "_sum{");
	print_device_labels(instance, bdf);
	printf("} %.9f\n" LATENCY "_count{",
	       (double)figures_number(figures, bdf, "latency-ns") / 1e9);
	print_device_labels(instance, bdf);
	printf("} %llu\n", (unsigned long long)below);
}

static void print_latencies(const struct instance *instances, unsigned count)
{
	bool said = false;
	const char *bdf;
	unsigned i, line;

	for (i = 0; i < count; i++)
		for (line = 0; (bdf = figures_next_device(&instances[i].figures, &line));) {
			if (!figures_text(&instances[i].figures, bdf, "latency-ns"))
				continue;
			if (!said)
				puts("# HELP " LATENCY " From a request's finding to its end.\n"
				     "# TYPE " LATENCY " histogram");
			said = true;
			print_latency(&instances[i], bdf);
		}
}

/* --- the subcommand ----------------------------------------------------------------- */

static void print_all(const struct instance *instances, unsigned count)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(all_metrics); i++)
		print_metric(&all_metrics[i], instances, count);
	print_latencies(instances, count);
}

static int get_all(const struct client_instances *names, struct instance *instances,
		   unsigned *count)
{
	int status = CTL_DONE;
	unsigned i;

	for (i = 0; i < names->count; i++) {
		struct instance *next = &instances[*count];

		next->name = names->names[i];
		if (figures_get(&next->figures, next->name)) {
			figures_free(&next->figures);
			status = CTL_FAILED;
		} else {
			++*count;
		}
	}
	return status;
}

static int print_named(const struct client_instances *names)
{
	struct instance *instances = calloc(names->count + 1, sizeof(*instances));
	unsigned count = 0;
	int status;

	if (!instances)
		return CTL_FAILED;
	status = get_all(names, instances, &count);
	print_all(instances, count);
	while (count)
		figures_free(&instances[--count].figures);
	free(instances);
	return status;
}

int metrics_run(const struct subcommand *subcommand, const struct ask_options *options,
		char **operands)
{
	struct client_instances *names = calloc(1, sizeof(*names));
	int status = CTL_FAILED;

	(void)subcommand, (void)operands;
	if (!names)
		return CTL_FAILED;
	if (options->name) {
		snprintf(names->names[0], CLIENT_NAME_BYTES, "%s", options->name);
		names->count = 1;
	}
	if (options->name || !client_list(names))
		status = print_named(names);
	free(names);
	return status;
}
