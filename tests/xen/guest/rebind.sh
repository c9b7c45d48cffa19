# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The virtio driver (not the PCI driver) unbound and bound 20 times under I/O on
# 16 MiB of the disk: lab=rebind,FIRST, from block FIRST. The first half is under
# load, with errors when the disk goes; the second half must stay as it is.
virtio=$(basename "$(device 00:06.0)"/virtio*)
driver=/sys/bus/virtio/drivers/virtio_blk
half=2048

rebind() {
	disk=/dev/$(block_device 00:06.0)
	load -e mixed "$disk" 60 16 "$1" $half > /dev/null 2>&1 &
	sleep 0.5
	echo "$virtio" > $driver/unbind || return
	kill $!
	wait
	echo "$virtio" > $driver/bind || return
	load check "/dev/$(block_device 00:06.0)" $(($1 + half)) $half 8 > /dev/null
}

check "filled" load fill "/dev/$(block_device 00:06.0)" $(($1 + half)) $half
for turn in $(seq 20); do
	check "unbound and bound, turn $turn" rebind "$1"
done
check "works after all that" load mixed "/dev/$(block_device 00:06.0)" 3 16 "$1" $half
