/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flags.c: see flags.h. */
#include "ctl/flags.h"

#include <errno.h>
#include <getopt.h>

#include "base/log.h"
#include "base/util.h"

#define MAX_FLAGS 16

/* Values of getopt_long(): beyond any character, then the index in the table. */
enum { FLAG_HELP = 0x100, FLAG_OPTION };

static void build_flags(struct option flags[MAX_FLAGS + 2], const struct option_spec *specs)
{
	int i;

	for (i = 0; specs[i].key; i++)
		flags[i] = (struct option){ specs[i].key, specs[i].kind != OPTION_FLAG, NULL,
					    FLAG_OPTION + i };
	flags[i++] = (struct option){ "help", no_argument, NULL, FLAG_HELP };
	flags[i] = (struct option){ 0 };
}

static int take_option(const struct option_set *set, unsigned i, uint64_t *given, const char *text)
{
	const struct option_spec *spec = &set->specs[i];
	char where[32];

	snprintf(where, sizeof(where), "--%s", spec->key);
	if (*given & BIT_ULL(i) && spec->kind != OPTION_LIST) {
		log_error("%s is given twice", where);
		return -EINVAL;
	}
	*given |= BIT_ULL(i);
	return option_set(spec, set->into, where, text);
}

static int check_required(const struct option_set *set, uint64_t given)
{
	unsigned i;

	for (i = 0; set->specs[i].key; i++)
		if (set->specs[i].required && !(given & BIT_ULL(i))) {
			log_error("--%s is missing (see --help)", set->specs[i].key);
			return -EINVAL;
		}
	return 0;
}

enum flags_verdict flags_parse(const struct option_set *set, int argc, char **argv,
			       char ***operands)
{
	struct option flags[MAX_FLAGS + 2];
	uint64_t given = 0;
	int flag;

	if (options_defaults(set))
		return FLAGS_USAGE;
	build_flags(flags, set->specs);
	opterr = 0;
	optind = 0; /* start afresh */
	while ((flag = getopt_long(argc, argv, ":", flags, NULL)) != -1) {
		if (flag == FLAG_HELP)
			return FLAGS_HELP;
		if (flag == ':') {
			log_error("%s needs a value (see --help)", argv[optind - 1]);
			return FLAGS_USAGE;
		}
		if (flag == '?') {
			options_unknown_flag(argv);
			return FLAGS_USAGE;
		}
		if (take_option(set, (unsigned)(flag - FLAG_OPTION), &given, optarg))
			return FLAGS_USAGE;
	}
	*operands = argv + optind;
	return check_required(set, given) ? FLAGS_USAGE : FLAGS_RUN;
}
