# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # memory is the scenario's, lab and patience are lib.sh's
#
# A PVH guest whose kernel xl loads, with two vCPUs, its root file system on the virtio disk and a
# network, and no QEMU. It reboots from inside, and what serves it comes back by itself.

# no_qemu: there is no such process in dom0.
no_qemu() {
	! grep -q '^qemu' /proc/[0-9]*/comm 2> /dev/null
}

# came_up TIMES: the guest has done so.
came_up() {
	relay a
	[ "$(console a | grep -c 'GUEST: up')" = "$1" ]
}

kernel=grants
[ "$memory" = grants ] || kernel=cloud
export ON_REBOOT=restart VCPUS=2
boot_disk a.img $kernel ''
make_tap t0 7
serve_dhcp t0 7
serve_peer
configure a 'bridge give-up=60' "blk bdf=00:06.0,path=$lab/a.img,memory=$memory" \
	"net bdf=00:07.0,tap=t0,memory=$memory"
guest_file a pvh $kernel 'root=/dev/vda2 modules=net lab=pvh-root'
run_guest a
for times in 1 2; do
	within "$patience" came_up $times || fail "a does not come up"
	no_qemu || fail "there is a QEMU for a PVH guest"
done
finish a
exited run-a 0
nothing_is_left
check_root_of a.img
expect_not a 'ACPI Error'
