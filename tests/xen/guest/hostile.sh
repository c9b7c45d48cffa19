# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Two disks without Linux's drivers, driven by a program that grants badly:
# lab=hostile,SECONDS.
for bdf in 00:06.0 00:07.0; do
	check "$bdf has lost its driver" sh -c "echo 0000:$bdf > /sys/bus/pci/drivers/virtio-pci/unbind"
done
check "bad requests fail alone, $1 s" hostile requests 00:06.0 00:07.0 "$1"
check "without a status byte only a reset helps, and does" hostile status 00:06.0 00:07.0

# Linux says so when it has to put off the end of a grant.
check "all grants have come back" sh -c "! dmesg | grep 'g\.e\.'"
