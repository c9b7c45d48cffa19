# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The network driver of a PVH guest bound again and again, by grants.
# tier: full
part net-rebind grants
