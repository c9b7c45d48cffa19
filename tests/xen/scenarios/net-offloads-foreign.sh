# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A PVH guest's offloads, big frames and VLANs, by foreign maps.
# tier: full
# limit: 400
part net-offloads foreign
