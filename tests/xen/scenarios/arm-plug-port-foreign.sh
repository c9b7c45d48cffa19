# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # rounds is the part's
#
# Devices come to an Arm guest by slots and go again, 20 times, with functions that are not in the
# tree's iommu-map.
# machine: arm64
# tier: full
# limit: 1800
rounds=20
part plug-port foreign
