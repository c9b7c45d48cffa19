/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-net-rss.c: the hash of frames, against the values that are published for RSS and
 * against another way to compute it; frames of any shape; the queue that follows; and what
 * the two commands may say (virtio 1.2, 5.1.6.4.3 and 5.1.6.5.7).
 */
#include "devices/net/rss.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "unit/frame.h"
#include "unit/unit.h"

#define REPORT(name) VIRTIO_NET_HASH_REPORT_##name
#define TYPE(name)   (1u << (REPORT(name) - 1))
#define NONE         REPORT(NONE)
#define ICMP         1
#define NO_NEXT      59

/* Of Microsoft's "Verifying the RSS Hash Calculation", as the values below are. */
static const uint8_t key[NET_RSS_KEY_BYTES] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct vector {
	struct frame_flow flow;
	uint32_t addresses, all; /* hashed */
} vectors[] = {
	{ { "66.9.149.187", "161.142.100.80", 2794, 1766 }, 0x323e8fc2, 0x51ccc178 },
	{ { "199.92.111.2", "65.69.140.83", 14230, 4739 }, 0xd718262a, 0xc626b0ea },
	{ { "24.19.198.95", "12.22.207.184", 12898, 38024 }, 0xd2d0a5de, 0x5c2b394a },
	{ { "38.27.205.30", "209.142.163.6", 48228, 2217 }, 0x82989176, 0xafc7327f },
	{ { "153.39.163.191", "202.188.127.2", 44251, 1303 }, 0x5d1809c5, 0x10e828a2 },
	{ { "3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1", 2794, 1766 }, 0x2cc18cd5, 0x40207d3d },
	{ { "3ffe:501:8::260:97ff:fe40:efab", "ff02::1", 14230, 4739 }, 0x0f0c461c, 0xdde51bbf },
	{ { "3ffe:1900:4545:3:200:f8ff:fe21:67cf", "fe80::200:f8ff:fe21:67cf", 44251, 38024 },
	  0x4b61e985,
	  0x02d1feef },
};

#define IPV4_VECTORS 5
#define VECTORS      ((int)ARRAY_SIZE(vectors))

static struct net_rss rss;
static struct frame frame;

/* ---- configurations ------------------------------------------------------------------- */

struct config {
	uint8_t bytes[1024];
	uint32_t length;
};

static void add(struct config *config, const void *bytes, uint32_t length)
{
	memcpy(config->bytes + config->length, bytes, length);
	config->length += length;
}

static void add16(struct config *config, unsigned value)
{
	add(config, (uint8_t[]){ (uint8_t)value, (uint8_t)(value >> 8) }, 2);
}

static void add_key(struct config *config, unsigned length)
{
	const uint8_t byte = (uint8_t)length, long_key[256] = { 1 };

	add(config, &byte, 1);
	add(config, length <= sizeof(key) ? key : long_key, length);
}

/* The entries count up from 0. */
static struct config steering(uint32_t types, unsigned mask, unsigned key_length)
{
	struct config config = { .length = 0 };
	unsigned i;

	add(&config, &types, sizeof(types));
	add16(&config, mask);
	add16(&config, 77); /* unclassified */
	for (i = 0; i <= mask && i <= NET_RSS_ENTRIES; i++)
		add16(&config, i);
	add16(&config, 5);
	add_key(&config, key_length);
	return config;
}

static struct config hashing(uint32_t types, unsigned key_length)
{
	struct config config = { .length = 0 };
	unsigned i;

	add(&config, &types, sizeof(types));
	for (i = 0; i < 4; i++)
		add16(&config, 0);
	add_key(&config, key_length);
	return config;
}

/* From memory of just this length. */
static bool accepts(bool (*configure)(struct net_rss *, const uint8_t *, uint32_t),
		    const struct config *config)
{
	uint8_t *data = malloc(config->length ? config->length : 1);
	bool result;

	ck_assert_ptr_nonnull(data);
	memcpy(data, config->bytes, config->length);
	result = configure(&rss, data, config->length);
	free(data);
	return result;
}

