# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Two pairs of queues and two vCPUs: each pair is used when there are two, and the second is not
# when there is one.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

# pairs COUNT: that the driver uses.
pairs() {
	ethtool -l "$nic" | awk -v wanted="$1" '/^Combined:/ { n = $2 } END { exit n != wanted }'
}

# From both vCPUs, a few connections of each: the tap learns from the queue that a flow
# comes from, which one it goes to.
traffic() {
	for cpu in 0 1; do
		for address in 10.0.7.1 fd00:7::1; do
			taskset -c $cpu net both $address "$1" &
		done
	done
	wait
}

# traffic_in_order: of one flow, whatever other queues do.
in_order() {
	traffic 1 &
	taskset -c 1 net out 10.0.7.1 1400 1000 && taskset -c 1 net in 10.0.7.1 1400 1000
	result=$?
	wait
	return $result
}

# used QUEUE: its interrupts have become more while there was traffic.
used() {
	[ "$(interrupts "$1")" -gt "$before" ]
}

load_net
nic=$(net_device 00:07.0)
check "the interface is up" set_up "$nic" 7
check "the peer answers" within 10 answers 10.0.7.1
check "two pairs are in use" pairs 2
traffic 1
for queue in input.0 input.1 output.0 output.1; do
	before=0
	check "$queue is used" used $queue
done
grep virtio /proc/interrupts | sed 's/^/interrupts: /'
ethtool -S "$nic"
check "packets of a flow stay in order" in_order

check "one pair" ethtool -L "$nic" combined 1
sleep 1
before=$(interrupts input.1)
check "traffic with one pair" all_traffic 7 1 100 1400
check "the second has none" [ "$(interrupts input.1)" = "$before" ]
check "two pairs again" ethtool -L "$nic" combined 2
before=$(interrupts input.1)
traffic 1
check "the second is used again" used input.1
check "traffic with two pairs" all_traffic 7 1 100 1400
