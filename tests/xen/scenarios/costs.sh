# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The daemon's system calls per 4 KiB read, for both kinds of memory, depths 1 and
# 32. They are reported, not judged.
# tier: full
# limit: 600
# shellcheck source=tests/xen/dom0/count.sh
. /share/dom0/count.sh
reads=2000

measure() {
	blank_disk a.img 64
	create "$1" pvh "$2" lab=costs,$reads
	serve "$1" --domain "$1" --blk bdf=00:06.0,path=a.img
	start "$1"
	for depth in 1 32; do
		mark "$1" ready-$depth
		count_begin
		mark "$1" done-$depth
		count_end
		counts "$(pid_of "$1")" $reads "$1, depth $depth" | tee -a costs.log
	done
	finish "$1"
	exited "$1" 0
}

measure grants grants
measure foreign cloud
