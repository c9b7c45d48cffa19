# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# File systems on disks by grants and by foreign maps: made here, filled, changed and emptied
# again by several at once in the guest, and checked here afterwards. The grant kernel knows
# ext4 only.
# tier: full
# limit: 600
truncate -s 320M ext4.img xfs.img btrfs.img granted.img
mkfs.ext4 -q ext4.img
mkfs.xfs -q xfs.img
mkfs.btrfs -q btrfs.img
mkfs.ext4 -q granted.img
create a pvh cloud 'modules=filesystems lab=filesystems,ext4,xfs,btrfs'
serve a --domain a --blk bdf=00:06.0,path=ext4.img --blk bdf=00:07.0,path=xfs.img \
	--blk bdf=00:08.0,path=btrfs.img
start a
finish a
exited a 0
create b pvh grants lab=filesystems,ext4
serve b --domain b --blk bdf=00:06.0,path=granted.img
start b
finish b
exited b 0
e2fsck -fn ext4.img || fail "ext4 is not clean"
e2fsck -fn granted.img || fail "ext4 by grants is not clean"
xfs_repair -n xfs.img || fail "xfs is not clean"
btrfs check btrfs.img || fail "btrfs is not clean"
