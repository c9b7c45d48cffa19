/* SPDX-License-Identifier: GPL-2.0-or-later */
/* header.c: see header.h. */
#include "devices/net/header.h"

#include "base/util.h"
#include "devices/net/uso.h"

#define ETHERNET_BYTES 14U

static bool checksum_valid(const struct virtio_net_hdr_v1 *header, uint32_t length,
			   uint64_t features)
{
	uint32_t end = (uint32_t)header->csum_start + header->csum_offset + 2;

	if (!(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return true;
	return features & BIT_ULL(VIRTIO_NET_F_CSUM) && header->csum_start >= ETHERNET_BYTES &&
	       end <= length;
}

static uint64_t needed_for(uint8_t gso_type)
{
	switch (gso_type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return BIT_ULL(VIRTIO_NET_F_HOST_TSO4);
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return BIT_ULL(VIRTIO_NET_F_HOST_TSO6);
	case VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN:
		return BIT_ULL(VIRTIO_NET_F_HOST_TSO4) | BIT_ULL(VIRTIO_NET_F_HOST_ECN);
	case VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN:
		return BIT_ULL(VIRTIO_NET_F_HOST_TSO6) | BIT_ULL(VIRTIO_NET_F_HOST_ECN);
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return BIT_ULL(VIRTIO_NET_F_HOST_USO);
	default:
		return 0;
	}
}

/* A segment has some bytes, and there are headers to repeat. */
static bool segments_valid(const struct virtio_net_hdr_v1 *header, uint32_t length,
			   uint64_t features)
{
	uint64_t needed = needed_for(header->gso_type);

	if (header->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	if (!needed || (features & needed) != needed)
		return false;
	return header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && header->gso_size &&
	       header->hdr_len <= length;
}

bool net_header_valid(const struct virtio_net_hdr_v1 *header, uint32_t length, uint64_t features)
{
	return length >= ETHERNET_BYTES && checksum_valid(header, length, features) &&
	       segments_valid(header, length, features);
}
