# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Two disks whose space is given back: 00:06.0 with an ext4 file system, which is filled,
# emptied and trimmed, and 00:07.0, 16 MiB, of which 4 MiB are zeroed and the rest discarded.
files=/dev/$(block_device 00:06.0)
disk=/dev/$(block_device 00:07.0)

limit() {
	cat "/sys/block/${1#/dev/}/queue/$2"
}

check "it can be discarded" [ "$(limit "$disk" discard_max_bytes)" -gt 0 ]
check "and zeroed" [ "$(limit "$disk" write_zeroes_max_bytes)" -gt 0 ]
mkdir -p /mnt
mount -t ext4 "$files" /mnt
check "a large file is written" dd if=/dev/zero of=/mnt/large bs=1M count=32
sync
sleep 5 # dom0 looks how much that takes
rm /mnt/large
sync
check "what it took is given back" fstrim /mnt
umount /mnt
check "the file system is whole" mount -t ext4 "$files" /mnt
umount /mnt

check "16 MiB are written" load fill "$disk" 0 4096
check "4 MiB of them are zeroed" load zero "$disk" 0 1024
check "the rest is as it was" load check "$disk" 1024 3072 8
check "and is discarded" blkdiscard -o 4194304 -l 12582912 "$disk"
check "then written again in part" load fill "$disk" 3072 1024
check "and read back" load check "$disk" 3072 1024 8
check "and discarded again" blkdiscard -o 12582912 -l 4194304 "$disk"
check "the zeroes are still there" load zero "$disk" 0 16
