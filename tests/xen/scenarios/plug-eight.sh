# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A PVH guest with eight devices, four disks and four network functions, half of which come while
# it runs.
# tier: full
# limit: 600
for image in a b c d; do
	blank_disk $image.img 4
done
for number in 10 11 12 13; do
	make_tap t$number $number
done
serve_peer
VCPUS=2 create a pvh cloud lab=plug-eight
serve a --domain a --blk bdf=00:06.0,path=a.img --blk bdf=00:07.0,path=b.img \
	--net bdf=00:0a.0,tap=t10 --net bdf=00:0b.0,tap=t11
start a
mark a 'ready others'
attach a blk bdf=00:08.0,path=c.img
attach a blk bdf=00:09.0,path=d.img
attach a net bdf=00:0c.0,tap=t12
attach a net bdf=00:0d.0,tap=t13
tell a go
finish a
exited a 0
