# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk of blocks of another size, 64 MiB: lab=blocks,BYTES.
disk=/dev/$(block_device 00:06.0)

limit() {
	cat "/sys/block/${disk#/dev/}/queue/$1"
}

check "its blocks have $1 bytes" [ "$(limit logical_block_size)" = "$1" ]
check "it is written in 4096 bytes" [ "$(limit physical_block_size)" = 4096 ]
check "it gives back so much or more" [ "$(limit discard_granularity)" -ge 4096 ]
check "4096 blocks are written" load fill "$disk" 0 4096
check "and read back" load check "$disk" 0 4096 16
check "writes and reads of all sizes" load mixed "$disk" 5 16 0 4096
check "1024 are zeroed" load zero "$disk" 1024 1024
check "1024 are discarded" blkdiscard -o 8388608 -l 4194304 "$disk"
check "a block is read at its place" load fill "$disk" 2048 1
check "and has what was written" load check "$disk" 2048 1 1