static bool steers_by(const struct config *config)
{
	return accepts(net_rss_configure, config);
}

static bool hashes_by(const struct config *config)
{
	return accepts(net_rss_configure_hash, config);
}

static void use_types(uint32_t types)
{
	const struct config config = hashing(types, sizeof(key));

	ck_assert(hashes_by(&config));
}

static void setup(void)
{
	memset(&rss, 0xff, sizeof(rss));
	net_rss_reset(&rss);
	use_types(NET_RSS_TYPES);
}

static void teardown(void)
{
}

/* ---- frames --------------------------------------------------------------------------- */

/* Of memory of just this length. */
static struct net_hash hash_of(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);
	struct net_hash hash;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, bytes, length);
	hash = net_rss_hash(&rss, copy, length);
	free(copy);
	return hash;
}

static void expect(uint16_t report, uint32_t value)
{
	struct net_hash hash = hash_of(frame.bytes, frame.length);

	ck_assert_uint_eq(hash.report, report);
	ck_assert_uint_eq(hash.value, value);
}

static const uint8_t destination[6] = { 0, 0x16, 0x3e, 1, 2, 3 };

/* Up to its transport header. */
static void begin(const struct frame_flow *flow, uint8_t protocol, size_t options)
{
	frame_begin(&frame, destination);
	frame_ip(&frame, flow, protocol, options);
}

static void end(const struct frame_flow *flow, uint8_t protocol)
{
	frame_ports(&frame, flow, protocol);
	frame_end(&frame);
}

/* ---- the hash --------------------------------------------------------------------------- */

START_TEST(the_published_values)
{
	const struct vector *vector = &vectors[_i];
	bool v6 = _i >= IPV4_VECTORS;

	frame_make(&frame, &vector->flow, FRAME_TCP);
	expect(v6 ? REPORT(TCPv6) : REPORT(TCPv4), vector->all);
	frame_make(&frame, &vector->flow, FRAME_UDP);
	expect(v6 ? REPORT(UDPv6) : REPORT(UDPv4), vector->all);
	frame_make(&frame, &vector->flow, ICMP);
	expect(v6 ? REPORT(IPv6) : REPORT(IPv4), vector->addresses);
}
END_TEST

/* Bit by bit, as the definition has it. */
static uint32_t toeplitz(const uint8_t *secret, const uint8_t *input, unsigned length)
{
	uint32_t hash = 0, window = 0;
	unsigned i;

	for (i = 0; i < 32; i++)
		window = window << 1 | (secret[i / 8] >> (7 - i % 8) & 1);
	for (i = 0; i < 8 * length; i++) {
		unsigned next = i + 32;

		if (input[i / 8] >> (7 - i % 8) & 1)
			hash ^= window;
		window = window << 1 | (next < 320 ? secret[next / 8] >> (7 - next % 8) & 1u : 0);
	}
	return hash;
}

/* What a short key lacks are zeroes. */
START_TEST(keys_of_every_length)
{
	uint8_t secret[NET_RSS_KEY_BYTES] = { 0 };
	struct config config = hashing(NET_RSS_TYPES, (unsigned)_i + 1);
	unsigned v;

	memcpy(secret, key, (size_t)_i + 1);
	ck_assert(hashes_by(&config));
	for (v = 0; v < ARRAY_SIZE(vectors); v++) {
		bool v6 = v >= IPV4_VECTORS;

		frame_make(&frame, &vectors[v].flow, FRAME_TCP);
		expect(v6 ? REPORT(TCPv6) : REPORT(TCPv4),
		       toeplitz(secret, frame.bytes + frame.ip + (v6 ? 8 : 12), v6 ? 36 : 12));
	}
}
END_TEST

/* Of those that are enabled the first of the lists in the specification. @kind: 0 for IPv4, 1 for
 * IPv6, 2 for IPv6 with extension headers. */
