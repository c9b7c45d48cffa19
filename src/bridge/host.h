/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host.h: the host bridge of a guest whose functions come from several daemons.
 *
 * It is function 00:00.0, and answers for what nobody else claims: all of an Arm
 * guest's config space and BAR windows, where an access that nobody answers is
 * an abort, or some of an x86 guest's ports (ports.h). Functions that are expected
 * but not there yet read as "try again later", for some time. */
#pragma once
#include "base/layout.h"
#include "base/options.h"
#include "ioreq/pci.h"
#include "ioreq/server.h"

#define BRIDGE_ECAM_MAX (256U << 20)

struct bridge_options {
	uint64_t ecam;             /* 0: where the platform has it */
	uint64_t size;             /* of config space, with ecam */
	struct option_list mem;    /* BAR windows, "BASE:SIZE" */
	struct option_list expect; /* "00:01.0" or "00:01.0@DOMID" */
	unsigned give_up;          /* seconds */
};

extern const struct option_spec bridge_option_specs[];

/* A function that another daemon is to serve. */
struct bridge_expected {
	struct pci_bdf bdf;
	unsigned domid;     /* of that daemon */
	bool asked, missed; /* it was said */
};

/* What the guest has made of it; plain, so that it can outlive us. */
struct bridge_state {
	struct pci_state pci;
	uint32_t config_address; /* port 0xcf8 */
};

struct bridge {
	const char *where; /* it was given, while that is being looked at */
	struct ioreq_server *server;
	struct pci_function function;
	struct address_window windows[OPTION_LIST_MAX + 1]; /* config space is the first */
	unsigned nwindows;
	struct bridge_expected expected[OPTION_LIST_MAX];
	unsigned nexpected;
	uint64_t patience, deadline; /* ns; deadline 0: nobody asked yet */
	struct bridge_state *state;
	struct ioreq_fallback fallback;
};

/* What the options say, for a guest of this platform. 0, or -EINVAL after a line
 * in the log, which begins with @where. */
int bridge_init(struct bridge *bridge, const struct bridge_options *options,
		const struct ioreq_platform *platform, const char *where);

/* The function, if it is one that the bridge waits for, or NULL. */
struct bridge_expected *bridge_find_expected(struct bridge *bridge, uint32_t sbdf);

/* Claims everything. The server is enabled, has no function yet, and is the
 * first of the domain, or was when its process died. What that one left is
 * @left, or NULL. 0, or -errno after a line in the log. */
int bridge_attach(struct bridge *bridge, struct ioreq_server *server, struct bridge_state *state,
		  const struct bridge_state *left);
void bridge_destroy(struct bridge *bridge);
