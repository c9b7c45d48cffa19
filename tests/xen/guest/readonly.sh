# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A read-only disk with an ext4 file system.
disk=/dev/$(block_device 00:06.0)

cannot() {
	! "$@" 2> /dev/null
}

check "the disk says that it is read-only" [ "$(cat "/sys/block/${disk#/dev/}/ro")" = 1 ]
mkdir -p /mnt
check "its file system can be mounted" mount -t ext4 -o ro "$disk" /mnt
check "and read" [ -d /mnt/lost+found ]
umount /mnt
check "nothing can be written" cannot dd if=/dev/zero of="$disk" bs=4096 count=1 oflag=direct
check "nothing can be discarded" cannot blkdiscard "$disk"
