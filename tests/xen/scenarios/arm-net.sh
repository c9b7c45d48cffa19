# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# An Arm guest's network, by grants.
# machine: arm64
# tier: smoke
part net-basic grants
