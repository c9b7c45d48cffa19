# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A PVH guest's network, by foreign maps.
# tier: full
part net-basic foreign
