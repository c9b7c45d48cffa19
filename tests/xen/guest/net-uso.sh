# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# UDP by programs that leave the segmentation to the kernel, which leaves it to the device,
# and then does not; dom0 looks at each on its own.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

# part WORD: packets of 1400 bytes both ways, between two marks.
part() {
	wait_go "$1"
	for address in 10.0.7.1 fd00:7::1; do
		check "$1: out to $address" net -g out $address 1400 1000
		check "$1: in from $address" net -g in $address 1400 1000
	done
	mark "done $1"
}

load_net
nic=$(net_device 00:07.0)
check "the interface is up" set_up "$nic" 7
check "the peer answers" within 10 answers 10.0.7.1
ethtool -k "$nic" | grep udp-segmentation
check "it segments UDP" ethtool -K "$nic" tx-udp-segmentation on
stty -echo

part segments
check "tx-udp-segmentation off" ethtool -K "$nic" tx-udp-segmentation off
part no-segments
