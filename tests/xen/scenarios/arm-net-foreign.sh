# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# An Arm guest's network, by foreign maps.
# machine: arm64
# tier: full
part net-basic foreign
