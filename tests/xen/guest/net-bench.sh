# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Traffic by each of some interfaces, one after another, twice, between marks for dom0 to
# read its CPU time at: lab=net-bench,TITLE@NIC@NUMBER,..., where NIC is a PCI function or
# an interface and NUMBER the network's.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

# loads HOW WORDS: in MiB, packets of bytes, round trips, each as "HOW WORDS COMMAND...".
loads() {
	$1 "tcp-out $2" net -n send "$peer" 64
	$1 "tcp-in $2" net -n receive "$peer" 64
	$1 "udp-64-out $2" net -n out "$peer" 64 10000
	$1 "udp-64-in $2" net -n in "$peer" 64 10000
	$1 "udp-1472-out $2" net -n out "$peer" 1472 10000
	$1 "udp-1472-in $2" net -n in "$peer" 1472 10000
	$1 "round $2" net -n round "$peer" 8 4000
}

# use TITLE@NIC@NUMBER: sets title, nic, number and peer.
use() {
	title=${1%%@*}
	nic=${1#*@}
	number=${nic#*@}
	nic=${nic%@*}
	peer=10.0.$number.1
	case $nic in
	*:*) nic=$(net_device "$nic") ;;
	esac
}

load_net
for interface in "$@"; do
	use "$interface"
	check "$title: the interface is up" set_up "$nic" "$number"
	check "$title: the peer answers" within 10 answers "$peer"
	for run in 1 2; do
		between "nothing $run $title" true
		loads between "$run $title"
	done
done
mark end
