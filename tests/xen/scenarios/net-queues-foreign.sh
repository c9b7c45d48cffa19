# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Two pairs of queues of a PVH guest's, by foreign maps.
# tier: full
part net-queues foreign
