# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A guest's network by a macvtap with two queues: its address is the interface's, and all
# traffic as by a tap.
# tier: full
make_macvtap m0 7
serve_dhcp m0-far 7
serve_peer
create a pvh grants "lab=net-basic,msi,$(cat /sys/class/net/m0/address),2"
serve a --domain a --net "bdf=00:07.0,tapdev=/dev/tap$(cat /sys/class/net/m0/ifindex),queues=2"
start a
finish a
exited a 0
