# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Frames that are not for this guest do not come, unless it asks for them. dom0 sends ten of
# a kind at each word; the driver's counter says how many of them have come.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

# comes WORD yes|no: some others may come, too, but not as many.
comes() {
	before=$(received "$nic")
	wait_go "$1"
	mark "waits $1"
	read -r _
	count=$(($(received "$nic") - before))
	if [ "$2" = yes ]; then
		check "$1: $count frames have come" [ $count -ge 10 ]
	else
		check "$1: $count frames have come" [ $count -lt 5 ]
	fi
}

load_net
nic=$(net_device 00:07.0)
check "the interface is up" set_up "$nic" 7
check "the peer answers" within 10 answers 10.0.7.1
stty -echo
comes own yes
comes other no
ifconfig "$nic" promisc
comes other-promiscuous yes
ifconfig "$nic" -promisc
comes other-again no
comes multicast no
ifconfig "$nic" allmulti
comes multicast-all yes
ifconfig "$nic" -allmulti
comes multicast-again no
comes vlan no
ip link add link "$nic" name vlan5 type vlan id 5
ip link set vlan5 up
comes vlan-added yes
ip link del vlan5
comes vlan-removed no
ip link set "$nic" address 02:16:3e:00:00:99
comes other-is-own yes
