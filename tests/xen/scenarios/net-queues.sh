# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab is lib.sh's
#
# Two pairs of queues, two vCPUs: both pairs are used, and frames of a flow stay in
# order. The guest turns one pair off and on again.
# tier: full
make_tap t0 7 2
serve_peer
VCPUS=2 TOOLS=ethtool create a pvh grants lab=net-queues
serve a --domain a --net bdf=00:07.0,tap=t0,queues=2
start a
finish a
exited a 0
[ "$(grep -c '^served' "$lab/helpers/peer.log")" -gt 20 ] || fail "the peer has not seen all connections"
