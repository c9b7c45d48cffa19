# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The daemon's instructions and system calls per MiB, packet and round trip by foreign maps,
# and those of QEMU's virtio-net-pci, in the same guest.
# tier: bench-net
# limit: 1800
# shellcheck source=tests/xen/dom0/bench.sh
. /share/dom0/bench.sh

# Without xen_emul_unplug Linux takes all devices of QEMU's away.
backend() {
	boot_disk "$1.img" cloud "root= xen_emul_unplug=never lab=net-calls,\
foreign-workers-1@00:07.0@7,foreign-workers-0@00:08.0@8,qemu@00:09.0@9"
	MORE="device_model_args_hvm=[
		'-netdev','tap,id=net,ifname=t9,script=no,downscript=no',
		'-device','virtio-net-pci,netdev=net,addr=9,disable-legacy=on,romfile=']" \
		create "$1" hvm disk
	serve_workers foreign "$1"
}

count() {
	count_loads "$1" foreign-workers-1 "$(pid_of foreign-workers-1)"
	count_loads "$1" foreign-workers-0 "$(pid_of foreign-workers-0)"
	count_loads "$1" qemu "$(pid_of_qemu "$1")"
}

make_tap t7 7
make_tap t8 8
make_tap t9 9
serve_peer
bench foreign count
