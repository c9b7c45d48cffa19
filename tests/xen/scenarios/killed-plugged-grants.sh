# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # these are the part's
#
# What was put into slots of a PVH guest that grants is there after deaths.
# tier: full
# limit: 600
how=port load=20 rounds=0
part killed-plugged grants
