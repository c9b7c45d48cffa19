# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Guests destroyed under load, again and again: each time their daemon ends by itself, and
# nothing of the domain stays.
# tier: full
# limit: 600
blank_disk a.img 16

# turn NAME KERNEL
turn() {
	create "$1" pvh "$2" lab=endless
	serve "$1" --domain "$1" --blk bdf=00:06.0,path=a.img
	start "$1"
	mark "$1" turn-1
	sleep 1
	alive "$1"
	xl destroy "$1" || fail "xl destroy $1"
	exited "$1" 0
	within 10 no_domains || fail "$1 does not go away: $(domains)"
	expect_not "$1" 'GUEST: FAIL|in use by backend|Call Trace'
}

for i in 1 2 3 4 5 6 7; do
	turn "g$i" grants
done
for i in 1 2 3; do
	turn "f$i" cloud
done
