# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The main job, on a root file system of the virtio disk: lab=disk,CHIP, where
# CHIP is a pattern of the interrupts' chip.
bdf=00:06.0
print_config "$bdf"
check "a virtio block device at $bdf is the disk $(block_device "$bdf")" is_virtio_blk "$bdf"
check "the root file system is on $(block_device "$bdf")2" grep -q "^/dev/$(block_device "$bdf")2 / " /proc/mounts
check "a file made by the host has its checksum" sha256sum -c -s /data/host.sha256

mount -o remount,rw /
seq 1 50000 > /data/guest
cp /data/host /data/copy
sync
echo 3 > /proc/sys/vm/drop_caches
check "what was written reads back" cmp /data/host /data/copy
check "interrupts by $1" interrupts_by "$bdf" "$1"
check "the file system is clean to unmount" mount -o remount,ro /
sync
