# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A PVH guest that boots with a disk of no sectors, and gets them when there is an
# image, by a change of the configuration.
# tier: smoke
blank_disk a.new 16
create a pvh cloud lab=wait,online,device,msi,5
serve a --domain a --blk bdf=00:06.0,path=a.img,wait=online
start a
mark a empty
sleep 3
bring a a.img
say_found a
finish a
exited a 0
