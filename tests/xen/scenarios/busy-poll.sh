# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk and a network whose queues are looked at in place of doorbells, on one CPU: all
# requests are served, and nobody starves.
# tier: full
blank_disk a.img 16
make_tap t0 7
serve_peer
create a pvh grants lab=net-and-disk,8
serve a --domain a --blk bdf=00:06.0,path=a.img,busy-poll=200 --net bdf=00:07.0,tap=t0,busy-poll=200
start a
finish a
exited a 0
