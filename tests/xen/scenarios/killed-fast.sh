# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The daemon killed ten times a second for a minute, or as often as this machine can start it, under
# load and mostly before it serves: the guest gets on slowly, and notices nothing else.
# tier: full
# limit: 600
blank_disk a.img 16
make_tap t0 7 2
serve_peer
VCPUS=2 create_by grants a lab=killed,300,0 00:06.0 00:07.0
supervise a --domain a --workers 2 --blk bdf=00:06.0,path=a.img,queues=2 \
	--net bdf=00:07.0,tap=t0,queues=2
start a
mark a load
kill_fast a a 60
tell a enough
finish a
exited a 0
say_stalls a
went_on a
