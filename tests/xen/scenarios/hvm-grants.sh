# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# An HVM guest with the grant kernel boots from the virtio disk: plain frames by
# SeaBIOS, although it accepted ACCESS_PLATFORM, then a reset, then grants by Linux.
# tier: smoke
boot_disk a.img grants 'lab=disk,pirq.*msi'
create a hvm disk
serve a --domain a --blk bdf=00:06.0,path=a.img
start a
finish a
expect a 'Using dom0 as backend'
exited a 0
check_root_of a.img
