# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # bridge is arm.sh's
#
# Of one guest's two disks one is in the device tree's iommu-map, and is reached by
# grants only; the other is not, and is reached by frames only.
# machine: arm64
# tier: full
blank_disk a.img 16
blank_disk b.img 24
FUNCTIONS='bdf=00:06.0,backend=0 bdf=00:07.0,backend=0,memory=foreign' \
	create a arm linux lab=two,level,10
# shellcheck disable=SC2154 # arm.sh's
serve a --domain a --bridge "$bridge" \
	--blk bdf=00:06.0,path=a.img,serial=first,memory=grants \
	--blk bdf=00:07.0,path=b.img,serial=second,memory=foreign
start a
finish a
exited a 0
