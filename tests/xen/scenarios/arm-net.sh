# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# An Arm guest's network by grants, from dom0.
# machine: arm64
# tier: smoke
mac=02:16:3e:00:00:07
make_tap t0 7
serve_dhcp t0 7
serve_peer
FUNCTIONS=bdf=00:07.0,backend=0 create a arm linux lab=net-basic,level,$mac,2
serve_arm_bridge a expect=00:07.0
serve a --domain a --net bdf=00:07.0,tap=t0,mac=$mac,memory=grants
start a
finish a
exited a 0
