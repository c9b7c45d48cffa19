# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab is lib.sh's
#
# Receive-side scaling by ethtool: two pairs of queues, two vCPUs; frames go to the queue that
# the guest's table says, whichever of the tap's they came by.
# tier: full
make_tap t0 7 2
serve_peer
VCPUS=2 TOOLS=ethtool create a pvh grants lab=net-rss
serve a --log-level debug --domain a --net bdf=00:07.0,tap=t0,queues=2
start a
finish a
exited a 0
grep -o 'to the guest .*' "$lab/a.log"
