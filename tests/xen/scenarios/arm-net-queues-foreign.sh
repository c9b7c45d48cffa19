# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Two pairs of queues of an Arm guest's, by foreign maps.
# machine: arm64
# tier: full
part net-queues foreign
