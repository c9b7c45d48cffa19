/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-net-filter.c: which frames reach the guest (virtio 1.2, 5.1.6.5.1 to
 * 5.1.6.5.3): every set of modes, the two tables of addresses, the VLANs.
 */
#include "devices/net/filter.h"

#include <stdlib.h>
#include <string.h>

#include "unit/unit.h"

#define UNTAGGED 14u
#define TAGGED   18u
#define VLAN     0x8100
#define IPV6     0x86dd
#define OUR_VLAN 100u

#define OWN_MAC 0x00163e112233ull
#define ALL     0xffffffffffffull
#define GROUP   0x010000000000ull /* the bit that makes one of it */

static struct net_filter filter;

static void write_mac(uint8_t *bytes, uint64_t mac)
{
	unsigned i;

	for (i = 0; i < NET_MAC_BYTES; i++)
		bytes[i] = (uint8_t)(mac >> (40 - 8 * i));
}

static void reset(bool vlans_filtered)
{
	uint8_t own[NET_MAC_BYTES];

	write_mac(own, OWN_MAC);
	memset(&filter, 0xff, sizeof(filter));
	net_filter_reset(&filter, own, vlans_filtered);
}

static void setup(void)
{
	reset(false);
	filter.all_multicast = false;
}

static void teardown(void)
{
}

/* A frame of exactly so many bytes. */
static bool wants_length(uint64_t to, uint16_t type, uint16_t tag, size_t length)
{
	uint8_t bytes[TAGGED] = { 0 }, *frame = malloc(length);
	bool wanted;

	ck_assert_ptr_nonnull(frame);
	write_mac(bytes, to);
	bytes[12] = (uint8_t)(type >> 8);
	bytes[13] = (uint8_t)type;
	bytes[14] = (uint8_t)(tag >> 8);
	bytes[15] = (uint8_t)tag;
	memcpy(frame, bytes, length);
	wanted = net_filter_wants(&filter, frame, length);
	free(frame);
	return wanted;
}

static bool wants(uint64_t to)
{
	return wants_length(to, IPV6, 0, UNTAGGED);
}

static bool wants_tagged(uint64_t to, uint16_t tag)
{
	return wants_length(to, VLAN, tag, TAGGED);
}

/* A table of the addresses from @first on. */
static void set_table(struct net_mac_table *table, uint64_t first, uint32_t count)
{
	uint8_t *macs = malloc(count * NET_MAC_BYTES + 1);
	uint32_t i;

	ck_assert_ptr_nonnull(macs);
	for (i = 0; i < count; i++)
		write_mac(macs + (size_t)i * NET_MAC_BYTES, first + i);
	net_mac_table_set(table, macs, count);
	free(macs);
}

/* ---- all modes at once ------------------------------------------------------------ */

enum mode {
	PROMISCUOUS = 1,
	ALL_MULTICAST = 2,
	ALL_UNICAST = 4,
	NO_MULTICAST = 8,
	NO_UNICAST = 16,
	NO_BROADCAST = 32,
	VLANS_FILTERED = 64,
	MANY_UNICAST = 128, /* more addresses than the table holds */
	MANY_MULTICAST = 256,
	MODES = 512,
};

#define LISTED_STATION 0x525400000001ull
#define LISTED_GROUP   0x01005e000001ull

/* What keeps a frame out, and what it needs to get in: nothing, or one of these. */
static const struct destination {
	uint64_t mac;
	unsigned kept_out_by, let_in_by;
} destinations[] = {
	{ OWN_MAC, NO_UNICAST, 0 },
	{ LISTED_STATION, NO_UNICAST, 0 },
	{ 0x525400000002, NO_UNICAST, ALL_UNICAST | MANY_UNICAST },
	{ LISTED_GROUP, NO_MULTICAST, 0 },
	{ 0x01005e000002, NO_MULTICAST, ALL_MULTICAST | MANY_MULTICAST },
	{ 0x333300000001, NO_MULTICAST, ALL_MULTICAST | MANY_MULTICAST },
	{ ALL, NO_BROADCAST, 0 },
};

static const struct tag {
	uint16_t type, tag;
	bool foreign; /* of a VLAN that the guest is not in */
} tags[] = {
	{ IPV6, 0, false },
	{ VLAN, 0, false },
	{ VLAN, 0xe000, false },
	{ VLAN, OUR_VLAN, false },
	{ VLAN, 0xf000 | OUR_VLAN, false },
	{ VLAN, OUR_VLAN + 1, true },
	{ VLAN, 0xffff, true },
	{ 0x88a8, OUR_VLAN + 1, false }, /* a provider's tag: the table is not for it */
	{ 0x8101, OUR_VLAN + 1, false },
};

