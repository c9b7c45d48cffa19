# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# fio's verified load on an image past the page cache, on a disk of 4096-byte blocks: what is
# smaller goes through the page cache beside the rest. A file system that cannot do so is refused.
# tier: full
# limit: 600
: "${server:?}"
blank_disk a.img 32
create a pvh grants lab=fio,60
spawn refused "$server" --domain a --name refused --blk bdf=00:06.0,path=a.img,cache=none
exited refused 1
grep -q 'a.img: its file system has no O_DIRECT (cache=writeback' refused.log || fail "tmpfs is not refused"
xl destroy a

large_blocks
blank_disk disk/a.img 32
TOOLS=fio create b pvh grants lab=fio,60
serve b --domain b --blk bdf=00:06.0,path=disk/a.img,cache=none
start b
finish b
exited b 0
