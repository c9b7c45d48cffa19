# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The link of a PVH guest's network, by grants.
# tier: full
part net-link grants
