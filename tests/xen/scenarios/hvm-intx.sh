# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The same guest with MSI off: the interrupt line, shared and level-triggered.
# tier: smoke
boot_disk a.img cloud 'pci=nomsi lab=disk,pirq.*ioapic-level'
create a hvm disk
serve a --domain a --blk bdf=00:06.0,path=a.img
start a
finish a
exited a 0
check_root_of a.img
