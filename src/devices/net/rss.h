/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rss.h: the hash of a received frame, and the queue that it is for (virtio 1.2,
 * 5.1.6.4.3 and 5.1.6.5.7).
 *
 * In software, whatever the frames come from: no backend has to know of it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_net.h>

#define NET_RSS_KEY_BYTES 40 /* as many as the longest input asks for: 36 bytes */
#define NET_RSS_ENTRIES   128
#define NET_RSS_NIBBLES   (2 * (NET_RSS_KEY_BYTES - 4))
#define NET_RSS_TYPES     0x1ffU /* VIRTIO_NET_RSS_HASH_TYPE_*: all there are */
#define NET_RSS_NOBODY    UINT16_MAX

struct net_rss {
	uint32_t types; /* what is hashed; 0: nothing is */
	/* The hash of an input is what its half-bytes have here, by their place. */
	uint32_t toeplitz[NET_RSS_NIBBLES][16];

	bool steers;    /* or a frame is for the queue of the port that it came by */
	uint16_t pairs; /* of queues in use, the first ones; steering: of ports, too */
	uint16_t mask, unclassified;
	uint16_t table[NET_RSS_ENTRIES];
};

struct net_hash {
	uint32_t value;
	uint16_t report; /* VIRTIO_NET_HASH_REPORT_*: what was hashed */
};

/* As after a reset: no hash, one pair of queues. */
void net_rss_reset(struct net_rss *rss);

/* What RSS_CONFIG and HASH_CONFIG (struct virtio_net_rss_config and ..hash_config) say.
 * Whether the queues are there is not looked at, nor what is behind the key. False if it
 * is malformed, and @rss is good for nothing then. */
bool net_rss_configure(struct net_rss *rss, const uint8_t *data, uint32_t length);
bool net_rss_configure_hash(struct net_rss *rss, const uint8_t *data, uint32_t length);

/* @frame begins with the ethernet header; it may be of any length and have anything in
 * it. What is no whole IP header has no hash. */
struct net_hash net_rss_hash(const struct net_rss *rss, const uint8_t *frame, size_t length);

/* The pair whose receive queue is to have the frame that came by @port, or
 * NET_RSS_NOBODY. */
uint16_t net_rss_queue(const struct net_rss *rss, struct net_hash hash, uint16_t port);
