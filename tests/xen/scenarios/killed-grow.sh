# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The daemon killed around each of 30 resizes: before it is told of one, while it measures, or
# while it tells the guest. The guest sees each new size, and who loads the rest notices nothing.
# tier: full
# limit: 600
turns=30
blank_disk a.img 2
VCPUS=2 serve=supervise create a pvh grants lab=grows,$turns,2
supervise a --domain a --blk bdf=00:06.0,path=a.img
start a
for turn in $(seq $turns); do
	wait_said a "MARK turn ${turn}[^0-9]"
	truncate -s $(((turn + 1) * 2))M a.img
	xenvirtioctl resize --name a 00:06.0 >> resize.log 2>&1 & # it may be told that nobody serves
	sleep "0.$(printf %03d $((turn * 5)))"
	kill_process a && one_more_kill a
done
finish a
exited a 0
sort resize.log | uniq -c | sed 's/^/resize: /'
went_on a
