# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # they are the part's
#
# The same with foreign maps, a thousand times.
# tier: full
# limit: 2400
enough=1000
load=2200
pauses=800
long=2300
part killed foreign