static bool expected(unsigned modes, const struct destination *to, const struct tag *tag)
{
	bool foreign = tag->foreign && (modes & VLANS_FILTERED);
	bool kept_out = modes & to->kept_out_by;
	bool let_in = !to->let_in_by || (modes & to->let_in_by);

	return (modes & PROMISCUOUS) || (!foreign && !kept_out && let_in);
}

static void set_modes(unsigned modes)
{
	reset(modes & VLANS_FILTERED);
	filter.promiscuous = modes & PROMISCUOUS;
	filter.all_multicast = modes & ALL_MULTICAST;
	filter.all_unicast = modes & ALL_UNICAST;
	filter.no_multicast = modes & NO_MULTICAST;
	filter.no_unicast = modes & NO_UNICAST;
	filter.no_broadcast = modes & NO_BROADCAST;
	set_table(&filter.unicast, LISTED_STATION, modes & MANY_UNICAST ? 65 : 1);
	set_table(&filter.multicast, LISTED_GROUP, modes & MANY_MULTICAST ? 65 : 1);
	net_filter_set_vlan(&filter, OUR_VLAN, true);
}

START_TEST(every_set_of_modes)
{
	unsigned modes, i, j;

	for (modes = 0; modes < MODES; modes++) {
		set_modes(modes);
		for (i = 0; i < ARRAY_SIZE(destinations); i++)
			for (j = 0; j < ARRAY_SIZE(tags); j++)
				if (wants_length(destinations[i].mac, tags[j].type, tags[j].tag,
						 TAGGED) !=
				    expected(modes, &destinations[i], &tags[j]))
					ck_abort_msg("modes %#x, destination %u, tag %u", modes, i,
						     j);
	}
}
END_TEST

/* What a driver gets that has asked for nothing. */
START_TEST(after_a_reset)
{
	reset(false);
	ck_assert(wants(OWN_MAC));
	ck_assert(wants(ALL));
	ck_assert(wants(LISTED_GROUP));
	ck_assert(!wants(LISTED_STATION));
	ck_assert(wants_tagged(OWN_MAC, OUR_VLAN));
	reset(true);
	ck_assert(wants(OWN_MAC));
	ck_assert(!wants_tagged(OWN_MAC, OUR_VLAN));
}
END_TEST

/* ---- addresses -------------------------------------------------------------------- */

START_TEST(every_bit_of_an_address_counts)
{
	unsigned bit;

	set_table(&filter.unicast, LISTED_STATION, 1);
	set_table(&filter.multicast, LISTED_GROUP, 1);
	for (bit = 0; bit < 48; bit++) {
		ck_assert(!wants(OWN_MAC ^ BIT_ULL(bit)));
		ck_assert(!wants(LISTED_STATION ^ BIT_ULL(bit)));
		ck_assert(!wants(LISTED_GROUP ^ BIT_ULL(bit)));
		ck_assert(!wants(ALL ^ BIT_ULL(bit)));
	}
}
END_TEST

/* In the one table or the other. */
static struct net_mac_table *table_of(uint64_t first)
{
	return first & GROUP ? &filter.multicast : &filter.unicast;
}

static const uint64_t firsts[] = { 0x525400000080, 0x010000000080 };

START_TEST(a_table_of_every_size)
{
	uint64_t first = firsts[_i];
	uint32_t count, i;

	for (count = 0; count <= NET_FILTER_MACS; count++) {
		set_table(table_of(first), first, count);
		for (i = 0; i < count; i++)
			ck_assert(wants(first + i));
		ck_assert(!wants(first - 1));
		ck_assert(!wants(first + count));
	}
}
END_TEST

/* What does not fit lets all of its kind in, and no other. */
START_TEST(a_table_that_overflows_is_all_of_its_kind)
{
	static const uint32_t counts[] = { NET_FILTER_MACS + 1, 1000, UINT32_MAX / 6, UINT32_MAX };
	uint64_t first = firsts[_i];
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		net_mac_table_set(table_of(first), NULL, counts[i]);
		ck_assert(wants(first - 1));
		ck_assert(wants(first + 1000));
		ck_assert(!wants((first ^ GROUP) - 1));
		set_table(table_of(first), first, 2); /* and is over with the next one */
		ck_assert(wants(first + 1));
		ck_assert(!wants(first + 2));
	}
}
END_TEST

