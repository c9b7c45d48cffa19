# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk at 00:06.0, a network function at 00:07.0 and six more disks, while dom0 looks at all
# of them and changes some. lab=ctl,BLOCKS: so many of 4 KiB the first disk has in the end.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

# counted: what this side has counted, for dom0 to compare.
counted() {
	awk '{ print "COUNTED disk", $1, $3 * 512, $5, $7 * 512 }' "/sys/block/$disk/stat"
	for name in rx_packets rx_bytes tx_packets tx_bytes; do
		cat "/sys/class/net/$nic/statistics/$name"
	done | xargs echo COUNTED net
}

read_null_disks() {
	for device in 8 9 a b c d; do
		dd if="/dev/$(block_device "00:0$device.0")" of=/dev/null bs=65536 count=16 2> /dev/null || return
	done
}

write_and_read() {
	load fill "/dev/$disk" 0 4096 && load check "/dev/$disk" 0 4096 8
}

size_is() {
	[ "$(cat "/sys/block/$disk/size")" = $(($1 * 8)) ]
}

load_net
mkdir -p /tmp
disk=$(block_device 00:06.0)
nic=$(net_device 00:07.0)
check "all eight devices are there" [ "$(echo /sys/bus/virtio/devices/* | wc -w)" = 8 ]
check "six disks without a store are read" read_null_disks
check "16 MiB are written and read" write_and_read
check "the interface is up" set_up "$nic" 7
check "the peer answers" within 10 answers 10.0.7.1
check "thousands of frames go both ways" all_traffic 7 2 2000 1400
stty -echo
sleep 1
counted
wait_go counted

mark "ready size"
check "the disk is seen to have grown" within 30 size_is "$1"
mark "ready down"
check "the link is down" within 30 carrier_is "$nic" 0
mark "ready up"
check "the link is up" within 30 carrier_is "$nic" 1
check "the peer answers again" within 10 answers 10.0.7.1

load mixed "/dev/$disk" 20 16 0 4096 > /tmp/load.log 2>&1 &
load=$!
net round 10.0.7.1 1400 1000000 > /tmp/round.log 2>&1 &
round=$!
sleep 2
mark loaded
check "the load on the disk outlives a pause" wait $load
cat /tmp/load.log
check "so does a connection" kill $round
check "the peer answers after it" within 10 answers 10.0.7.1
