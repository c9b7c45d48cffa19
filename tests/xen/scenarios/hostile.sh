# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A guest that posts grants which do not exist, are revoked, or forbid what is asked, among
# good requests and beside a good disk: only the bad ones fail, and what the daemon says of
# them stays short. Another guest, with a daemon of its own, does not notice.
# tier: full
# limit: 600
blank_disk good.img 16
create good pvh cloud lab=endless
serve good --domain good --blk bdf=00:06.0,path=good.img
start good
mark good turn-1

blank_disk a.img 16
blank_disk b.img 16
create bad pvh grants lab=hostile,30
serve bad --domain bad --blk bdf=00:06.0,path=a.img --blk bdf=00:07.0,path=b.img
start bad
finish bad
exited bad 0

turn=$(console good | grep -c 'MARK turn-')
[ "$turn" -gt 2 ] || fail "good made no progress"
mark good "turn-$((turn + 1))"
alive good
expect_not good 'GUEST: FAIL|I/O error|Call Trace'
expect bad 'HOSTILE requests: .* [0-9]{3,} bad ones, 0 faults'
console bad | grep '^HOSTILE'
lines=$(wc -l < bad.log)
say "$lines lines of bad's daemon"
[ "$lines" -lt 300 ] || fail "the guest can fill the log: $lines lines"
