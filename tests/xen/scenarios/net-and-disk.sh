# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk and a network of a PVH guest's, by grants.
# tier: full
part net-and-disk grants
