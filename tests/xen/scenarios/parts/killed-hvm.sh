# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # words is the scenario's
#
# The same of an HVM guest, firmware and boot loader included, with Debian's kernel and foreign
# maps. It boots from the disk. $words are for its kernel.
boot_disk a.img cloud "root= $words lab=killed,20,12288"
truncate -s 64M a.img
make_tap t0 7 2
serve_peer
VCPUS=2 create a hvm disk
supervise a --domain a --workers 2 --blk bdf=00:06.0,path=a.img,queues=2 \
	--net bdf=00:07.0,tap=t0,queues=2
start a
kill_until a 'MARK calm' 2000 a
finish a
exited a 0
say_stalls a
went_on a
