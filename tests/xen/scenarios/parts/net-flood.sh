# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # memory is the scenario's
#
# A guest that floods its daemon: its neighbour's disk makes progress, the link's state
# and configuration space are answered in time, and the daemon ends when it is told to.
blank_disk good.img 16
create_by foreign good lab=endless 00:06.0
serve good --domain good --blk bdf=00:06.0,path=good.img
make_tap t0 7
serve_peer
VCPUS=2 create_by "$memory" a lab=net-flood,10 00:07.0
serve a --domain a --net "bdf=00:07.0,tap=t0,memory=$memory"
start good
start a
mark good turn-1
mark a flood
turn=$(console good | grep -c 'MARK turn-')
sleep 2
set_carrier t0 0
mark a down
set_carrier t0 1
mark a up
mark good "turn-$((turn + 1))"
mark a last
kill -TERM "$(pid_of a)"
exited a 0
alive good
expect_not good 'GUEST: FAIL|I/O error|Call Trace'
expect_not a 'GUEST: FAIL|Call Trace|Kernel panic'
lines=$(wc -l < a.log)
[ "$lines" -lt 100 ] || fail "the guest can fill the log: $lines lines"
