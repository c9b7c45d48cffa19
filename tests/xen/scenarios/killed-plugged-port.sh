# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # these are the part's
#
# What was put into slots of a PVH guest is there after deaths.
# tier: full
# limit: 900
how=port load=20 rounds=5
part killed-plugged foreign
