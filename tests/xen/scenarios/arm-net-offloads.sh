# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# An Arm guest's offloads, big frames and VLANs, by grants.
# machine: arm64
# tier: full
# limit: 400
part net-offloads grants
