# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The disk at 00:06.0 loses its PCI driver and gets it again, and is removed and found again:
# lab=forget,ROUNDS. For a kernel that forgets what it knew, it is a new device each time.
# shellcheck source=tests/xen/guest/plug-lib.sh
. /lab/plug-lib.sh
driver=/sys/bus/pci/drivers/virtio-pci

bind_again() {
	echo 0000:00:06.0 > $driver/unbind && echo 0000:00:06.0 > $driver/bind
}

find_again() {
	remove 00:06.0 && rescan
}

for n in $(seq "$1"); do
	check "bound again, round $n" bind_again
	check "the disk, round $n" use_disk 00:06.0 256
	check "found again, round $n" find_again
	check "the disk that was found, round $n" use_disk 00:06.0 256
done
