# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The same of QEMU's virtio-blk-pci, for comparison, buffered, too. The guest
# boots from another one, since QEMU is slow with a kernel of its own.
# tier: bench
# limit: 600
# shellcheck source=tests/xen/dom0/bench.sh
. /share/dom0/bench.sh

# qemu_disk NAME FILE SLOT
qemu_disk() {
	echo "'-drive','file=$2,format=raw,if=none,id=$1,aio=threads'," \
		"'-device','virtio-blk-pci,drive=$1,addr=$3,disable-legacy=on',"
}

# Without xen_emul_unplug Linux takes all disks of QEMU's away.
backend() {
	boot_disk "$1.img" cloud 'xen_emul_unplug=never lab=bench,00:06.0'
	MORE="device_model_args_hvm=[$(qemu_disk boot "$PWD/$1.img" 5)$(qemu_disk ram /dev/ram0 6)]" \
		create "$1" hvm disk
}

ram_disk
bench qemu
