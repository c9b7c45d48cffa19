# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# An Arm guest that floods its daemon, by grants.
# machine: arm64
# tier: full
part net-flood grants
