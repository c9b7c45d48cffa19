# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Offloads turned off and on, big frames, a VLAN; dom0 looks at each on its own.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

# part WORD NUMBER SIZE: traffic with packets of SIZE bytes, between two marks.
part() {
	wait_go "$1"
	check "$1: traffic" all_traffic "$2" 1 100 "$3"
	mark "done $1"
}

# turn FEATURE on|off ...
turn() {
	check "$*" ethtool -K "$nic" "$@"
}

load_net
nic=$(net_device 00:07.0)
check "the MTU is the device's" [ "$(cat "/sys/class/net/$nic/mtu")" = 9000 ]
ip link set "$nic" mtu 1500
check "the interface is up" set_up "$nic" 7
check "the peer answers" within 10 answers 10.0.7.1
stty -echo

part all 7 1400
turn tso off gso off
part no-tso 7 1400
turn tx off
part no-tx-checksum 7 1400
turn tx on
turn sg on
turn tso on gso on
turn rx-gro-hw off
part no-big-receive 7 1400
turn rx-gro-hw on
part all-again 7 1400

ip link set "$nic" mtu 9000
part jumbo 7 8900
turn tso off gso off
part jumbo-no-tso 7 8900
turn tso on gso on
ip link set "$nic" mtu 1500

check "a VLAN" ip link add link "$nic" name vlan5 type vlan id 5
check "it is up" set_up vlan5 8
part vlan 8 1400
