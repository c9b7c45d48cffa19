# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk and a network of a PVH guest's, by foreign maps.
# tier: full
part net-and-disk foreign
