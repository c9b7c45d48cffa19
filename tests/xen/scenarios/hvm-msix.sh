# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# An HVM guest with Debian's kernel boots from the virtio disk: SeaBIOS, syslinux,
# initrd, root file system. Foreign maps; MSI-X, which Linux turns into pirqs.
# tier: smoke
boot_disk a.img cloud 'lab=disk,pirq.*msi'
create a hvm disk
serve a --domain a --blk bdf=00:06.0,path=a.img
start a
finish a
exited a 0
check_pci_function a 00:06.0
check_root_of a.img
