/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rss.c: see rss.h. */
#include "devices/net/rss.h"

#include <string.h>

#include "base/util.h"

#define ETHERTYPE_AT    12U
#define ETHERTYPE_IPV4  0x0800U
#define ETHERTYPE_IPV6  0x86ddU
#define ETHERTYPE_VLAN  0x8100U /* IEEE 802.1Q */
#define ETHERTYPE_QINQ  0x88a8U /* 802.1ad */
#define TAGS_MAX        2U
#define IPV4_BYTES      20U
#define IPV4_FRAGMENT   0x3fffU /* more of them, or an offset */
#define IPV6_BYTES      40U
#define EXTENSIONS_MAX  8U /* of a packet; what is behind more of them is not looked at */
#define EXTENSION_BYTES 8U /* at least */
#define IPV6_FRAGMENT   0xfff9U

enum protocol {
	HOP_BY_HOP = 0,
	TCP = 6,
	UDP = 17,
	ROUTING = 43,
	FRAGMENT = 44,
	AUTHENTICATION = 51,
	DESTINATION = 60,
};

/* Hash types come in threes, for IPv4, IPv6, and IPv6 with extension headers: plain,
 * TCP, UDP; reports count from 1. */
enum family { IPV4 = 0, IPV6 = 3, IPV6_EX = 6 };
enum transport { NO_TRANSPORT, HAS_TCP, HAS_UDP };

/* What is left of a frame, from some header on. */
struct rest {
	const uint8_t *at;
	size_t length;
};

/* What a hash may be of. */
struct flow {
	enum family family;
	enum transport transport;
	unsigned address_bytes;
	const uint8_t *source, *destination, *ports;
	const uint8_t *home_source, *home_destination; /* of mobile hosts, else the same */
};

static uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* False if there is less. */
static bool skip(struct rest *rest, size_t bytes)
{
	if (bytes > rest->length)
		return false;
	rest->at += bytes;
	rest->length -= bytes;
	return true;
}

/* A short frame is padded behind its packet. A packet that says it is longer, or nothing,
 * as one does that is to be segmented, is what there is. */
static void cut_padding(struct rest *rest, size_t length)
{
	if (length && length < rest->length)
		rest->length = length;
}

/* ---- headers ------------------------------------------------------------------- */

static void find_ports(struct flow *flow, const struct rest *rest, uint8_t protocol)
{
	if (protocol == TCP && rest->length >= 20)
		flow->transport = HAS_TCP;
	else if (protocol == UDP && rest->length >= 8)
		flow->transport = HAS_UDP;
	flow->ports = rest->at;
}

static bool find_ipv4(struct flow *flow, struct rest rest)
{
	const uint8_t *header = rest.at;
	size_t bytes;

	if (rest.length < IPV4_BYTES || header[0] >> 4 != 4)
		return false;
	bytes = 4U * (header[0] & 0xf);
	cut_padding(&rest, be16(header + 2));
	if (bytes < IPV4_BYTES || !skip(&rest, bytes))
		return false;
	*flow = (struct flow){ .family = IPV4,
			       .address_bytes = 4,
			       .source = header + 12,
			       .destination = header + 16 };
	if (!(be16(header + 6) & IPV4_FRAGMENT))
		find_ports(flow, &rest, header[9]);
	return true;
}

/* The home address option of destination options (RFC 6275, 6.3). */
static void find_home(struct flow *flow, const uint8_t *options, size_t length)
{
	size_t i, bytes;

	for (i = 0; i < length; i += bytes) {
		bytes = 1; /* Pad1 has no length */
		if (!options[i])
			continue;
		if (length - i < 2)
			return;
		bytes = 2U + options[i + 1];
		if (bytes > length - i)
			return;
		if (options[i] == 0xc9 && options[i + 1] == 16)
			flow->home_source = options + i + 2;
	}
}

