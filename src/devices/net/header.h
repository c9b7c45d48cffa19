/* SPDX-License-Identifier: GPL-2.0-or-later */
/* header.h: is what a guest says of its frame possible? (virtio 1.2, 5.1.6.2)
 *
 * The kernel that gets the frame checks, too (include/linux/virtio_net.h), but drops
 * it without a word. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_net.h>

/* @length: of the frame without the header. @features: of the driver. */
bool net_header_valid(const struct virtio_net_hdr_v1 *header, uint32_t length, uint64_t features);
