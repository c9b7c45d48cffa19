/* SPDX-License-Identifier: GPL-2.0-or-later */
/* script.h: what the administrator has run when an interface comes and before it goes,
 * such as Xen's vif-bridge, as libxl runs it for the taps of emulated network cards
 * (libxl_linux.c, get_hotplug_env() and libxl__hotplug_nic()). */
#pragma once
#include <stdint.h>

#include "base/reason.h"

struct net_options;

/* "add" or "remove", for the tap of these options and the guest's address @mac. 0 or
 * -errno with the reason. See run_program(). */
int net_script_run(const struct net_options *options, const uint8_t *mac, const char *action,
		   struct reason *why);
