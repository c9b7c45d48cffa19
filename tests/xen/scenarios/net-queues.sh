# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Two pairs of queues of a PVH guest's, by grants.
# tier: full
part net-queues grants
