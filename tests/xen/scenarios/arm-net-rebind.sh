# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The network driver of an Arm guest bound again and again, by grants.
# machine: arm64
# tier: full
part net-rebind grants
