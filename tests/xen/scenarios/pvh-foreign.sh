# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A PVH guest with Debian's kernel: foreign maps without QEMU, MSI-X in its
# native form, load with verified data.
# tier: smoke
blank_disk a.img 16
create a pvh cloud lab=device,msi,10
serve a --domain a --blk bdf=00:06.0,path=a.img
start a
finish a
exited a 0
