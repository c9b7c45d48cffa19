/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter.h: which frames the guest wants (virtio 1.2, 5.1.6.5.1 to 5.1.6.5.3).
 *
 * A tap device hands over everything, so this is where it is filtered. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_MAC_BYTES    6
#define NET_FILTER_MACS  64 /* of a table */
#define NET_FILTER_VLANS 4096

struct net_mac_table {
	unsigned count;
	bool overflow; /* it had more, and counts as "all" */
	uint8_t macs[NET_FILTER_MACS][NET_MAC_BYTES];
};

struct net_filter {
	uint8_t mac[NET_MAC_BYTES];
	bool promiscuous, all_multicast, all_unicast;
	bool no_multicast, no_unicast, no_broadcast;
	bool vlans_filtered; /* CTRL_VLAN was negotiated */
	struct net_mac_table unicast, multicast;
	uint64_t vlans[NET_FILTER_VLANS / 64];
};

/* As after a reset: what is for @mac, and all that is for many. */
void net_filter_reset(struct net_filter *filter, const uint8_t mac[NET_MAC_BYTES],
		      bool vlans_filtered);

/* @frame begins with the ethernet header and has @length bytes, 14 at least. */
bool net_filter_wants(const struct net_filter *filter, const uint8_t *frame, size_t length);

/* The table has these from here on. Without @macs they are not known, only how many. */
void net_mac_table_set(struct net_mac_table *table, const uint8_t *macs, uint32_t count);

/* @vid is below NET_FILTER_VLANS. */
void net_filter_set_vlan(struct net_filter *filter, uint16_t vid, bool wanted);
