# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# An HVM guest whose root disk has no image yet: hvmloader places the BAR, SeaBIOS
# leaves the disk alone, and the kernel, which comes from dom0, waits for it.
# tier: full
# limit: 600
create a hvm cloud 'loglevel=7 root=/dev/vda2 lab=wait,rrs,disk,pirq.*msi'
serve a --domain a --blk bdf=00:06.0,path=a.img,wait=rrs
start a
boot_disk a.new cloud ''
wait_said a '00:06.0: not ready after 2047ms'
bring a a.img
say_found a
finish a
exited a 0
check_pci_function a 00:06.0
check_root_of a.img
