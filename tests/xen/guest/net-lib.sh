# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# What the checks of network functions share. The network with the number 7 is that of
# 10.0.7.1 and fd00:7::1, which are the peer's addresses, and 10.0.7.2 and fd00:7::2.

# load_net: what the kernel has as modules, and is in no hurry to have.
load_net() {
	[ -e /modules/net ] || return 0
	while read -r module; do
		[ -e "/sys/module/$(basename "$module" .ko | tr - _)" ] || insmod "/modules/$module"
	done < /modules/net
}

# net_device BDF: its interface.
net_device() {
	basename "$(device "$1")"/virtio*/net/*
}

# is_virtio_net BDF: a modern virtio network function with its driver.
is_virtio_net() {
	[ "$(cat "$(device "$1")/vendor") $(cat "$(device "$1")/device")" = "0x1af4 0x1041" ] &&
		[ "$(basename "$(readlink "$(device "$1")"/virtio*/driver)")" = virtio_net ]
}

# set_up_ip4 DEVICE NUMBER / set_up_ip6 DEVICE NUMBER: the interface with its address. Nobody
# else has it, so there is no need to wait until that is sure.
set_up_ip4() {
	ip link set "$1" up && ip addr add "10.0.$2.2/24" dev "$1"
}

set_up_ip6() {
	echo 0 > "/proc/sys/net/ipv6/conf/$1/accept_dad"
	ip link set "$1" up && ip addr add "fd00:$2::2/64" dev "$1"
}

set_up() {
	set_up_ip6 "$@" && set_up_ip4 "$@"
}

# by_dhcp DEVICE ADDRESS: that is what the server gives.
by_dhcp() {
	ip link set "$1" up
	udhcpc -i "$1" -s /lab/net-dhcp.sh -n -q -f -t 20 -T 1 > /dev/null
	ip addr show dev "$1" | grep -q "inet $2/"
}

# within SECONDS COMMAND...: try until it succeeds.
within() {
	end=$(($(cut -d. -f1 /proc/uptime) + $1))
	shift
	until "$@"; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt "$end" ] || return 1
		sleep 0.2
	done
}

# answers ADDRESS
answers() {
	ping -c 1 -W 1 "$1" > /dev/null 2>&1
}

carrier_is() {
	[ "$(cat "/sys/class/net/$1/carrier")" = "$2" ]
}

# received DEVICE: frames.
received() {
	cat "/sys/class/net/$1/statistics/rx_packets"
}

# interrupts QUEUE: so many so far of the function 00:07.0, on two vCPUs at most.
interrupts() {
	virtio=$(basename "$(device 00:07.0)"/virtio*)
	awk -v queue="$virtio-$1\$" '$0 ~ queue { print $2 + $3 }' /proc/interrupts
}

# wait_go WORD: until dom0 says that it is ready for what comes.
wait_go() {
	mark "ready $1"
	read -r _
}

# all_traffic NUMBER MIB PACKETS SIZE: TCP and UDP, both ways, IPv4 and IPv6.
all_traffic() {
	for address in "10.0.$1.1" "fd00:$1::1"; do
		net both "$address" "$2" && net out "$address" "$4" "$3" &&
			net in "$address" "$4" "$3" || return
	done
}

# make_tap NAME NUMBER: in a backend domain, an interface for the daemon, with the peer's addresses.
make_tap() {
	tunctl -t "$1" > /dev/null
	echo 0 > "/proc/sys/net/ipv6/conf/$1/accept_dad"
	ip link set "$1" up
	ip addr add "10.0.$2.1/24" dev "$1"
	ip addr add "fd00:$2::1/64" dev "$1"
}
