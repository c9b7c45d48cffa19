# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab is lib.sh's
#
# "xenvirtioctl run": a guest's life with reboots, a crash, a daemon that is killed, and its end
# by a signal; an HVM guest and a PVH guest, with Debian's kernel. Nothing stays afterwards.
# tier: full
# limit: 900

# life NAME: of a guest that is described already.
life() {
	run_guest "$1"
	booted "$1" 1
	xl reboot "$1" || fail "xl reboot $1"
	booted "$1" 2
	kill -KILL "$(daemons)"
	within 10 grep -q 'starting it again' "run-$1.log" || fail "what serves $1 is not started again"
	sleep 2
	xl sysrq "$1" c || fail "xl sysrq $1"
	booted "$1" 3
	kill -TERM "$(pid_of "run-$1")"
	exited "run-$1" 0
	nothing_is_left
	expect_not "$1" 'GUEST: FAIL'
	cat "run-$1.log"
}

export ON_REBOOT=restart ON_CRASH=restart
boot_disk boot.img cloud 'root= lab=stay,00:07.0'
blank_disk a.img 16
configure a "blk bdf=00:06.0,path=$lab/boot.img" "blk bdf=00:07.0,path=$lab/a.img"
guest_file a hvm disk
life a

blank_disk b.img 16
configure b "blk bdf=00:06.0,path=$lab/b.img" 'bridge give-up=60'
guest_file b pvh cloud lab=stay,00:06.0
life b

configure b "blk bdf=00:06.0,path=$lab/none.img"
run_guest b
exited run-b 1
grep -q 'none.img' run-b.log || fail "no reason is given"
nothing_is_left
