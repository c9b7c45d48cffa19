# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The link of an Arm guest's network, by grants.
# machine: arm64
# tier: full
part net-link grants
