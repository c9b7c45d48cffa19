# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# What the checks of devices that come and go share.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

rescan() {
	echo 1 > /sys/bus/pci/rescan
}

remove() {
	echo 1 > "$(device "$1")/remove"
}

# disk_is_at BDF / net_is_at BDF / nothing_is_at BDF
disk_is_at() {
	is_virtio_blk "$1" 2> /dev/null && [ -b "/dev/$(block_device "$1")" ]
}

net_is_at() {
	is_virtio_net "$1" 2> /dev/null && [ -e "/sys/class/net/$(net_device "$1")" ]
}

nothing_is_at() {
	[ ! -e "$(device "$1")" ]
}

# use_disk BDF BLOCKS: writes and reads them.
use_disk() {
	load fill "/dev/$(block_device "$1")" 0 "$2" &&
		load check "/dev/$(block_device "$1")" 0 "$2" 8
}

# use_net BDF NUMBER
use_net() {
	set_up "$(net_device "$1")" "$2" && within 20 answers "10.0.$2.1" &&
		net round "10.0.$2.1" 1400 20
}

# load_disk BDF ... end_load: verified load in between.
load_disk() {
	mkdir -p /tmp
	load_until_told "/dev/$(block_device "$1")" > /tmp/load.log 2>&1 &
	loader=$!
}

load_until_told() {
	until [ -e /tmp/enough ]; do
		load mixed "$1" 2 16 0 4096 || return
	done
}

end_load() {
	touch /tmp/enough
	check "the disk under load all the time" wait "$loader"
	sort -t, -k4 /tmp/load.log | tail -n 1
	check "nothing has taken long" \
		[ "$(sed -n 's/.*longest \([0-9]*\) ms.*/\1/p' /tmp/load.log | sort -n | tail -n 1)" -lt 10000 ]
}

# places HOW: where the disk and the network function come that dom0's plug_round attaches. HOW is
# as there, and says what the guest has to do for it.
places() {
	how=$1
	case $how in
	port) disk=01:00.0 net=02:00.0 ;;
	*) disk=00:07.0 net=00:08.0 ;;
	esac
}

have_come() {
	disk_is_at "$disk" && net_is_at "$net"
}

have_gone() {
	nothing_is_at "$disk" && nothing_is_at "$net"
}

come() {
	[ "$how" != rescan ] || rescan
	within 150 have_come
}

go() {
	if [ "$how" = rescan ]; then
		remove "$disk"
		remove "$net"
	fi
	within 150 have_gone
}

stay_away() {
	[ "$how" != rescan ] || rescan
	have_gone
}
