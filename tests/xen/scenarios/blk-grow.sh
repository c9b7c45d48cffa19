# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# An image becomes larger while the guest writes to it: the guest sees it, and uses it.
# tier: full
blank_disk a.img 32
TOOLS=fio create a pvh grants lab=blk-grow,16384
serve a --domain a --blk bdf=00:06.0,path=a.img
start a
mark a loaded
truncate -s 64M a.img
kill -HUP "$(pid_of a)"
finish a
exited a 0
grep -q ': 67108864 bytes, before 33554432' a.log || fail "the daemon does not say so"
cmp -n 1048576 -i 66060288:0 a.img /dev/zero > /dev/null && fail "nothing was written at the new end"
:
