# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The network function at 00:07.0 that all this came through: lab=net-pxe,CHIP,SHA256. It works
# for Linux, too, and its ROM has this sum.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh
bdf=00:07.0

rom_sum() {
	echo 1 > "$(device $bdf)/rom"
	sha256sum < "$(device $bdf)/rom" | cut -d' ' -f1
}

load_net
nic=$(net_device $bdf)
check "a virtio network function at $bdf is $nic" is_virtio_net $bdf
check "its address comes by DHCP" by_dhcp "$nic" 10.0.7.2
check "10.0.7.1 answers" within 10 answers 10.0.7.1
check "its ROM can be read" [ "$(rom_sum)" = "$2" ]
check "interrupts by $1" interrupts_by $bdf "$1"
