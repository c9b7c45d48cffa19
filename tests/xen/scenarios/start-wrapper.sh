# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab is lib.sh's
#
# The device-model wrapper: plain xl create, xl reboot, a crash, xl shutdown and xl destroy, of an
# HVM guest, and of a PVH guest which is given a QEMU for a channel. If what serves a guest does
# not start, the guest is not created.
# tier: full
# limit: 900
wrapper=/share/bin/device-model

# life NAME
life() {
	xl create -q "$1.cfg" || fail "xl create $1"
	booted "$1" 1
	xl reboot "$1" || fail "xl reboot $1"
	booted "$1" 2
	xl sysrq "$1" c || fail "xl sysrq $1"
	booted "$1" 3
	xl shutdown "$1" || fail "xl shutdown $1"
	wait_gone "$1"
	nothing_is_left
	xl create -q "$1.cfg" || fail "xl create $1"
	booted "$1" 4
	xl destroy "$1" || fail "xl destroy $1"
	nothing_is_left
	expect_not "$1" 'GUEST: FAIL'
}

export ON_REBOOT=restart ON_CRASH=restart
boot_disk boot.img cloud 'root= lab=stay,00:07.0'
blank_disk a.img 16
configure a "blk bdf=00:06.0,path=$lab/boot.img" "blk bdf=00:07.0,path=$lab/a.img"
MORE="device_model_override='$wrapper'" guest_file a hvm disk
life a

blank_disk b.img 16
configure b "blk bdf=00:06.0,path=$lab/b.img" 'bridge give-up=60'
MORE="device_model_override='$wrapper'
channel=['connection=pty,name=xenvirtiod']" guest_file b pvh cloud lab=stay,00:06.0
life b

configure a "blk bdf=00:06.0,path=$lab/none.img"
! xl create -q a.cfg || fail "a guest without its disk was created"
grep -q 'not all that serves it is ready' /var/log/xen/qemu-dm-a.log* || fail "no reason is given"
nothing_is_left
