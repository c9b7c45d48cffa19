# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# One disk without a file system: lab=device,CHIP,SECONDS. The disk has 16 MiB.
bdf=00:06.0
disk=/dev/$(block_device "$bdf")

# A part by each vCPU, so that each of its queues has something to do.
fill_by_each() {
	cpus=$(nproc)
	each=$((4096 / cpus))
	for cpu in $(seq 0 $((cpus - 1))); do
		taskset -c "$cpu" load fill "$disk" $((cpu * each)) $each || return
	done
}

print_config "$bdf"
check "a virtio block device at $bdf is $disk" is_virtio_blk "$bdf"
check "it has 16 MiB" [ "$(blockdev --getsize64 "$disk")" = 16777216 ]
check "4096 blocks are written" fill_by_each
check "and read back" load check "$disk" 0 4096 16
check "writes and reads of all sizes, $2 s" load mixed "$disk" "$2" 16 0 4096
check "interrupts by $1" interrupts_by "$bdf" "$1"
dmesg | grep -i grant
