/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.c: what is said of the host bridge on the command line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bridge/host.h"
#include "memory/address.h"

#define NS_PER_S 1000000000ULL

const struct option_spec bridge_option_specs[] = {
	{ .key = "ecam",
	  .kind = OPTION_ADDRESS,
	  .offset = offsetof(struct bridge_options, ecam),
	  .min = ECAM_BUS_SIZE,
	  .max = UINT64_MAX >> 1,
	  .placeholder = "ADDRESS",
	  .help = "an Arm guest: where its config space is (default: as --ecam)" },
	{ .key = "size",
	  .kind = OPTION_SIZE,
	  .offset = offsetof(struct bridge_options, size),
	  .min = ECAM_BUS_SIZE,
	  .max = BRIDGE_ECAM_MAX,
	  .placeholder = "SIZE",
	  .fallback = "1M",
	  .help = "an Arm guest: how large it is, 1M for each bus" },
	{ .key = "mem",
	  .kind = OPTION_LIST,
	  .offset = offsetof(struct bridge_options, mem),
	  .placeholder = "BASE:SIZE",
	  .help = "an Arm guest: where BARs go (again for more; default: "
		  "0x23000000:16M)" },
	{ .key = "expect",
	  .kind = OPTION_LIST,
	  .offset = offsetof(struct bridge_options, expect),
	  .placeholder = "00:01.0[@DOMID]",
	  .help = "a function that the guest waits for, and its backend's domain (again "
		  "for more)" },
	{ .key = "give-up",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct bridge_options, give_up),
	  .max = 3600,
	  .placeholder = "SECONDS",
	  .fallback = "60",
	  .help = "how long it waits, for all of them" },
	{ 0 },
};

/* One of the values of a key that may be given again. */
static int set_value(const struct bridge *bridge, const struct option_spec *spec, void *into,
		     const char *text)
{
	char where[384];

	snprintf(where, sizeof(where), "%s: %s", bridge->where, spec->key);
	return option_set(spec, into, where, text);
}

static int add_window(struct bridge *bridge, struct address_window window)
{
	unsigned i;

	if ((window.base | window.size) % GUEST_PAGE_SIZE) {
		log_error("%s: a window at %#llx is not made of whole pages", bridge->where,
			  (unsigned long long)window.base);
		return -EINVAL;
	}
	for (i = 0; i < bridge->nwindows; i++)
		if (windows_overlap(window, bridge->windows[i])) {
			log_error("%s: the windows at %#llx and %#llx overlap", bridge->where,
				  (unsigned long long)bridge->windows[i].base,
				  (unsigned long long)window.base);
			return -EINVAL;
		}
	bridge->windows[bridge->nwindows++] = window;
	return 0;
}

static int parse_windows(struct bridge *bridge, const struct option_list *list)
{
	static const struct option_spec spec = { .key = "mem", .kind = OPTION_WINDOW };
	struct address_window window = { .base = LAYOUT_MEM_BASE, .size = LAYOUT_MEM_SIZE };
	unsigned i;
	int err = 0;

	if (!list->count)
		return add_window(bridge, window);
	for (i = 0; i < list->count && !err; i++) {
		err = set_value(bridge, &spec, &window, list->items[i]);
		if (!err)
			err = add_window(bridge, window);
	}
	return err;
}

static int parse_domid(const struct bridge *bridge, const char *text, unsigned *domid)
{
	static const struct option_spec spec = { .key = "expect",
						 .kind = OPTION_UINT,
						 .max = IOREQ_DOMID_MAX };

	return set_value(bridge, &spec, domid, text);
}

/* @text is taken apart. */
static int parse_expected(struct bridge *bridge, char *text)
{
	struct bridge_expected *expected = &bridge->expected[bridge->nexpected];
	char *at = strchr(text, '@');

	if (at)
		*at++ = '\0';
	if (!bdf_parse(text, &expected->bdf) || expected->bdf.segment || expected->bdf.bus ||
	    !expected->bdf.device) {
		log_error("%s: expect: \"%s\" is not a function from 00:01.0 on", bridge->where,
			  text);
		return -EINVAL;
	}
	if (bridge_find_expected(bridge, bdf_sbdf(expected->bdf))) {
		log_error("%s: expect: %s is given twice", bridge->where, text);
		return -EINVAL;
	}
	bridge->nexpected++;
	return at ? parse_domid(bridge, at, &expected->domid) : 0;
}

static int parse_all_expected(struct bridge *bridge, const struct option_list *list,
			      unsigned own_domid)
{
	unsigned i;
	int err = 0;

	for (i = 0; i < list->count && !err; i++) {
		char *copy = strdup(list->items[i]);

		bridge->expected[i].domid = own_domid;
		err = copy ? parse_expected(bridge, copy) : -ENOMEM;
		free(copy);
	}
	return err;
}

/* An x86 guest has no windows: what nobody answers there reads all-ones. */
static int parse_places(struct bridge *bridge, const struct bridge_options *options,
			const struct ioreq_platform *platform)
{
	const struct address_window config = { .base = platform->ecam, .size = options->size };

	if (!platform->ecam && options->mem.count) {
		log_error("%s: mem: only an Arm guest has it (see --ecam)", bridge->where);
		return -EINVAL;
	}
	if (!platform->ecam)
		return 0;
	if (add_window(bridge, config))
		return -EINVAL;
	return parse_windows(bridge, &options->mem);
}

int bridge_init(struct bridge *bridge, const struct bridge_options *options,
		const struct ioreq_platform *platform, const char *where)
{
	int err;

	*bridge = (struct bridge){ .where = where, .patience = options->give_up * NS_PER_S };
	err = parse_places(bridge, options, platform);
	return err ? err : parse_all_expected(bridge, &options->expect, platform->own_domid);
}
