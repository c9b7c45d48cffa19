# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The network driver of a PVH guest bound again and again, by foreign maps.
# tier: full
part net-rebind foreign
