# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab is lib.sh's
#
# A guest that is started before its disk's daemon: its boot waits, and it mounts the
# disk as its root file system. Another function never comes: it goes on without.
# machine: arm64
# tier: full
# limit: 200
cp /share/disks/linux.img a.img
FUNCTIONS='bdf=00:06.0,backend=0 bdf=00:07.0,backend=0' create a arm linux 'root=/dev/vda lab=root'
serve_arm_bridge a expect=00:06.0,expect=00:07.0,give-up=20
start a
# shellcheck disable=SC2154 # lib.sh's
within 60 grep -q '00:06.0, of domain 0: not there yet' "$lab/a-bridge.log" || fail "nobody waits"
sleep 5
serve a --domain a --blk bdf=00:06.0,path=a.img,memory=grants
say "the disk is ready at $(cut -d' ' -f1 /proc/uptime)"
wait_said a 'GUEST: up'
say "the guest is up at $(cut -d' ' -f1 /proc/uptime)"
finish a
grep -q '00:07.0, of domain 0: has not come in time' "$lab/a-bridge.log" || fail "00:07.0 was waited for"
exited a 0
