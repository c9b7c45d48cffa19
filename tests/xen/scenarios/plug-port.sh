# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # rounds is the part's
#
# Devices come to a PVH guest with two vCPUs by slots and go again, 20 times, by foreign maps.
# tier: full
# limit: 1800
rounds=20
VCPUS=2 part plug-port foreign
