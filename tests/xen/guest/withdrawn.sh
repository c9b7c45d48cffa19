# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Load on the disk and on its configuration space while the daemon withdraws, with
# a heart beat on each of two vCPUs: lab=withdrawn,SECONDS. The load may fail or stall.
disk=/dev/$(block_device 00:06.0)

# beats VCPU SECONDS: runs for all this time, never away for 15 seconds.
beats() {
	taskset -c "$1" load beat "$2" > "/tmp/beat$1" && cat "/tmp/beat$1" &&
		[ "$(sed 's/.*longest \([0-9]*\) ms.*/\1/' "/tmp/beat$1")" -lt 15000 ]
}

mkdir -p /tmp
load -e mixed "$disk" "$1" 16 0 2048 &
load -e config "$(device 00:06.0)/config" "$1" &
mark load
(beats 1 "$1" && touch /tmp/one) &
check "no pause of vCPU 0" beats 0 "$1"
sleep 2
check "no pause of vCPU 1" [ -e /tmp/one ]
check "the guest still starts programs" true