static uint16_t expected_report(uint32_t types, int kind, uint8_t protocol)
{
	static const uint16_t lists[][3] = {
		{ REPORT(TCPv4), REPORT(UDPv4), REPORT(IPv4) },
		{ REPORT(TCPv6), REPORT(UDPv6), REPORT(IPv6) },
		{ REPORT(TCPv6_EX), REPORT(UDPv6_EX), REPORT(IPv6_EX) },
	};
	int list, i;

	for (list = kind; list >= (kind ? 1 : 0); list--)
		for (i = 0; i < 3; i++) {
			bool fits = i == 2 || protocol == (i ? FRAME_UDP : FRAME_TCP);

			if (fits && (types & 1u << (lists[list][i] - 1)))
				return lists[list][i];
		}
	return NONE;
}

START_TEST(the_type_is_the_first_that_is_enabled)
{
	static const uint8_t protocols[] = { FRAME_TCP, FRAME_UDP, ICMP };
	uint8_t options[8] = { 0, 0, 1, 4 };
	uint32_t types = (uint32_t)_i;
	unsigned p;
	int kind;

	use_types(types);
	for (p = 0; p < ARRAY_SIZE(protocols); p++)
		for (kind = 0; kind < 3; kind++) { /* IPv4, IPv6, with a header more */
			const struct frame_flow *flow = &vectors[kind ? IPV4_VECTORS : 0].flow;
			struct net_hash hash;

			options[0] = protocols[p];
			begin(flow, kind == 2 ? 60 : protocols[p], 0);
			frame_bytes(&frame, options, kind == 2 ? sizeof(options) : 0);
			end(flow, protocols[p]);
			hash = hash_of(frame.bytes, frame.length);
			ck_assert_uint_eq(hash.report, expected_report(types, kind, protocols[p]));
			ck_assert(hash.report || !hash.value);
		}
}
END_TEST

/* ---- what is in front of the ports ------------------------------------------------------- */

START_TEST(up_to_two_tags_are_skipped)
{
	const struct vector *vector = &vectors[_i];
	unsigned tags, i;

	for (tags = 0; tags < 4; tags++) {
		frame_begin(&frame, destination);
		for (i = 0; i < tags; i++)
			frame_tag(&frame, i ? 0x8100 : 0x88a8, 5);
		frame_ip(&frame, &vector->flow, FRAME_TCP, 0);
		end(&vector->flow, FRAME_TCP);
		if (tags < 3)
			expect(_i >= IPV4_VECTORS ? REPORT(TCPv6) : REPORT(TCPv4), vector->all);
		else
			expect(NONE, 0);
	}
}
END_TEST

START_TEST(ipv4_options_are_skipped)
{
	begin(&vectors[0].flow, FRAME_UDP, (size_t)_i * 4);
	end(&vectors[0].flow, FRAME_UDP);
	expect(REPORT(UDPv4), vectors[0].all);
}
END_TEST

/* Only the first one has the ports: all of a packet are to take the same way. */
START_TEST(of_fragments_the_addresses_are_hashed)
{
	static const uint8_t places[][2] = { { 0x20, 0 }, { 0, 1 }, { 0x1f, 0xff }, { 0x20, 5 } };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		uint8_t header[8] = { FRAME_TCP, 0, places[i][1], places[i][0] ? 1 : 8 };

		frame_make(&frame, &vectors[0].flow, FRAME_TCP);
		memcpy(frame.bytes + frame.ip + 6, places[i], 2);
		expect(REPORT(IPv4), vectors[0].addresses);

		begin(&vectors[5].flow, 44, 0);
		frame_bytes(&frame, header, sizeof(header));
		end(&vectors[5].flow, FRAME_TCP);
		expect(REPORT(IPv6_EX), vectors[5].addresses);
	}
	frame_make(&frame, &vectors[0].flow, FRAME_TCP);
	frame.bytes[frame.ip + 6] = 0x40; /* not to be fragmented */
	expect(REPORT(TCPv4), vectors[0].all);
}
END_TEST

