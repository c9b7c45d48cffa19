# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A block device of 4096-byte blocks, past the page cache: the guest is told so; and with
# sectors instead, if it was laid out by them, where each sector may be asked for.
# tier: full
# limit: 600
create a pvh grants lab=blocks,4096
serve a --domain a --blk bdf=00:06.0,path=/dev/vdb
start a
finish a
exited a 0

create b pvh cloud lab=blocks,512
serve b --domain b --blk bdf=00:06.0,path=/dev/vdb,block-size=512
start b
finish b
exited b 0

TOOLS=fio create c pvh cloud lab=fio,30
serve c --domain c --blk bdf=00:06.0,path=/dev/vdb,block-size=512
start c
finish c
exited c 0
