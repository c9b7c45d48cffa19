# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Coalescing by ethtool: as many interrupts as the driver asks for, for the same traffic.
# tier: full
make_tap t0 7
TOOLS=ethtool create a pvh grants lab=net-coalesce
serve a --domain a --net bdf=00:07.0,tap=t0
start a
finish a
exited a 0
