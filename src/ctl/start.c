/* SPDX-License-Identifier: GPL-2.0-or-later */
/* start.c: "xenvirtioctl start": what serves a guest, before the guest runs. */
#include "base/log.h"
#include "ctl/ctl.h"
#include "ctl/instances.h"
#include "ctl/toolstack.h"

int start_run(const struct subcommand *subcommand, const struct ask_options *options,
	      char **operands)
{
	const char *guest = operands[0];
	struct instances instances;
	unsigned domid;

	(void)subcommand;
	if (instances_find(&instances, options->directory, guest) ||
	    toolstack_find(guest, &domid) || instances_start(&instances, domid, -1))
		return CTL_FAILED;
	log_info("%s: all that serves it is ready", guest);
	return CTL_DONE;
}
