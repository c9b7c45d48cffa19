# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The same of QEMU's virtio-net-pci, for comparison. The guest boots from a disk, since QEMU
# is slow with a kernel of its own.
# tier: bench
# limit: 1200
# shellcheck source=tests/xen/dom0/bench.sh
. /share/dom0/bench.sh

# Without xen_emul_unplug Linux takes all devices of QEMU's away.
backend() {
	boot_disk "$1.img" cloud 'root= xen_emul_unplug=never lab=net-bench,00:07.0'
	MORE="device_model_args_hvm=[
		'-drive','file=$PWD/$1.img,format=raw,if=none,id=boot,aio=threads',
		'-device','virtio-blk-pci,drive=boot,addr=5,disable-legacy=on',
		'-netdev','tap,id=net,ifname=t0,script=no,downscript=no',
		'-device','virtio-net-pci,netdev=net,addr=7,disable-legacy=on,romfile=']" \
		create "$1" hvm disk
}

make_tap t0 7
serve_peer
bench qemu
