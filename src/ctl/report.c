/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.c: what there is and what it has counted, once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bdf.h"
#include "base/log.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/figures.h"

static void print_instance(const struct figures *figures, const char *name)
{
	unsigned line = 0;
	const char *bdf;

	printf("%-20s %5s  ", name, figures_text(figures, "-", "domain"));
	while ((bdf = figures_next_device(figures, &line)))
		printf(" %s(%s, %s)", bdf, figures_text(figures, bdf, "type"),
		       figures_text(figures, bdf, "state"));
	putchar('\n');
}

static int list_each(const struct client_instances *instances)
{
	struct figures figures;
	int status = CTL_DONE;
	unsigned i;

	if (instances->count)
		printf("%-20s %5s   %s\n", "INSTANCE", "DOMID", "DEVICES");
	for (i = 0; i < instances->count; i++) {
		if (figures_get(&figures, instances->names[i]))
			status = CTL_FAILED;
		else
			print_instance(&figures, instances->names[i]);
		figures_free(&figures);
	}
	return status;
}

int list_run(const struct subcommand *subcommand, const struct ask_options *options,
	     char **operands)
{
	struct client_instances *instances = malloc(sizeof(*instances));
	int status = CTL_FAILED;

	(void)subcommand, (void)options, (void)operands;
	if (instances && !client_list(instances))
		status = list_each(instances);
	free(instances);
	return status;
}

static int get_chosen(struct figures *figures, const struct ask_options *options,
		      char instance[CLIENT_NAME_BYTES])
{
	int err = client_choose(options->name, instance);

	*figures = (struct figures){ 0 };
	return err ? err : figures_get(figures, instance);
}

static bool print_device(const struct figures *figures, const char *bdf)
{
	bool any = false;
	unsigned i;

	for (i = 0; i < figures->count; i++) {
		const struct figure *figure = &figures->lines[i];

		if (strcmp(figure->subject, bdf))
			continue;
		printf("%-24s %s\n", figure->key, figure->value);
		any = true;
	}
	return any;
}

int show_run(const struct subcommand *subcommand, const struct ask_options *options,
	     char **operands)
{
	char instance[CLIENT_NAME_BYTES], text[BDF_TEXT_MAX];
	struct figures figures;
	struct pci_bdf bdf;
	int status = CTL_FAILED;

	(void)subcommand;
	if (!bdf_parse(operands[0], &bdf)) {
		log_error("\"%s\" is not a PCI address such as 00:06.0", operands[0]);
		return CTL_USAGE;
	}
	if (!get_chosen(&figures, options, instance)) {
		if (print_device(&figures, bdf_format(bdf, text)))
			status = CTL_DONE;
		else
			log_error("%s: there is no device %s", instance, text);
	}
	figures_free(&figures);
	return status;
}

static void print_plain(const struct figures *figures)
{
	unsigned i;

	for (i = 0; i < figures->count; i++)
		printf("%s %s %s\n", figures->lines[i].subject, figures->lines[i].key,
		       figures->lines[i].value);
}

static void print_json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < ' ')
			printf("\\u%04x", (unsigned char)*text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void print_json_value(const char *value)
{
	if (*value && !value[strspn(value, "0123456789")])
		fputs(value, stdout);
	else
		print_json_string(value);
}

/* An object for each subject, the instance's is called "instance". */
static void print_json(const struct figures *figures)
{
	const char *subject = NULL;
	unsigned i;

	putchar('{');
	for (i = 0; i < figures->count; i++) {
		const struct figure *figure = &figures->lines[i];

		if (!subject || strcmp(subject, figure->subject)) {
			fputs(subject ? "\n}, " : "", stdout);
			subject = figure->subject;
			print_json_string(strcmp(subject, "-") ? subject : "instance");
			fputs(": {\n  ", stdout);
		} else {
			fputs(",\n  ", stdout);
		}
		print_json_string(figure->key);
		fputs(": ", stdout);
		print_json_value(figure->value);
	}
	puts(subject ? "\n}}" : "}");
}

int stats_run(const struct subcommand *subcommand, const struct ask_options *options,
	      char **operands)
{
	char instance[CLIENT_NAME_BYTES];
	int status = CTL_FAILED;
	struct figures figures;

	(void)subcommand, (void)operands;
	if (!get_chosen(&figures, options, instance)) {
		if (options->json)
			print_json(&figures);
		else
			print_plain(&figures);
		status = CTL_DONE;
	}
	figures_free(&figures);
	return status;
}
