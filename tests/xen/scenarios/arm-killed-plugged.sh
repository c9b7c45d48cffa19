# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # these are the part's
#
# What was put into slots of an Arm guest is there after deaths.
# machine: arm64
# tier: full
# limit: 1200
how=port load=20 rounds=3
part killed-plugged foreign
