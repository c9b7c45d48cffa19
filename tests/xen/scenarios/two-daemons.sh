# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Two disks of one guest from two daemons, used at the same time.
# tier: smoke
blank_disk a.img 16
blank_disk b.img 24
create a pvh cloud lab=two,msi,10
serve a1 --domain a --name a1 --blk bdf=00:06.0,path=a.img,serial=first
serve a2 --domain a --name a2 --blk bdf=00:07.0,path=b.img,serial=second
start a
finish a
exited a1 0
exited a2 0
