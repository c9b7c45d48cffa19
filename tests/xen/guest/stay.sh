# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A guest that stays until somebody ends it: lab=stay,BDF. It counts its boots on the disk there,
# and writes there all the time, which can be told from its marks. Told to power off or to reboot
# it does so.
disk=/dev/$(block_device "$1")
check "a virtio block device is at $1" is_virtio_blk "$1"
echo '/bin/busybox poweroff -f' > /proc/sys/kernel/poweroff_cmd
echo 1 > /proc/sys/kernel/sysrq
boot=$(($(head -c 8 "$disk" | tr -cd '0-9') + 1))
printf '%-8s' "$boot" | dd of="$disk" conv=notrunc,fsync bs=8 2> /dev/null
turn=0
while true; do
	turn=$((turn + 1))
	mark "boot-$boot turn-$turn"
	load mixed "$disk" 3 32 64 2048 > /dev/null || say "FAIL load"
done
