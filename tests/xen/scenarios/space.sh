# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The guest gives space back, and its images shrink: on tmpfs, which knows holes but no
# zeroes, and past the page cache on ext4, which knows both, on a disk of 4096-byte blocks.
# tier: full
# limit: 600
: "${patience:?}"

filled_or_gone() {
	gone_with_relay "$1" || takes_more "$2" 32
}

# give_back NAME FOLDER OPTIONS
give_back() {
	mkfs.ext4 -q "$2/$1-files.img" 48M
	blank_disk "$2/$1.img" 16
	create "$1" pvh grants lab=space
	serve "$1" --domain "$1" --blk "bdf=00:06.0,path=$2/$1-files.img$3" \
		--blk "bdf=00:07.0,path=$2/$1.img$3"
	start "$1"
	within "$patience" filled_or_gone "$1" "$2/$1-files.img"
	takes_more "$2/$1-files.img" 32 || fail "$1: the large file takes up nothing"
	finish "$1"
	exited "$1" 0
	takes_more "$2/$1-files.img" 12 && fail "$1: $(du -k "$2/$1-files.img") after fstrim"
	takes_up "$2/$1.img" 4 || fail "$1: $(du -k "$2/$1.img") after discard and zeroes"
	rm "$2/$1-files.img" "$2/$1.img"
}

give_back memory .
large_blocks
give_back direct disk ,cache=none
