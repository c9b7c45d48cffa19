# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # rounds is the part's
#
# Devices come to a PVH guest with two vCPUs by slots and go again, 20 times, by grants: its kernel
# has contrib's patch, so that it does not keep what it knew of those that have gone.
# tier: full
# limit: 1800
# guest-kernel: grants-forget
rounds=20
GRANT_KERNEL=grants-forget VCPUS=2 part plug-port grants
expect_not a 'grant DMA data is already created'
