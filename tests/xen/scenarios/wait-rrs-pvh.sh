# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A PVH guest whose disk has no image yet: its kernel's PCI scan waits, and finds
# the disk when there is one.
# tier: full
blank_disk a.new 16
create a pvh cloud 'loglevel=7 lab=wait,rrs,device,msi,5'
serve a --domain a --blk bdf=00:06.0,path=a.img,wait=rrs
start a
wait_said a '00:06.0: not ready after 2047ms'
bring a a.img
say_found a
finish a
exited a 0
