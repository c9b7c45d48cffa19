/* SPDX-License-Identifier: GPL-2.0-or-later */
/* uso.h: names of UDP segmentation (virtio 1.2, 5.1.3 and 5.1.6; Linux 6.2), which are
 * younger than Debian 12's headers. */
#pragma once
#include <linux/if_tun.h>
#include <linux/virtio_net.h>

#ifndef VIRTIO_NET_F_HOST_USO
#define VIRTIO_NET_F_GUEST_USO4 54
#define VIRTIO_NET_F_GUEST_USO6 55
#define VIRTIO_NET_F_HOST_USO   56
#endif

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
