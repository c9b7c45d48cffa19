# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A network function behind passt, which has a server at the gateway's address; what it
# gives us is dom0's own address.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh
gateway=192.0.2.1

# speaks MIB: by all means that passt hands on. UDP has no more on its way than a socket
# holds: passt drops the rest.
speaks() {
	net send $gateway "$1" && net receive $gateway "$1" && net both $gateway "$1" &&
		net round $gateway 1000 100 && net out $gateway 1400 50 && net in $gateway 1400 50 &&
		net out $gateway 10000 10 && net in $gateway 10000 10
}

# down_and_up WORD: traffic goes on until passt goes.
down_and_up() {
	net round $gateway 1000 1000000 > /tmp/round.log 2>&1 &
	round=$!
	wait_go "$1"
	check "$1: the link is down" within 10 carrier_is "$nic" 0
	mark "down $1"
	check "$1: the link is up" within 20 carrier_is "$nic" 1
	kill $round
	check "$1: traffic" within 20 net send $gateway 1
	check "$1: by all means" speaks 1
	mark "done $1"
}

load_net
mkdir -p /tmp
nic=$(net_device 00:07.0)
check "its address comes by DHCP" by_dhcp "$nic" 192.0.2.2
check "its MTU is what passt takes" grep -q '^65520$' "/sys/class/net/$nic/mtu"
check "the server is reached" within 10 net send $gateway 1
check "by all means" speaks 4
net serve > /dev/null &
wait_go serving
stty -echo
down_and_up once
down_and_up again
