# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # memory is the scenario's
#
# A guest's network: its address by DHCP, pings, TCP and UDP both ways with every byte
# checked, IPv4 and IPv6.
case $(uname -m) in
aarch64) interrupts=level ;;
*) interrupts=msi ;;
esac
mac=02:16:3e:00:00:07
make_tap t0 7
serve_dhcp t0 7
serve_peer
create_by "$memory" a "lab=net-basic,$interrupts,$mac,2" 00:07.0
serve a --domain a --net "bdf=00:07.0,tap=t0,mac=$mac,memory=$memory"
start a
finish a
exited a 0
