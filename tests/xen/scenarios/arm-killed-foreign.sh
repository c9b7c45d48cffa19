# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # load is the part's
#
# The same with foreign maps.
# machine: arm64
# tier: full
# limit: 400
load=20
part killed foreign
