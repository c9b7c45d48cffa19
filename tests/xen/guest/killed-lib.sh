# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# What the checks share in which the daemon is killed and started again under load.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

# streams SECONDS: TCP, both ways, again and again.
streams() {
	last=$(($(cut -d. -f1 /proc/uptime) + $1))
	while [ "$(cut -d. -f1 /proc/uptime)" -lt "$last" ]; do
		net both 10.0.7.1 1 > /tmp/net && net round 10.0.7.1 1400 20 >> /tmp/net || return
	done
	cat /tmp/net
}

# beats VCPU SECONDS: never away for 15 seconds.
beats() {
	taskset -c "$1" load beat "$2" > "/tmp/beat$1" && cat "/tmp/beat$1" &&
		[ "$(sed 's/.*longest \([0-9]*\) ms.*/\1/' "/tmp/beat$1")" -lt 15000 ]
}

# messages: the kernel's, without those of a slow machine.
messages() {
	dmesg | grep -Ev 'random: |clocksource|hrtimer|link becomes ready'
}

# under_load SECONDS FIRST DISK: verified load on the disk at this place from block FIRST on, on its
# configuration space and on the network with the number 7, with a heart beat on each of two
# vCPUs. Nothing fails, and the kernel says nothing.
under_load() {
	messages > /tmp/before
	load mixed "/dev/$(block_device "$3")" "$1" 16 "$2" 2048 &
	disk_load=$!
	load config "$(device "$3")/config" "$1" &
	config_load=$!
	streams "$1" &
	net_load=$!
	beats 1 "$1" &
	beat=$!
	mark load
	check "no pause of vCPU 0" beats 0 "$1"
	check "no pause of vCPU 1" wait $beat
	check "the disk" wait $disk_load
	check "its configuration space" wait $config_load
	check "the interface" wait $net_load
	messages > /tmp/after
	check "the kernel has said nothing" cmp -s /tmp/before /tmp/after
	diff /tmp/before /tmp/after | sed 's/^/kernel: /'
	mark calm
}
