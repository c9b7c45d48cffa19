# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A network function at 00:07.0: lab=net-basic,CHIP,MAC,MIB. Its address comes from dom0.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh
bdf=00:07.0

pings() {
	for size in 0 1 1400 1472 5000; do
		ping -c 1 -W 5 -s $size "$1" > /dev/null || return
	done
}

load_net
nic=$(net_device $bdf)
print_config $bdf
check "a virtio network function at $bdf is $nic" is_virtio_net $bdf
check "its MAC is $2" grep -q "^$2$" "/sys/class/net/$nic/address"
check "its address comes by DHCP" by_dhcp "$nic" 10.0.7.2
check "it has another by IPv6" set_up_ip6 "$nic" 7
for address in 10.0.7.1 fd00:7::1; do
	check "$address answers" within 10 answers $address
	check "pings of all sizes to $address" pings $address
	check "TCP to $address" net send $address "$3"
	check "TCP from $address" net receive $address "$3"
	check "UDP to $address" net out $address 1400 500
	check "UDP from $address" net in $address 1400 500
	check "fragments to $address" net out $address 10000 20
	check "fragments from $address" net in $address 10000 20
	check "requests and answers, $address" net round $address 100 200
done
check "interrupts by $1" interrupts_by $bdf "$1"
