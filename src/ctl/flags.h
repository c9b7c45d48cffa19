/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flags.h: what follows a subcommand: flags by a table of options, and operands. */
#pragma once
#include "base/options.h"

enum flags_verdict {
	FLAGS_RUN,
	FLAGS_HELP,  /* was asked for */
	FLAGS_USAGE, /* said what is wrong */
};

/* Fills @set, up to 16 options, from argv[1] on; defaults are applied. *@operands are the
 * other words, behind which there is NULL. options_free() after any verdict. */
enum flags_verdict flags_parse(const struct option_set *set, int argc, char **argv,
			       char ***operands);
