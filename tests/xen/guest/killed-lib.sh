# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# What the checks share in which the daemon is killed and started again under load.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

# streams SECONDS: TCP, both ways, again and again.
streams() {
	last=$(($(cut -d. -f1 /proc/uptime) + $1))
	while [ "$(cut -d. -f1 /proc/uptime)" -lt "$last" ] && [ ! -e /tmp/enough ]; do
		net both 10.0.7.1 1 && net round 10.0.7.1 1400 20 || return
	done
}

# beats NAME VCPU SECONDS: never away for 15 seconds.
beats() {
	taskset -c "$2" load beat "$3" > "/tmp/$1.beat$2" &&
		[ "$(sed 's/.*longest \([0-9]*\) ms.*/\1/' "/tmp/$1.beat$2")" -lt 15000 ]
}

# load_all NAME SECONDS FIRST DISK: verified load on the disk at this place from block FIRST on, on
# its configuration space and on the network with the number 7, with a heart beat on each of two
# vCPUs. What each says of it begins with the name.
load_all() {
	load mixed "/dev/$(block_device "$4")" "$2" 16 "$3" 2048 > "/tmp/$1.disk" &
	disk_load=$!
	load config "$(device "$4")/config" "$2" > "/tmp/$1.config" &
	config_load=$!
	streams "$2" > "/tmp/$1.net" &
	net_load=$!
	beats "$1" 1 "$2" &
	beat=$!
	check "$1: no pause of vCPU 0" beats "$1" 0 "$2"
	check "$1: no pause of vCPU 1" wait $beat
	check "$1: the disk" wait $disk_load
	check "$1: its configuration space" wait $config_load
	check "$1: the interface" wait $net_load
	for said in disk config net beat0 beat1; do
		tail -n 1 "/tmp/$1.$said" | sed "s/^/$1: /"
	done
}

# under_load SECONDS FIRST DISK: the same while dom0 kills. Nothing fails, and the kernel says nothing.
under_load() {
	begin_silence 'link becomes ready'
	mark load
	load_all killed "$@"
	end_silence
	mark calm
}
