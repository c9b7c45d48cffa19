# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Two pairs of queues and two vCPUs: each pair is used when there are two, and the second is not
# when there is one.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

# work QUEUE: how much has been done for rx0, tx1 ...: its interrupts; where all queues have
# one together, its packets, which only older kernels count, as rx_queue_0 or rx0.
work() {
	name=$(echo "$1" | sed 's/rx/input./; s/tx/output./')
	if grep -q -- "-$name\$" /proc/interrupts; then
		interrupts "$name"
	else
		ethtool -S "$nic" | sed -n "s/_queue_//; s/^ *$1_packets: //p"
	fi
}

# pairs COUNT: that the driver uses.
pairs() {
	ethtool -l "$nic" | awk -v wanted="$1" '/^Combined:/ { n = $2 } END { exit n != wanted }'
}

# streams: from both vCPUs, a few connections of each.
streams() {
	for cpu in 0 1; do
		for address in 10.0.7.1 fd00:7::1; do
			taskset -c $cpu net both $address 1 &
		done
	done
	wait
}

# flow PACKETS: in order, both ways, by the second pair: the tap learns from the queue that a
# flow comes from, which one it goes to.
flow() {
	taskset -c 1 net out 10.0.7.1 1400 "$1" && taskset -c 1 net in 10.0.7.1 1400 "$1"
}

# in_order: whatever other queues do.
in_order() {
	streams &
	flow 1000
	result=$?
	wait
	return $result
}

# used QUEUE BEFORE: it has worked since.
used() {
	[ "$(work "$1")" -gt "$2" ]
}

load_net
nic=$(net_device 00:07.0)
check "the interface is up" set_up "$nic" 7
check "the peer answers" within 10 answers 10.0.7.1
check "two pairs are in use" pairs 2
check "packets of a flow stay in order" in_order
for queue in rx0 rx1 tx0 tx1; do
	check "$queue is used: $(work $queue)" used $queue 0
done

# While there is one, ethtool does not speak of the other.
sleep 1
before=$(work rx1)
check "one pair" ethtool -L "$nic" combined 1
check "traffic with one pair" all_traffic 7 1 100 1400
check "two pairs again" ethtool -L "$nic" combined 2
check "the second has had none" [ "$(work rx1)" = "$before" ]
check "a flow by the second" flow 100
check "the second is used again" used rx1 "$before"
