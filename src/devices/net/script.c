/* SPDX-License-Identifier: GPL-2.0-or-later */
/* script.c: see script.h.
 *
 * Where a toolstack has made a vif in xenstore, scripts find its nodes by the name that
 * libxl gives to taps, vif5.0-emu. Where there are none, Xen's scripts take
 * variables with the names of the nodes. */
#include "devices/net/script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/run.h"
#include "base/util.h"
#include "devices/net/net.h"

#define VARIABLES 8

struct variables {
	char *list[VARIABLES + 1];
	unsigned count;
	bool failed;
};

static void __attribute__((format(printf, 2, 3)))
set(struct variables *variables, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&variables->list[variables->count], fmt, ap) < 0)
		variables->failed = true;
	else
		variables->count++;
	va_end(ap);
}

/* Of the vif in xenstore that the tap belongs to, if there is one. */
static void set_vif(struct variables *variables, const char *tap)
{
	unsigned domid, device;

	if (sscanf(tap, "vif%u.%u", &domid, &device) == 2) {
		set(variables, "vif=vif%u.%u", domid, device);
		set(variables, "XENBUS_PATH=backend/vif/%u/%u", domid, device);
	} else {
		set(variables, "vif=%s", tap);
		set(variables, "XENBUS_PATH=backend/vif/%s", tap);
	}
}

static void set_all(struct variables *variables, const struct net_options *o, const uint8_t *mac)
{
	set(variables, "script=%s", o->script);
	set(variables, "XENBUS_TYPE=vif");
	set(variables, "XENBUS_BASE_PATH=backend");
	set(variables, "INTERFACE=%s", o->tap);
	set_vif(variables, o->tap);
	set(variables, "mac=%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
	    mac[5]);
	if (o->bridge)
		set(variables, "bridge=%s", o->bridge);
}

int net_script_run(const struct net_options *o, const uint8_t *mac, const char *action,
		   struct reason *why)
{
	const char *const argv[] = { o->script, action, "type_if=tap", NULL };
	struct variables variables = { 0 };
	const struct run run = { .argv = argv,
				 .environment = (const char *const *)variables.list,
				 .seconds = o->script_limit };
	int err = -ENOMEM;

	set_all(&variables, o, mac);
	if (!variables.failed)
		err = run_program(&run, why);
	while (variables.count)
		free(variables.list[--variables.count]);
	return err;
}