/* A fragment that is all of its packet (RFC 6946) is none. */
START_TEST(extension_headers_are_skipped)
{
	static const uint8_t kinds[] = { 0, 43, 44, 51, 60 };
	const uint8_t more[24] = { 0 };
	unsigned i, count;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		for (count = 1; count <= 10; count++) {
			unsigned n;

			begin(&vectors[6].flow, kinds[i], 0);
			for (n = 0; n < count; n++) {
				uint8_t next = n + 1 < count ? kinds[i] : FRAME_TCP;
				uint8_t length = kinds[i] == 44 ? 0 : 2;

				frame_bytes(&frame, (uint8_t[]){ next, length }, 2);
				frame_bytes(&frame, more,
					    kinds[i] == 51   ? 14
					    : kinds[i] == 44 ? 6
							     : 22);
			}
			end(&vectors[6].flow, FRAME_TCP);
			if (count <= 8)
				expect(REPORT(TCPv6_EX), vectors[6].all);
			else
				expect(REPORT(IPv6_EX), vectors[6].addresses);
		}
}
END_TEST

static void add_address(const char *text)
{
	uint8_t bytes[16];

	ck_assert_int_eq(inet_pton(AF_INET6, text, bytes), 1);
	frame_bytes(&frame, bytes, sizeof(bytes));
}

/* The addresses of mobile hosts (RFC 6275), and around them what is none. */
START_TEST(home_addresses_take_the_place_of_those_in_the_header)
{
	const struct vector *vector = &vectors[5];
	const struct frame_flow on_the_way = { "fd00::1", "fd00::2", vector->flow.source_port,
					       vector->flow.destination_port };
	const uint8_t options[] = { 43, 2, 0, 1, 0, 0xc9, 16 }, routing[] = { 6, 2, 2, 1 };
	const uint8_t padding[4] = { 0 };

	begin(&on_the_way, 60, 0);
	frame_bytes(&frame, options, sizeof(options)); /* Pad1, PadN, the address */
	add_address(vector->flow.source);
	frame_bytes(&frame, padding, 1);
	frame_bytes(&frame, routing, sizeof(routing));
	frame_bytes(&frame, padding, 4);
	add_address(vector->flow.destination);
	end(&on_the_way, FRAME_TCP);
	expect(REPORT(TCPv6_EX), vector->all);
	use_types(TYPE(IPv6_EX));
	expect(REPORT(IPv6_EX), vector->addresses);
	use_types(TYPE(TCPv6)); /* that is of the header's own */
	expect(REPORT(TCPv6),
	       toeplitz(key,
			(uint8_t[36]){ 0xfd, [15] = 1, [16] = 0xfd, [31] = 2, 2794 >> 8,
				       2794 & 0xff, 1766 >> 8, 1766 & 0xff },
			36));
}
END_TEST

/* ---- frames that are not what they seem ----------------------------------------------------- */

START_TEST(a_frame_that_is_cut_has_the_hash_of_what_is_there)
{
	const struct vector *vector = &vectors[_i / 2];
	uint8_t protocol = _i % 2 ? FRAME_UDP : FRAME_TCP;
	bool v6 = _i / 2 >= IPV4_VECTORS;
	size_t length, all = v6 ? 40 : 20;
	uint16_t ip = v6 ? REPORT(IPv6) : REPORT(IPv4);

	frame_make(&frame, &vector->flow, protocol);
	for (length = 0; length <= frame.length; length++) {
		struct net_hash hash = hash_of(frame.bytes, length);

		if (length < frame.ip + all)
			ck_assert(!hash.report && !hash.value);
		else if (length < frame.length)
			ck_assert(hash.report == ip && hash.value == vector->addresses);
		else
			ck_assert(hash.report == ip + (protocol == FRAME_UDP ? 2 : 1) &&
				  hash.value == vector->all);
	}
}
END_TEST

/* Ethernet's least frame is longer than many a packet. */
START_TEST(padding_is_no_header)
{
	const struct vector *vector = &vectors[_i];
	bool v6 = _i >= IPV4_VECTORS;
	size_t length;

	frame_make(&frame, &vector->flow, FRAME_TCP);
	for (length = 0; length < 20; length++) {
		frame.bytes[frame.ip + (v6 ? 5 : 3)] = (uint8_t)(length + (v6 ? 0 : 20));
		if (v6 && !length)
			continue;
		expect(v6 ? REPORT(IPv6) : REPORT(IPv4), vector->addresses);
	}
	/* a packet to be segmented says nothing */
	memset(frame.bytes + frame.ip + (v6 ? 4 : 2), 0, 2);
	expect(v6 ? REPORT(TCPv6) : REPORT(TCPv4), vector->all);
}
END_TEST

