# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # memory is the scenario's
#
# A disk and a network of one daemon's, under load at the same time: neither starves.
blank_disk a.img 16
make_tap t0 7
serve_peer
create_by "$memory" a lab=net-and-disk,8 00:06.0 00:07.0
serve a --domain a --blk "bdf=00:06.0,path=a.img,memory=$memory" \
	--net "bdf=00:07.0,tap=t0,memory=$memory"
start a
finish a
exited a 0
