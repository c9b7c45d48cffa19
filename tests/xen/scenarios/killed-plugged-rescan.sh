# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # these are the part's
#
# What a PVH guest that grants has found by looking for it is there after deaths.
# tier: full
# limit: 600
how=rescan load=20 rounds=0
part killed-plugged grants