START_TEST(what_is_no_ip_packet_has_no_hash)
{
	unsigned value;

	for (value = 0; value < 256; value++) {
		frame_make(&frame, &vectors[0].flow, FRAME_TCP);
		frame.bytes[frame.ip] = (uint8_t)value;
		if (value >> 4 != 4 || (value & 0xf) < 5)
			expect(NONE, 0);
		frame_make(&frame, &vectors[5].flow, FRAME_TCP);
		frame.bytes[frame.ip] = (uint8_t)value;
		if (value >> 4 != 6)
			expect(NONE, 0);
		frame_make(&frame, &vectors[5].flow, FRAME_TCP);
		frame.bytes[frame.ip - 1] = (uint8_t)value;
		if (value != 0xdd)
			expect(NONE, 0);
	}
}
END_TEST

/* A frame of headers that may follow each other, more or less. */
static void make_wild_frame(void)
{
	static const uint8_t protocols[] = { 0, 6, 17, 43, 44, 51, 60, NO_NEXT, 50, 135 };
	unsigned i, count = unit_random(12);

	begin(&vectors[unit_random(ARRAY_SIZE(vectors))].flow,
	      protocols[unit_random(ARRAY_SIZE(protocols))], 4 * unit_random(11));
	for (i = 0; i < count; i++) {
		uint8_t bytes[64], length = (uint8_t)unit_random(8);
		unsigned at;

		for (at = 0; at < sizeof(bytes); at++)
			bytes[at] = (uint8_t)(unit_random(3) ? 0xc9 : unit_random(256));
		bytes[0] = protocols[unit_random(ARRAY_SIZE(protocols))];
		bytes[1] = unit_random(8) ? length : (uint8_t)unit_random(256);
		frame_bytes(&frame, bytes, 8 + 8u * length > 64 ? 64 : 8 + 8u * length);
	}
	frame_end(&frame);
	for (i = unit_random(4); i; i--)
		frame.bytes[12 + unit_random((uint32_t)frame.length - 12)] =
			(uint8_t)unit_random(256);
}

START_TEST(any_frame_of_any_length_will_do)
{
	unsigned i;

	for (i = 0; i < 20000; i++) {
		struct net_hash hash;

		make_wild_frame();
		use_types(unit_random(NET_RSS_TYPES + 1));
		hash = hash_of(frame.bytes, unit_random((uint32_t)frame.length + 1));
		ck_assert(!hash.report || (rss.types & 1u << (hash.report - 1)));
		ck_assert(hash.report || !hash.value);
	}
}
END_TEST

/* ---- whose it is ------------------------------------------------------------------------------ */

START_TEST(the_lower_bits_of_the_hash_are_the_place_in_the_table)
{
	unsigned mask = (1u << _i) - 1, value;
	struct config config = steering(NET_RSS_TYPES, mask, 40);

	ck_assert(steers_by(&config));
	for (value = 0; value < 1000; value++) {
		const struct net_hash hash = { value * 0x01000193u, 1 }, none = { value, NONE };

		ck_assert_uint_eq(net_rss_queue(&rss, hash, 3), hash.value & mask);
		ck_assert_uint_eq(net_rss_queue(&rss, none, 3), 77);
	}
}
END_TEST

START_TEST(without_steering_it_is_that_of_the_port)
{
	const struct net_hash hash = { 1, 1 };
	uint16_t port;

	rss.pairs = 3;
	for (port = 0; port < 8; port++)
		ck_assert_uint_eq(net_rss_queue(&rss, hash, port),
				  port < 3 ? port : NET_RSS_NOBODY);
	net_rss_reset(&rss);
	ck_assert_uint_eq(net_rss_queue(&rss, hash, 0), 0);
	ck_assert_uint_eq(net_rss_queue(&rss, hash, 1), NET_RSS_NOBODY);
	frame_make(&frame, &vectors[0].flow, FRAME_TCP);
	expect(NONE, 0);
}
END_TEST

