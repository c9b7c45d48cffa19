/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keep.c: what the driver has made of the device by commands, for a process that comes after
 * this one's death.
 *
 * It is kept before a command is answered. A death in the middle leaves some of it old and some
 * new; but then the command is in flight, and will be done once more. */
#include <string.h>

#include "devices/net/net.h"

struct kept {
	uint32_t generation; /* of the driver, which is counted by resets; 0: nothing */
	uint8_t unplugged;
	uint64_t offloads;
	struct net_coalescing coalescing[2];
	struct net_filter filter;
	struct net_rss rss;
};

_Static_assert(sizeof(struct kept) <= VIRTIO_TYPE_STATE_MAX, "there is room for it");

static struct kept *kept_of(const struct net_device *net)
{
	return (void *)net->device->state->type;
}

static uint32_t generation_of(const struct net_device *net)
{
	return net->device->state->generation + 1;
}

void net_keep(struct net_device *net)
{
	struct kept *kept = kept_of(net);

	kept->unplugged = net_unplugged(net);
	kept->offloads = net->offloads;
	memcpy(kept->coalescing, net->coalescing, sizeof(kept->coalescing));
	kept->filter = net->filter;
	kept->rss = net->rss;
	kept->generation = generation_of(net);
}

/* A byte that is no bool is the compiler's to do with as it likes. */
static void make_bool(bool *value)
{
	*value = *(const uint8_t *)value == 1;
}

static bool table_sound(struct net_mac_table *table)
{
	make_bool(&table->overflow);
	return table->count <= NET_FILTER_MACS;
}

static bool filter_sound(struct net_filter *filter)
{
	bool *const flags[] = { &filter->promiscuous,   &filter->all_multicast,
				&filter->all_unicast,   &filter->no_multicast,
				&filter->no_unicast,    &filter->no_broadcast,
				&filter->vlans_filtered };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(flags); i++)
		make_bool(flags[i]);
	return table_sound(&filter->unicast) && table_sound(&filter->multicast);
}

static bool rss_sound(struct net_rss *rss, unsigned pairs)
{
	unsigned i;

	make_bool(&rss->steers);
	if (!rss->pairs || rss->pairs > pairs || rss->mask >= NET_RSS_ENTRIES ||
	    (rss->steers && rss->unclassified >= pairs))
		return false;
	for (i = 0; rss->steers && i <= rss->mask; i++)
		if (rss->table[i] >= pairs)
			return false;
	return true;
}

bool net_kept_take(struct net_device *net)
{
	struct kept kept;

	memcpy(&kept, kept_of(net), sizeof(kept));
	if (kept.generation != generation_of(net) || !filter_sound(&kept.filter) ||
	    !rss_sound(&kept.rss, net->backend->npairs))
		return false;
	pthread_mutex_lock(&net->lock);
	net->filter = kept.filter;
	net->rss = kept.rss;
	pthread_mutex_unlock(&net->lock);
	net->offloads = kept.offloads;
	memcpy(net->coalescing, kept.coalescing, sizeof(kept.coalescing));
	atomic_store(&net->unplugged, kept.unplugged);
	return true;
}
