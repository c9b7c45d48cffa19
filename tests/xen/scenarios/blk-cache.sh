# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The guest switches the disk's write cache off and on again, under load.
# tier: full
blank_disk a.img 32
TOOLS=fio create a pvh grants lab=blk-cache
serve a --domain a --blk bdf=00:06.0,path=a.img
start a
finish a
exited a 0
[ "$(grep -o 'writes go .*' a.log | tr '\n' ' ')" = 'writes go through writes go back ' ] ||
	fail "the daemon has not seen both"
