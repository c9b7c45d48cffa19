# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # patience is lib.sh's
#
# A disk is taken from a guest that grants and given back, again and again. With contrib's patch the
# kernel forgets what it knew of the disk, and has it 20 times. Without, it takes what it has
# freed for it, and soon the disk does not work any more.
# tier: full
# limit: 600
# guest-kernel: grants-forget
blank_disk a.img 16
create a pvh grants-forget lab=forget,20
serve a --domain a --blk bdf=00:06.0,path=a.img,memory=grants
start a
finish a
expect_not a 'grant DMA data is already created'
exited a 0

# breaks NAME: the driver does not come to the disk, or without grants.
breaks() {
	relay "$1"
	said "$1" 'GUEST: FAIL' || grep -q 'address that memory= forbids' "$1.log"
}

blank_disk b.img 16
create b pvh grants lab=forget,20
serve b --domain b --blk bdf=00:06.0,path=b.img,memory=grants
start b
within "$patience" breaks b || fail "b has come to no harm"
expect b 'grant DMA data is already created'
