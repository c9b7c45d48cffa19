# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk at 00:06.0 and a network function at 00:07.0 under load, each alone and then both
# at the same time: lab=net-and-disk,SECONDS, for each of the three. Neither starves beside
# the other, and nothing waits for long.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

# load_disk NAME SECONDS: requests with checked data, as many as there is time for.
load_disk() {
	load mixed "$disk" "$2" 16 0 4096 > "/tmp/disk.$1" || return
	sed -n 's/^LOAD mixed: \([0-9]*\) .*/\1/p' "/tmp/disk.$1" > "/tmp/disk.$1.done"
}

# until_end COMMAND...: again and again, while it succeeds.
until_end() {
	while [ "$(cut -d. -f1 /proc/uptime)" -lt "$end" ]; do
		"$@" || return
	done
}

# kib: through the interface so far.
kib() {
	cat "/sys/class/net/$nic/statistics/rx_bytes" "/sys/class/net/$nic/statistics/tx_bytes" |
		awk '{ n += $1 } END { print int(n / 1024) }'
}

# load_network NAME SECONDS: all kinds of traffic, and beside it requests and answers.
load_network() {
	end=$(($(cut -d. -f1 /proc/uptime) + $2))
	before=$(kib)
	until_end all_traffic 7 1 100 1400 > /dev/null &
	until_end net round 10.0.7.1 1400 4 > "/tmp/net.$1" || return
	wait $! || return
	echo $(($(kib) - before)) > "/tmp/net.$1.done"
}

# longest FILE: in ms, of what LOAD or NET has said there.
longest() {
	sed -n 's/.*longest \([0-9]*\) ms.*/\1/p' "$1" | sort -n | tail -n 1
}

# compare NAME UNIT: who starves gets next to nothing done. Less than half is no sign of it: all
# that makes and checks the traffic shares one CPU, and by now the machine may be slower, too.
compare() {
	alone=$(cat "/tmp/$1.alone.done")
	both=$(cat "/tmp/$1.both.done")
	check "$1: $both $2 beside the other, $alone alone" [ $((50 * both)) -ge "$alone" ]
	check "$1: nothing has taken long" [ "$(longest "/tmp/$1.both")" -lt 5000 ]
}

load_net
mkdir -p /tmp
nic=$(net_device 00:07.0)
disk=/dev/$(block_device 00:06.0)
check "the interface is up" set_up "$nic" 7
check "the peer answers" within 10 answers 10.0.7.1
check "the disk under load" load_disk alone "$1"
check "the network under load" load_network alone "$1"
load_disk both "$1" &
pid=$!
check "the network under load beside a disk" load_network both "$1"
check "the disk under load beside a network" wait $pid
cat /tmp/disk.both
compare disk requests
compare net KiB
