# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# What the daemon is for, on one guest: lab=demo,CHIP. The disk at 00:06.0 that it was
# booted from, and the network at 00:07.0.
# shellcheck source=tests/xen/guest/disk.sh
. /lab/disk.sh
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh
nic=$(net_device 00:07.0)
check "a virtio network function at 00:07.0 is $nic" is_virtio_net 00:07.0
check "its address comes by DHCP" by_dhcp "$nic" 10.0.7.2
check "10.0.7.1 answers" within 10 answers 10.0.7.1
check "TCP, 4 MiB to 10.0.7.1" net send 10.0.7.1 4
check "TCP, 4 MiB from 10.0.7.1" net receive 10.0.7.1 4