/* ---- what the driver may say -------------------------------------------------------------------- */

/* What is behind it is not looked at. */
START_TEST(a_configuration_is_no_shorter_than_its_key_says)
{
	struct config config = steering(TYPE(IPv4), (1u << _i) - 1, 40), hash;
	uint32_t length = config.length;

	ck_assert(steers_by(&config));
	ck_assert_uint_eq(rss.pairs, 5);
	for (config.length = 0; config.length < length + 50; config.length++)
		ck_assert_int_eq(steers_by(&config), config.length >= length);
	hash = hashing(TYPE(IPv4), 40);
	length = hash.length;
	for (hash.length = 0; hash.length < length + 50; hash.length++)
		ck_assert_int_eq(hashes_by(&hash), hash.length >= length);
}
END_TEST

START_TEST(a_table_has_a_power_of_two_of_entries_up_to_128)
{
	unsigned mask;

	for (mask = 0; mask < 0x10000; mask++) {
		struct config config = steering(TYPE(IPv4), mask, 40);
		bool legal = mask < 128 && !((mask + 1) & mask);

		ck_assert_int_eq(steers_by(&config), legal);
	}
}
END_TEST

START_TEST(a_key_has_up_to_40_bytes_and_none_hashes_nothing)
{
	unsigned bytes;

	for (bytes = 0; bytes < 256; bytes++) {
		struct config config = steering(TYPE(IPv4), 1, bytes);
		struct config hash = hashing(TYPE(IPv4), bytes);

		ck_assert_int_eq(steers_by(&config), bytes && bytes <= 40);
		ck_assert_int_eq(hashes_by(&hash), bytes && bytes <= 40);
		config = steering(0, 1, bytes);
		hash = hashing(0, bytes);
		ck_assert_int_eq(steers_by(&config), bytes <= 40);
		ck_assert_int_eq(hashes_by(&hash), bytes <= 40);
	}
}
END_TEST

START_TEST(types_are_those_that_there_are)
{
	bool legal = _i < 9;
	struct config config = steering(1u << _i, 1, 40), hash = hashing(1u << _i, 40);

	ck_assert_int_eq(steers_by(&config), legal);
	ck_assert_int_eq(hashes_by(&hash), legal);
}
END_TEST

START_TEST(what_is_reserved_is_zero)
{
	unsigned byte;

	for (byte = 4; byte < 12; byte++) {
		struct config hash = hashing(TYPE(IPv4), 40);

		ck_assert(hashes_by(&hash));
		hash.bytes[byte] = 1;
		ck_assert(!hashes_by(&hash));
	}
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(the_published_values, VECTORS),
		TIMES(keys_of_every_length, 40),
		TIMES(the_type_is_the_first_that_is_enabled, 512),
		TIMES(up_to_two_tags_are_skipped, VECTORS),
		TIMES(ipv4_options_are_skipped, 11),
		ONCE(of_fragments_the_addresses_are_hashed),
		ONCE(extension_headers_are_skipped),
		ONCE(home_addresses_take_the_place_of_those_in_the_header),
		TIMES(a_frame_that_is_cut_has_the_hash_of_what_is_there, 2 * VECTORS),
		TIMES(padding_is_no_header, VECTORS),
		ONCE(what_is_no_ip_packet_has_no_hash),
		ONCE(any_frame_of_any_length_will_do),
		TIMES(the_lower_bits_of_the_hash_are_the_place_in_the_table, 8),
		ONCE(without_steering_it_is_that_of_the_port),
		TIMES(a_configuration_is_no_shorter_than_its_key_says, 8),
		ONCE(a_table_has_a_power_of_two_of_entries_up_to_128),
		ONCE(a_key_has_up_to_40_bytes_and_none_hashes_nothing),
		TIMES(types_are_those_that_there_are, 32),
		ONCE(what_is_reserved_is_zero),
	};

	return unit_main("net-rss", setup, teardown, tests, ARRAY_SIZE(tests));
}