START_TEST(a_table_that_is_not_known_overflows_unless_it_is_empty)
{
	uint64_t first = firsts[_i];

	net_mac_table_set(table_of(first), NULL, 1);
	ck_assert(wants(first));
	net_mac_table_set(table_of(first), NULL, 0);
	ck_assert(!wants(first));
}
END_TEST

/* A table is for its own kind, whatever the driver writes into it. */
START_TEST(an_address_in_the_wrong_table_lets_nothing_in)
{
	set_table(&filter.unicast, LISTED_GROUP, 1);
	set_table(&filter.multicast, LISTED_STATION, 1);
	ck_assert(!wants(LISTED_GROUP));
	ck_assert(!wants(LISTED_STATION));
	set_table(&filter.multicast, ALL, 1);
	filter.no_broadcast = true;
	ck_assert(!wants(ALL));
}
END_TEST

/* ---- VLANs ------------------------------------------------------------------------ */

static unsigned count_vlans(void)
{
	unsigned vid, count = 0;

	for (vid = 0; vid < NET_FILTER_VLANS; vid++)
		count += wants_tagged(OWN_MAC, (uint16_t)vid);
	return count;
}

/* Besides number 0, which is none. */
START_TEST(a_vlan_is_that_vlan_and_no_other)
{
	unsigned vid;

	reset(true);
	ck_assert_uint_eq(count_vlans(), 1);
	for (vid = 1; vid < NET_FILTER_VLANS; vid++) {
		net_filter_set_vlan(&filter, (uint16_t)vid, true);
		ck_assert(wants_tagged(OWN_MAC, (uint16_t)vid));
		if (vid % 63 == 0)
			ck_assert_uint_eq(count_vlans(), 2);
		net_filter_set_vlan(&filter, (uint16_t)vid, false);
		ck_assert(!wants_tagged(OWN_MAC, (uint16_t)vid));
	}
	ck_assert_uint_eq(count_vlans(), 1);
}
END_TEST

START_TEST(all_vlans)
{
	unsigned vid;

	reset(true);
	for (vid = 0; vid < NET_FILTER_VLANS; vid++)
		net_filter_set_vlan(&filter, (uint16_t)vid, true);
	ck_assert_uint_eq(count_vlans(), NET_FILTER_VLANS);
	net_filter_set_vlan(&filter, 4095, false);
	ck_assert_uint_eq(count_vlans(), NET_FILTER_VLANS - 1);
	ck_assert(!wants_tagged(OWN_MAC, 4095));
}
END_TEST

START_TEST(a_frame_of_our_vlan_still_needs_our_address)
{
	reset(true);
	net_filter_set_vlan(&filter, OUR_VLAN, true);
	ck_assert(wants_tagged(OWN_MAC, OUR_VLAN));
	ck_assert(wants_tagged(ALL, OUR_VLAN));
	ck_assert(!wants_tagged(LISTED_STATION, OUR_VLAN));
}
END_TEST

/* The last byte that there is is not read beyond. */
START_TEST(a_tag_that_is_cut_off_is_none)
{
	reset(true);
	ck_assert(wants_length(OWN_MAC, VLAN, OUR_VLAN, 14));
	ck_assert(wants_length(OWN_MAC, VLAN, OUR_VLAN, 15));
	ck_assert(!wants_length(OWN_MAC, VLAN, OUR_VLAN, 16));
	ck_assert(!wants_length(LISTED_STATION, VLAN, OUR_VLAN, 14));
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(every_set_of_modes),
		ONCE(after_a_reset),
		ONCE(every_bit_of_an_address_counts),
		TIMES(a_table_of_every_size, 2),
		TIMES(a_table_that_overflows_is_all_of_its_kind, 2),
		TIMES(a_table_that_is_not_known_overflows_unless_it_is_empty, 2),
		ONCE(an_address_in_the_wrong_table_lets_nothing_in),
		ONCE(a_vlan_is_that_vlan_and_no_other),
		ONCE(all_vlans),
		ONCE(a_frame_of_our_vlan_still_needs_our_address),
		ONCE(a_tag_that_is_cut_off_is_none),
	};

	return unit_main("net-filter", setup, teardown, tests, ARRAY_SIZE(tests));
}
