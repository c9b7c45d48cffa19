# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Receive filters: addresses, promiscuous and multicast modes, VLANs. A tap hands over all
# frames, so it is the daemon that filters.
# tier: full
make_tap t0 7
make_vlan t0 5 8
ip neigh replace 10.0.7.99 lladdr 02:16:3e:00:00:99 dev t0 nud permanent
ip neigh replace 10.0.8.2 lladdr 02:16:3e:00:00:07 dev t0.5 nud permanent
create a pvh grants lab=net-filter
serve a --domain a --net bdf=00:07.0,tap=t0,mac=02:16:3e:00:00:07
start a

# step WORD ADDRESS INTERFACE: ten frames to there.
step() {
	mark a "ready $1"
	tell a go
	mark a "waits $1"
	ping -c 10 -i 0.1 -W 1 -I "$3" "$2" > /dev/null
	sleep 1
	tell a go
}

step own 10.0.7.2 t0
step other 10.0.7.99 t0
step other-promiscuous 10.0.7.99 t0
step other-again 10.0.7.99 t0
step multicast 239.1.2.3 t0
step multicast-all 239.1.2.3 t0
step multicast-again 239.1.2.3 t0
step vlan 10.0.8.2 t0.5
step vlan-added 10.0.8.2 t0.5
step vlan-removed 10.0.8.2 t0.5
step other-is-own 10.0.7.99 t0
finish a
exited a 0
