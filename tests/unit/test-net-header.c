/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-net-header.c: which headers of frames are possible (virtio 1.2, 5.1.6.2), by what
 * the driver took.
 */
#include "devices/net/header.h"
#include "devices/net/uso.h"
#include "unit/unit.h"

#define LENGTH 3000u
#define CSUM   BIT_ULL(VIRTIO_NET_F_CSUM)
#define TSO4   BIT_ULL(VIRTIO_NET_F_HOST_TSO4)
#define TSO6   BIT_ULL(VIRTIO_NET_F_HOST_TSO6)
#define ECN    BIT_ULL(VIRTIO_NET_F_HOST_ECN)
#define USO    BIT_ULL(VIRTIO_NET_F_HOST_USO)

static const uint64_t features[] = { CSUM, TSO4, TSO6, ECN, USO };

/* Any other type is of no use, whatever was taken. */
static uint64_t needed_for(unsigned type)
{
	switch (type) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return CSUM; /* the checksum is left to us below */
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return CSUM | TSO4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return CSUM | TSO6;
	case VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN:
		return CSUM | TSO4 | ECN;
	case VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN:
		return CSUM | TSO6 | ECN;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return CSUM | USO;
	default:
		return UINT64_MAX;
	}
}

static struct virtio_net_hdr_v1 header_of(unsigned type)
{
	return (struct virtio_net_hdr_v1){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					   .gso_type = (uint8_t)type,
					   .hdr_len = 42,
					   .gso_size = 1400,
					   .csum_start = 34,
					   .csum_offset = 6 };
}

static uint64_t some_features(unsigned bits)
{
	uint64_t some = 0;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		some |= bits >> i & 1 ? features[i] : 0;
	return some;
}

START_TEST(each_kind_of_segments_needs_its_features)
{
	unsigned type, bits;

	for (type = 0; type < 256; type++) {
		struct virtio_net_hdr_v1 header = header_of(type);
		uint64_t needed = needed_for(type);

		for (bits = 0; bits < 1u << ARRAY_SIZE(features); bits++) {
			uint64_t taken = some_features(bits);

			ck_assert_msg(net_header_valid(&header, LENGTH, taken) ==
					      ((taken & needed) == needed),
				      "type %u, features %llx", type, (unsigned long long)taken);
		}
	}
}
END_TEST

/* A size, headers to repeat within the frame, and a checksum to make for each. */
START_TEST(segments_have_all_that_it_takes)
{
	static const unsigned types[] = { VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_GSO_TCPV6,
					  VIRTIO_NET_HDR_GSO_UDP_L4 };
	struct virtio_net_hdr_v1 header = header_of(types[_i]);

	ck_assert(net_header_valid(&header, LENGTH, UINT64_MAX));
	header.gso_size = 0;
	ck_assert(!net_header_valid(&header, LENGTH, UINT64_MAX));
	header.gso_size = 1;
	ck_assert(net_header_valid(&header, LENGTH, UINT64_MAX));
	header.hdr_len = LENGTH;
	ck_assert(net_header_valid(&header, LENGTH, UINT64_MAX));
	header.hdr_len = LENGTH + 1;
	ck_assert(!net_header_valid(&header, LENGTH, UINT64_MAX));
	header.hdr_len = 0; /* a hint only */
	ck_assert(net_header_valid(&header, LENGTH, UINT64_MAX));
	header.flags = 0;
	ck_assert(!net_header_valid(&header, LENGTH, UINT64_MAX));
}
END_TEST

/* The two bytes of the sum are within the frame, behind the ethernet header. */
START_TEST(a_checksum_has_its_place_in_the_frame)
{
	struct virtio_net_hdr_v1 header = header_of(VIRTIO_NET_HDR_GSO_NONE);
	unsigned start, offset;

	for (start = 0; start < 80; start++)
		for (offset = 0; offset < 80; offset++) {
			header.csum_start = (uint16_t)start;
			header.csum_offset = (uint16_t)offset;
			ck_assert_int_eq(net_header_valid(&header, 60, CSUM),
					 start >= 14 && start + offset + 2 <= 60);
		}
	header.csum_start = header.csum_offset = UINT16_MAX;
	ck_assert(!net_header_valid(&header, LENGTH, CSUM));
}
END_TEST

START_TEST(a_frame_has_an_ethernet_header)
{
	const struct virtio_net_hdr_v1 header = { 0 };

	ck_assert(!net_header_valid(&header, 0, 0));
	ck_assert(!net_header_valid(&header, 13, 0));
	ck_assert(net_header_valid(&header, 14, 0));
}
END_TEST

static void nothing(void)
{
}

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(each_kind_of_segments_needs_its_features),
		TIMES(segments_have_all_that_it_takes, 3),
		ONCE(a_checksum_has_its_place_in_the_frame),
		ONCE(a_frame_has_an_ethernet_header),
	};

	return unit_main("net-header", nothing, nothing, tests, ARRAY_SIZE(tests));
}
