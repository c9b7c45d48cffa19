# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Traffic between marks, for dom0 to read its CPU time at, twice: lab=net-bench,NIC, where
# NIC is a PCI function or an interface.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

# loads RUN: nothing, in MiB, packets of bytes, round trips.
loads() {
	between "nothing $1" true
	between "tcp-out $1" net -n send 10.0.7.1 64
	between "tcp-in $1" net -n receive 10.0.7.1 64
	between "udp-64-out $1" net -n out 10.0.7.1 64 10000
	between "udp-64-in $1" net -n in 10.0.7.1 64 10000
	between "udp-1472-out $1" net -n out 10.0.7.1 1472 10000
	between "udp-1472-in $1" net -n in 10.0.7.1 1472 10000
	between "round $1" net -n round 10.0.7.1 8 4000
}

load_net
case $1 in
*:*) nic=$(net_device "$1") ;;
*) nic=$1 ;;
esac
check "the interface is up" set_up "$nic" 7
check "the peer answers" within 10 answers 10.0.7.1
loads 1
loads 2
mark end
