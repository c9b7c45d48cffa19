# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk that is limited to a number of requests, or of bytes, a second keeps to it for half a
# minute, and does not slow the unlimited disk of the same daemon. The limits are low, since
# all three share one emulated CPU, which is good for a hundred requests a second.
# tier: full
# limit: 600
blank_disk a.img 16
blank_disk b.img 16
TOOLS=fio create a pvh grants lab=blk-limit,8,98304
serve a --domain a --workers 1 --blk bdf=00:06.0,path=a.img,iops=8 \
	--blk bdf=00:07.0,path=b.img,bps=96K --blk bdf=00:08.0,null=64M
start a
finish a
exited a 0
