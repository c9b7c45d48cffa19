# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A guest without devices: that it comes up, and that its fio runs where there is one.
check "there is no PCI device" [ -z "$(ls /sys/bus/pci/devices 2> /dev/null)" ]
if [ "$1" = fio ]; then
	check "fio verifies a file in memory" fio --name=file --filename=/tmp/file --size=4M \
		--rw=randwrite --bs=4k --ioengine=libaio --iodepth=8 --verify=crc32c
fi
