# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # memory and rounds are the scenario's
#
# A disk and a network function are attached to a running guest and detached again, while
# another disk is under load; it has to look for them, and to let go of them. After
# each round the image and the tap are free for others.
blank_disk a.img 16
blank_disk b.img 8
serve_peer
create_by "$memory" a "lab=plug,rescan,$rounds" 00:06.0 00:07.0 00:08.0
serve a --domain a --blk "bdf=00:06.0,path=a.img,memory=$memory"
start a
for round in $(seq "$rounds"); do
	plug_round "$round" a rescan "memory=$memory"
done
finish a
exited a 0
