# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk and a network of one daemon's, under load at the same time: neither starves.
# tier: full
blank_disk a.img 16
make_tap t0 7
serve_peer
create a pvh grants lab=net-and-disk,15
serve a --domain a --blk bdf=00:06.0,path=a.img --net bdf=00:07.0,tap=t0
start a
finish a
exited a 0
