# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A PVH guest that floods its daemon, by foreign maps.
# tier: full
part net-flood foreign
