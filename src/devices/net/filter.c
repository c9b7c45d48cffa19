/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter.c: see filter.h. */
#include "devices/net/filter.h"

#include <string.h>

#include "base/util.h"

#define TAGGED_BYTES 16U /* two addresses, and a VLAN tag */
#define VID_MASK     0xfffU

void net_filter_reset(struct net_filter *filter, const uint8_t mac[NET_MAC_BYTES],
		      bool vlans_filtered)
{
	*filter = (struct net_filter){ .all_multicast = true, .vlans_filtered = vlans_filtered };
	memcpy(filter->mac, mac, NET_MAC_BYTES);
}

void net_mac_table_set(struct net_mac_table *table, const uint8_t *macs, uint32_t count)
{
	table->overflow = count > NET_FILTER_MACS || (count && !macs);
	table->count = table->overflow ? 0 : count;
	if (table->count)
		memcpy(table->macs, macs, (size_t)count * NET_MAC_BYTES);
}

void net_filter_set_vlan(struct net_filter *filter, uint16_t vid, bool wanted)
{
	uint64_t bit = BIT_ULL(vid % 64);

	if (wanted)
		filter->vlans[vid / 64] |= bit;
	else
		filter->vlans[vid / 64] &= ~bit;
}

static bool is(const uint8_t *frame, const uint8_t mac[NET_MAC_BYTES])
{
	return !memcmp(frame, mac, NET_MAC_BYTES);
}

static bool in_table(const struct net_mac_table *table, const uint8_t *frame)
{
	unsigned i;

	for (i = 0; i < table->count; i++)
		if (is(frame, table->macs[i]))
			return true;
	return table->overflow;
}

/* A tag with number 0 has a priority, but names no VLAN (IEEE 802.1Q). Linux adds
 * that number to the table, others need not know of it. */
static bool vlan_wanted(const struct net_filter *filter, const uint8_t *frame, size_t length)
{
	unsigned vid;

	if (length < TAGGED_BYTES || frame[12] != 0x81 || frame[13] != 0x00)
		return true;
	vid = (frame[14] << 8 | frame[15]) & VID_MASK;
	return !vid || (filter->vlans[vid / 64] & BIT_ULL(vid % 64));
}

static bool group_wanted(const struct net_filter *filter, const uint8_t *frame)
{
	static const uint8_t broadcast[NET_MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	if (is(frame, broadcast))
		return !filter->no_broadcast;
	if (filter->no_multicast)
		return false;
	return filter->all_multicast || in_table(&filter->multicast, frame);
}

static bool station_wanted(const struct net_filter *filter, const uint8_t *frame)
{
	if (filter->no_unicast)
		return false;
	return is(frame, filter->mac) || filter->all_unicast || in_table(&filter->unicast, frame);
}

/* Of two modes that contradict each other promiscuous wins, then "no", then "all". */
bool net_filter_wants(const struct net_filter *filter, const uint8_t *frame, size_t length)
{
	if (filter->promiscuous)
		return true;
	if (filter->vlans_filtered && !vlan_wanted(filter, frame, length))
		return false;
	return frame[0] & 1 ? group_wanted(filter, frame) : station_wanted(filter, frame);
}
