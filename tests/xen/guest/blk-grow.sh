# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk that becomes twice as large under fio's load. lab=blk-grow,BLOCKS: so many of 4 KiB
# then.
disk=/dev/$(block_device 00:06.0)
size=/sys/block/${disk#/dev/}/size

grown() {
	for _ in $(seq 1 60); do
		[ "$(cat "$size")" = $(($1 * 8)) ] && return
		sleep 0.5
	done
	false
}

fio_jobs "$disk" 1 &
fio=$!
sleep 1
mark loaded
check "the disk is seen to have $1 blocks" grown "$1"
check "the new part is written" load fill "$disk" $(($1 / 2)) $(($1 / 2))
check "and reads back" load check "$disk" $(($1 / 2)) $(($1 / 2)) 8
check "the load on the old part saw nothing of it" wait $fio
