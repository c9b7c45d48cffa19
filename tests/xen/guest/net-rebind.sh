# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The virtio driver unbound and bound 20 times, with traffic from here until the last
# moment, and to here all the time.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh
driver=/sys/bus/virtio/drivers/virtio_net

rebind() {
	net flood 10.0.7.1 1000 60 > /dev/null 2>&1 &
	flood=$!
	sleep 0.3
	echo "$virtio" > $driver/unbind || return
	kill $flood
	wait
	echo "$virtio" > $driver/bind || return
	set_up "$(net_device 00:07.0)" 7 && within 20 answers 10.0.7.1
}

load_net
virtio=$(basename "$(device 00:07.0)"/virtio*)
check "the interface is up" set_up "$(net_device 00:07.0)" 7
check "the peer answers" within 10 answers 10.0.7.1
mark begin
for turn in $(seq 20); do
	check "unbound and bound, turn $turn" rebind
done
mark last
check "works after all that" all_traffic 7 1 100 1400
check "all grants have come back" sh -c "! dmesg | grep 'g\.e\.'"