/* 0 if @protocol is none of those that stand before a transport header. */
static size_t extension_bytes(uint8_t protocol, const struct rest *rest)
{
	if (rest->length < EXTENSION_BYTES)
		return 0;
	switch (protocol) {
	case HOP_BY_HOP:
	case ROUTING:
	case DESTINATION:
		return 8U + 8U * rest->at[1];
	case AUTHENTICATION:
		return 8U + 4U * rest->at[1];
	case FRAGMENT:
		return 8;
	default:
		return 0;
	}
}

/* False if there is no use in looking behind it. */
static bool read_extension(struct flow *flow, uint8_t protocol, const uint8_t *at, size_t bytes)
{
	if (protocol == FRAGMENT)
		return !(be16(at + 2) & IPV6_FRAGMENT);
	if (protocol == DESTINATION)
		find_home(flow, at + 2, bytes - 2);
	if (protocol == ROUTING && bytes == 24 && at[2] == 2 && at[3] == 1)
		flow->home_destination = at + 8; /* type 2 (RFC 6275, 6.4) */
	return true;
}

static bool find_ipv6(struct flow *flow, struct rest rest)
{
	const uint8_t *header = rest.at, *at;
	uint8_t protocol;
	unsigned i;

	if (!skip(&rest, IPV6_BYTES) || header[0] >> 4 != 6)
		return false;
	cut_padding(&rest, be16(header + 4));
	*flow = (struct flow){ .family = IPV6,
			       .address_bytes = 16,
			       .source = header + 8,
			       .destination = header + 24,
			       .home_source = header + 8,
			       .home_destination = header + 24 };
	protocol = header[6];
	for (i = 0; i < EXTENSIONS_MAX; i++) {
		size_t bytes = extension_bytes(protocol, &rest);

		at = rest.at;
		if (!bytes || !skip(&rest, bytes))
			break;
		flow->family = IPV6_EX;
		if (!read_extension(flow, protocol, at, bytes))
			return true;
		protocol = at[0];
	}
	find_ports(flow, &rest, protocol);
	return true;
}

/* False if it is no IP packet. */
static bool find_flow(struct flow *flow, const uint8_t *frame, size_t length)
{
	struct rest rest = { .at = frame, .length = length };
	unsigned tags;

	if (!skip(&rest, ETHERTYPE_AT))
		return false;
	for (tags = 0; rest.length >= 2; tags++) {
		uint16_t type = be16(rest.at);

		if (tags < TAGS_MAX && (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ)) {
			if (!skip(&rest, 4))
				return false;
			continue;
		}
		skip(&rest, 2);
		return (type == ETHERTYPE_IPV4 && find_ipv4(flow, rest)) ||
		       (type == ETHERTYPE_IPV6 && find_ipv6(flow, rest));
	}
	return false;
}

/* ---- the hash ------------------------------------------------------------------- */

struct toeplitz {
	const struct net_rss *rss;
	uint32_t hash;
	unsigned nibbles; /* so far */
};

static void add(struct toeplitz *toeplitz, const uint8_t *bytes, unsigned count)
{
	const uint32_t(*table)[16] = toeplitz->rss->toeplitz + toeplitz->nibbles;
	unsigned i;

	for (i = 0; i < count; i++)
		toeplitz->hash ^= table[2 * i][bytes[i] >> 4] ^ table[2 * i + 1][bytes[i] & 0xf];
	toeplitz->nibbles += 2 * count;
}

/* The report, or VIRTIO_NET_HASH_REPORT_NONE if no type of the family is wanted. */
static uint16_t report_for(uint32_t types, enum family family, enum transport transport)
{
	if (types & BIT_ULL(family + transport))
		return (uint16_t)(family + transport + 1);
	return types & BIT_ULL(family) ? family + 1 : VIRTIO_NET_HASH_REPORT_NONE;
}

struct net_hash net_rss_hash(const struct net_rss *rss, const uint8_t *frame, size_t length)
{
	struct toeplitz toeplitz = { .rss = rss };
	struct net_hash none = { 0 };
	struct flow flow;
	uint16_t report;
	bool homes;

