# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# fio's verified load by grants: requests of 512 bytes to 1 MiB, 1 to 64 at a time, direct
# and buffered, all at once.
# tier: full
# limit: 600
blank_disk a.img 32
TOOLS=fio create a pvh grants lab=fio,60
serve a --domain a --blk bdf=00:06.0,path=a.img
start a
finish a
expect a 'Using dom0 as backend'
exited a 0
