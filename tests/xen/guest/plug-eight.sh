# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Four disks from 00:06.0 on and four network functions from 00:0a.0 on, the networks 10 to 13:
# two of each are there from the beginning, the others come. All are used, the disks at the
# same time.
# shellcheck source=tests/xen/guest/plug-lib.sh
. /lab/plug-lib.sh

use_disks() {
	pids=''
	for bdf in "$@"; do
		load mixed "/dev/$(block_device "$bdf")" 5 8 0 1024 &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || return
	done
}

# check_net BDF NUMBER
check_net() {
	check "a network function at $1" net_is_at "$1"
	check "it works" use_net "$1" "$2"
}

all_networks() {
	for number in 10 11 12 13; do
		all_traffic $number 1 20 1400 || return
	done
}

load_net
stty -echo
check "two disks" use_disks 00:06.0 00:07.0
check_net 00:0a.0 10
check_net 00:0b.0 11
wait_go others
check "the others come" rescan
check "all eight devices are there" [ "$(echo /sys/bus/virtio/devices/* | wc -w)" = 8 ]
check_net 00:0c.0 12
check_net 00:0d.0 13
check "four disks" use_disks 00:06.0 00:07.0 00:08.0 00:09.0
check "four networks" all_networks
