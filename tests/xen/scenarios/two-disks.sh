# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Two disks of one guest, each with its BDF, from one daemon, used at the same time.
# tier: smoke
blank_disk a.img 16
blank_disk b.img 24
create a pvh grants lab=two,msi,10
serve a --domain a --blk bdf=00:06.0,path=a.img,serial=first \
	--blk bdf=00:07.0,path=b.img,serial=second
start a
finish a
exited a 0
