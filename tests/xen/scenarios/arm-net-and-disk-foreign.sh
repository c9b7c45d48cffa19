# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk and a network of an Arm guest's, by foreign maps.
# machine: arm64
# tier: full
part net-and-disk foreign
