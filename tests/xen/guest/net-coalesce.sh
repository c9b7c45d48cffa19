# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A ping every 20 ms, so that frames come one by one: how many interrupts there are for
# them is what ethtool has set.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh
count=200

pings() {
	ping -c $count -i 0.02 -W 10 10.0.7.1 | grep -q ' 0% packet loss'
}

# centiseconds: since boot.
centiseconds() {
	cut -d' ' -f1 /proc/uptime | tr -d .
}

# measure TEXT QUEUE: the pings; sets interrupts of the queue, and the time in cs.
measure() {
	before=$(interrupts "$2")
	begin=$(centiseconds)
	check "$1: every ping is answered" pings
	taken=$(($(centiseconds) - begin))
	seen=$(($(interrupts "$2") - before))
	echo "$1: $seen interrupts for $count frames in $taken cs"
}

# turn ARGUMENT...: the driver takes all of them at once.
turn() {
	check "$*" ethtool -C "$nic" "$@"
}

load_net
nic=$(net_device 00:07.0)
check "the interface is up" set_up "$nic" 7
check "the peer answers" within 10 answers 10.0.7.1

measure "received, at first" input.0
check "each frame has its interrupt" [ $seen -ge $((count * 3 / 4)) ]

# The last ones wait for the time, and busybox's ping no longer than a second for them.
turn rx-usecs 900000 rx-frames 10
measure "received, by 10" input.0
check "10 frames have one" [ $seen -ge $((count / 10)) ]
check "and not many more" [ $seen -le $((count / 10 + 5)) ]

turn rx-usecs 200000 rx-frames 200
measure "received, for 200 ms" input.0
check "there is one in 200 ms" [ $seen -le $((taken / 20 + 2)) ]
check "and there are some" [ $seen -ge 5 ]

turn rx-usecs 0 rx-frames 0
measure "received, as at first" input.0
check "each frame has its interrupt again" [ $seen -ge $((count * 3 / 4)) ]

measure "sent, at first" output.0
check "each frame sent has its interrupt" [ $seen -ge $((count * 3 / 4)) ]

turn tx-usecs 200000 tx-frames 200
measure "sent, for 200 ms" output.0
check "there is one in 200 ms for what is sent" [ $seen -le $((taken / 20 + 2)) ]
