/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.c: what is said of a network device on the command line. */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "devices/net/net.h"

#define MTU_MIN   68
#define MTU_MAX   65535
#define SPEED_MAX INT32_MAX

#define SCRIPT_LIMIT_MAX 600

static const char *const duplex_names[] = { "full", "half", NULL };

const struct option_spec net_option_specs[] = {
	{ .key = "tap",
	  .kind = OPTION_STRING,
	  .offset = offsetof(struct net_options, tap),
	  .placeholder = "NAME",
	  .help = "tap interface, there or to be made" },
	{ .key = "tapdev",
	  .kind = OPTION_STRING,
	  .offset = offsetof(struct net_options, tapdev),
	  .placeholder = "/dev/tapN",
	  .help = "instead of tap: the device of a macvtap or an ipvtap" },
	{ .key = "passt",
	  .kind = OPTION_STRING,
	  .offset = offsetof(struct net_options, passt),
	  .placeholder = "SOCKET",
	  .help = "instead of tap: where passt listens, for a network without root" },
	{ .key = "fd",
	  .kind = OPTION_UINT,
	  .at_start = true,
	  .offset = offsetof(struct net_options, fd),
	  .min = 3,
	  .max = INT32_MAX,
	  .placeholder = "N",
	  .help = "instead of tap: a descriptor of one, open already" },
	{ .key = "script",
	  .kind = OPTION_STRING,
	  .at_start = true,
	  .offset = offsetof(struct net_options, script),
	  .placeholder = "PATH",
	  .help = "to be run when the tap comes and before it goes, such as Xen's vif-bridge" },
	{ .key = "bridge",
	  .kind = OPTION_STRING,
	  .offset = offsetof(struct net_options, bridge),
	  .placeholder = "NAME",
	  .help = "with script: which bridge" },
	{ .key = "script-limit",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct net_options, script_limit),
	  .min = 1,
	  .max = SCRIPT_LIMIT_MAX,
	  .placeholder = "SECONDS",
	  .fallback = "10",
	  .help = "how long it may take" },
	{ .key = "mac",
	  .kind = OPTION_STRING,
	  .offset = offsetof(struct net_options, mac),
	  .placeholder = "00:16:3e:..",
	  .help = "the guest's address (default: a macvtap's own, or made of the name)" },
	{ .key = "queues",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct net_options, queues),
	  .min = 1,
	  .max = NET_PAIRS_MAX,
	  .placeholder = "N",
	  .fallback = "1",
	  .help = "number of queue pairs" },
	{ .key = "mtu",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct net_options, mtu),
	  .min = MTU_MIN,
	  .max = MTU_MAX,
	  .placeholder = "N",
	  .help = "largest packet, to tell the guest (default: the interface's)" },
	{ .key = "speed",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct net_options, speed),
	  .min = 1,
	  .max = SPEED_MAX,
	  .placeholder = "MBIT",
	  .help = "link speed to tell the guest" },
	{ .key = "duplex",
	  .kind = OPTION_ENUM,
	  .offset = offsetof(struct net_options, duplex),
	  .names = duplex_names,
	  .fallback = "full",
	  .help = "with speed" },
	{ .key = "rom",
	  .kind = OPTION_STRING,
	  .at_start = true,
	  .offset = offsetof(struct net_options, rom),
	  .placeholder = "PATH",
	  .help = "expansion ROM to boot from the network with: iPXE's, say" },
	{ 0 },
};

/* Six bytes, of an address for one station. */
static bool parse_mac(const char *text, uint8_t mac[NET_MAC_BYTES])
{
	char end;

	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &mac[0], &mac[1], &mac[2],
		      &mac[3], &mac[4], &mac[5], &end) == NET_MAC_BYTES &&
	       !(mac[0] & 1);
}

int net_options_check(const void *from, const char *where)
{
	const struct net_options *o = from;
	uint8_t mac[NET_MAC_BYTES];

	if (!!o->tap + !!o->tapdev + !!o->passt + !!o->fd != 1)
		log_error("%s: give one of tap=, tapdev=, passt= and fd=", where);
	else if ((o->fd || o->passt) && o->queues > 1)
		log_error("%s: a %s is one queue", where, o->fd ? "descriptor" : "socket");
	else if (o->script && !o->tap)
		log_error("%s: script= goes with tap=", where);
	else if (o->bridge && !o->script)
		log_error("%s: bridge= goes with script=, which puts the tap into it", where);
	else if (o->mac && !parse_mac(o->mac, mac))
		log_error("%s: mac: \"%s\" is not an address for one station", where, o->mac);
	else
		return 0;
	return -EINVAL;
}

/* Xen's own range, and a number that stays the same for the same name. */
static void make_mac(const char *name, uint8_t mac[NET_MAC_BYTES])
{
	uint32_t hash = 2166136261U;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619U;
	mac[0] = 0x00;
	mac[1] = 0x16;
	mac[2] = 0x3e;
	mac[3] = (uint8_t)(hash >> 16 & 0x7f);
	mac[4] = (uint8_t)(hash >> 8);
	mac[5] = (uint8_t)hash;
}

/* What tells it from others' devices. */
static const char *name_of(const struct net_options *o, const char *name)
{
	if (o->tap)
		return o->tap;
	return o->passt ? o->passt : name;
}

void net_options_mac(const struct net_options *o, const char *name, uint8_t mac[NET_MAC_BYTES])
{
	if (!o->mac || !parse_mac(o->mac, mac))
		make_mac(name_of(o, name), mac);
}
