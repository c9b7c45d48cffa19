# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # they are the part's
#
# The same for ten minutes, with foreign maps: as often as there is time for.
# tier: full
# limit: 1200
load=600
pauses=800
long=1100
part killed foreign
