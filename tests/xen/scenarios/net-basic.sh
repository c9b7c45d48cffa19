# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A PVH guest's network by grants: its address by DHCP, pings, TCP and UDP both ways with
# every byte checked, IPv4 and IPv6.
# tier: smoke
make_tap t0 7
serve_dhcp t0 7
serve_peer
create a pvh grants lab=net-basic,msi,02:16:3e:00:00:07,2
serve a --domain a --net bdf=00:07.0,tap=t0,mac=02:16:3e:00:00:07
start a
finish a
expect a 'Using dom0 as backend'
check_pci_function a 00:07.0 1af4:1041
exited a 0
