# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The link goes down and up under traffic, dom0 says when; then the interface behind
# it goes, and another comes.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

# down_and_up WORD: a connection that is open meanwhile goes on.
down_and_up() {
	net round 10.0.7.1 1000 1000000 > /tmp/round.log 2>&1 &
	round=$!
	wait_go "$1"
	check "$1: the link is down" within 10 carrier_is "$nic" 0
	mark "down $1"
	check "$1: the link is up" within 20 carrier_is "$nic" 1
	check "$1: the peer answers" within 10 answers 10.0.7.1
	check "$1: by IPv6, too" within 10 answers fd00:7::1
	check "$1: the open connection lives" kill $round
	check "$1: traffic" all_traffic 7 1 100 1400
	mark "done $1"
}

load_net
mkdir -p /tmp
nic=$(net_device 00:07.0)
check "the interface is up" set_up "$nic" 7
check "the link is up" within 5 carrier_is "$nic" 1
check "the peer answers" within 10 answers 10.0.7.1
stty -echo
down_and_up carrier
down_and_up tap
down_and_up tap-again
