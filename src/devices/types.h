/* SPDX-License-Identifier: GPL-2.0-or-later */
/* types.h: the device types: one folder here and one X() line each. */
#pragma once
#include "virtio/device.h"

#define DEVICE_TYPES(X) X(blk) X(net)

#define DECLARE_DEVICE_TYPE(name) extern const struct virtio_device_type virtio_##name;
DEVICE_TYPES(DECLARE_DEVICE_TYPE)
#undef DECLARE_DEVICE_TYPE
