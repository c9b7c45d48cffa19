# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk at 00:06.0 and a network function at 00:07.0 under load at the same time, and then
# each alone: lab=net-and-disk,SECONDS. Neither may wait for the other for long.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

# longest FILE: in ms, of what LOAD or NET has said there.
longest() {
	sed -n 's/.*longest \([0-9]*\) ms.*/\1/p' "$1" | sort -n | tail -n 1
}

# Requests and answers meanwhile show how long a frame may take.
network() {
	until [ -e /tmp/disk.done ]; do
		all_traffic 7 1 100 1400 && net round 10.0.7.1 64 100 || return
	done
}

load_net
mkdir -p /tmp
nic=$(net_device 00:07.0)
disk=/dev/$(block_device 00:06.0)
check "the interface is up" set_up "$nic" 7
check "the peer answers" within 10 answers 10.0.7.1
(load mixed "$disk" "$1" 16 0 4096 > /tmp/disk.log && touch /tmp/disk.good
touch /tmp/disk.done) &
check "the network under load beside a disk" network > /tmp/net.log
wait
cat /tmp/disk.log /tmp/net.log
check "the disk under load beside a network" [ -e /tmp/disk.good ]
check "no request to the disk took long" [ "$(longest /tmp/disk.log)" -lt 5000 ]
check "no round trip took long" [ "$(longest /tmp/net.log)" -lt 5000 ]
