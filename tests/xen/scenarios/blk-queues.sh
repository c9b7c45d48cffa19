# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk with a queue for each vCPU, by grants.
# tier: full
# limit: 400
part blk-queues grants