	if (!rss->types || !find_flow(&flow, frame, length))
		return none;
	report = report_for(rss->types, flow.family, flow.transport);
	homes = report && flow.family == IPV6_EX;
	if (!report && flow.family == IPV6_EX)
		report = report_for(rss->types, IPV6, flow.transport);
	if (!report)
		return none;
	add(&toeplitz, homes ? flow.home_source : flow.source, flow.address_bytes);
	add(&toeplitz, homes ? flow.home_destination : flow.destination, flow.address_bytes);
	if ((report - 1) % 3 != NO_TRANSPORT)
		add(&toeplitz, flow.ports, 4);
	return (struct net_hash){ .value = toeplitz.hash, .report = report };
}

uint16_t net_rss_queue(const struct net_rss *rss, struct net_hash hash, uint16_t port)
{
	if (!rss->steers)
		return port < rss->pairs ? port : NET_RSS_NOBODY;
	return hash.report ? rss->table[hash.value & rss->mask] : rss->unclassified;
}

/* ---- configuration ---------------------------------------------------------------- */

void net_rss_reset(struct net_rss *rss)
{
	*rss = (struct net_rss){ .pairs = 1 };
}

/* 32 bits of the key from @bit on, which a set bit of the input there stands for. */
static uint32_t window(const uint8_t key[NET_RSS_KEY_BYTES], unsigned bit)
{
	uint64_t bits = 0;
	unsigned i;

	for (i = 0; i < 5; i++)
		bits = bits << 8 | (bit / 8 + i < NET_RSS_KEY_BYTES ? key[bit / 8 + i] : 0U);
	return (uint32_t)(bits >> (8 - bit % 8));
}

static void set_key(struct net_rss *rss, const uint8_t key[NET_RSS_KEY_BYTES])
{
	unsigned i, value, bit;

	for (i = 0; i < NET_RSS_NIBBLES; i++)
		for (value = 0; value < 16; value++) {
			rss->toeplitz[i][value] = 0;
			for (bit = 0; bit < 4; bit++)
				if (value & 8U >> bit)
					rss->toeplitz[i][value] ^= window(key, 4 * i + bit);
		}
}

/* Fetches what is next; false if there is less. */
static bool next(struct rest *data, void *to, size_t bytes)
{
	const uint8_t *at = data->at;

	if (!skip(data, bytes))
		return false;
	memcpy(to, at, bytes);
	return true;
}

static bool next_types(struct rest *data, struct net_rss *rss)
{
	return next(data, &rss->types, sizeof(rss->types)) && !(rss->types & ~NET_RSS_TYPES);
}

/* The key is the last of both commands, and what it lacks are zeroes. Linux, from 6.15 on
 * and where that was taken over, has a byte of padding behind it. */
static bool last_key(struct rest *data, struct net_rss *rss)
{
	uint8_t key[NET_RSS_KEY_BYTES] = { 0 }, bytes;

	if (!next(data, &bytes, sizeof(bytes)) || bytes > sizeof(key) || !next(data, key, bytes) ||
	    (rss->types && !bytes))
		return false;
	set_key(rss, key);
	return true;
}

bool net_rss_configure(struct net_rss *rss, const uint8_t *data, uint32_t length)
{
	struct rest rest = { .at = data, .length = length };

	*rss = (struct net_rss){ .steers = true };
	if (!next_types(&rest, rss) || !next(&rest, &rss->mask, sizeof(rss->mask)) ||
	    rss->mask >= NET_RSS_ENTRIES || (rss->mask & (rss->mask + 1)))
		return false;
	return next(&rest, &rss->unclassified, sizeof(rss->unclassified)) &&
	       next(&rest, rss->table, (rss->mask + 1U) * sizeof(*rss->table)) &&
	       next(&rest, &rss->pairs, sizeof(rss->pairs)) && last_key(&rest, rss);
}

bool net_rss_configure_hash(struct net_rss *rss, const uint8_t *data, uint32_t length)
{
	static const uint8_t zeroes[8];
	struct rest rest = { .at = data, .length = length };
	uint8_t reserved[8];

	rss->steers = false;
	return next_types(&rest, rss) && next(&rest, reserved, sizeof(reserved)) &&
	       !memcmp(reserved, zeroes, sizeof(reserved)) && last_key(&rest, rss);
}
