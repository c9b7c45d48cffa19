# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A guest that reboots, is made again, and is destroyed under load: each time its
# daemons end by themselves, and nothing of it stays.
# machine: arm64
# tier: full
# limit: 200
cp /share/disks/linux.img a.img

# turn WORDS
turn() {
	create a arm linux "$1"
	serve_arm_bridge a
	serve a --domain a --blk bdf=00:06.0,path=a.img
	start a
}

turn 'root=/dev/vda lab=reboot'
wait_gone a
exited a 0
exited a-bridge 0
grep -q 'reason code 1 ' /var/log/xen/xl-a.log || fail "a ended, but not to reboot"

turn 'root=/dev/vda lab=reboot'
finish a
exited a 0

for _ in 1 2 3; do
	turn lab=endless
	mark a turn-1
	xl destroy a || fail "xl destroy a"
	exited a 0
	exited a-bridge 0
	within 10 no_domains || fail "a does not go away: $(domains)"
	expect_not a 'GUEST: FAIL|in use by backend|Call Trace'
done
