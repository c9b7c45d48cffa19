# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A guest with two vCPUs, its root file system on the disk at 00:06.0 and a network at 00:07.0,
# that reboots once: all of it is there both times.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh
disk=$(block_device 00:06.0)
nic=$(net_device 00:07.0)

# looked_at_timer: how long the kernel tried to calibrate its clock by what no PVH guest has, in ms.
looked_at_timer() {
	dmesg | sed 's/^\[ *\([0-9.]*\)\]/\1/' | awk '
		/Fast TSC calibration/ { print int(1000 * ($1 - before)) }
		{ before = $1 }'
}

check "it has two vCPUs" [ "$(nproc)" = 2 ]
check "it looked at a timer for $(looked_at_timer) ms" [ "$(looked_at_timer)" -lt 1000 ]
check "the root file system is on ${disk}2" grep -q "^/dev/${disk}2 / " /proc/mounts
check "a file made by the host has its checksum" sha256sum -c -s /data/host.sha256
check "its address comes by DHCP" by_dhcp "$nic" 10.0.7.2
check "10.0.7.1 answers" within 10 answers 10.0.7.1
check "TCP, 1 MiB each way" net both 10.0.7.1 1
check "the disk's interrupts are messages" interrupts_by 00:06.0 msi
check "the network's interrupts are messages" interrupts_by 00:07.0 msi
# shellcheck source=tests/xen/guest/reboot.sh
. /lab/reboot.sh
