# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Two pairs of queues: which of them receives is what ethtool has set.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

# Connections from both vCPUs, which the tap gives to the queue that they came from.
traffic() {
	for cpu in 0 1 0 1 0 1 0 1; do
		for address in 10.0.7.1 fd00:7::1; do
			taskset -c $cpu net round $address 100 30 || return
		done
	done
}

# measure TEXT: the traffic; sets how many interrupts each queue got, and thousandths of all.
measure() {
	before0=$(interrupts input.0) before1=$(interrupts input.1)
	check "$1: traffic" traffic
	got0=$(($(interrupts input.0) - before0)) got1=$(($(interrupts input.1) - before1))
	echo "$1: $got0 interrupts of queue 0, $got1 of queue 1"
	check "$1: frames were received" [ $((got0 + got1)) -ge 100 ]
	share0=$((got0 * 1000 / (got0 + got1 + 1))) share1=$((got1 * 1000 / (got0 + got1 + 1)))
}

# What has no hash, ARP say, goes to queue 0.
both_receive() {
	measure "$1"
	check "$1: queue 0 receives" [ $share0 -ge 50 ]
	check "$1: queue 1 receives" [ $share1 -ge 50 ]
}

only_0_receives() {
	measure "$1"
	check "$1: queue 1 receives nothing" [ $got1 = 0 ]
}

only_1_receives() {
	measure "$1"
	check "$1: queue 0 receives next to nothing" [ $share0 -le 50 ]
}

# entries QUEUE: of the table, that name it.
entries() {
	ethtool -x "$nic" | awk -v queue="$1" '
		/^ *[0-9]+: / { for (i = 2; i <= NF; i++) n += $i == queue }
		END { print n + 0 }'
}

flow_hash_has_ports() {
	ethtool -n "$nic" rx-flow-hash "$1" | grep -q 'L4 bytes 0 & 1'
}

load_net
nic=$(net_device 00:07.0)
check "the interface is up" set_up "$nic" 7
check "the peer answers" within 10 answers 10.0.7.1

ethtool -x "$nic" | sed 's/^/table: /'
check "the table has 128 entries, half of them for each" [ "$(entries 0) $(entries 1)" = '64 64' ]
for flow in tcp4 udp4 tcp6 udp6; do
	check "ports are part of the hash of $flow" flow_hash_has_ports $flow
done
ethtool -k "$nic" | grep receive-hashing
check "the hash is reported" ethtool -K "$nic" rxhash on
both_receive "at first"

check "all to queue 0" ethtool -X "$nic" equal 1
check "the table says so" [ "$(entries 0)" = 128 ]
only_0_receives "equal 1"
check "all to queue 1" ethtool -X "$nic" weight 0 1
check "the table says so" [ "$(entries 1)" = 128 ]
only_1_receives "weight 0 1"
check "packets of a flow stay in order" net in 10.0.7.1 1400 1000

# Without hashes all is unclassified, and the driver wants that in queue 0.
check "no hash" ethtool -K "$nic" rxhash off
only_0_receives "rxhash off"
check "hashes again" ethtool -K "$nic" rxhash on
only_1_receives "rxhash on"

check "another key" ethtool -X "$nic" equal 2 \
	hkey "$(printf '%02x' $(seq 11 50) | sed 's/../&:/g; s/:$//')"
both_receive "another key"

check "the driver's own table" ethtool -X "$nic" default
check "one pair" ethtool -L "$nic" combined 1
only_0_receives "one pair"
check "two pairs" ethtool -L "$nic" combined 2
check "all traffic" all_traffic 7 1 100 1400
