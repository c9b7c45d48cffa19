# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154 # the variables are build.sh's
#
# The parts of the x86 machine. Sourced by build.sh.
server=build/xenvirtiod

machine() {
	xen=$(cached hypervisor)/xen
	kernel=$(cached stock-kernel amd64)
	image=$(cached dom0 amd64)/dom0.img
	ln -s "$xen" "$kernel/vmlinuz" "$image" "$work/machine/"
	initrd "$work/machine/initrd" "$here/guest/init" "$kernel/modules"
	cp -r "$kernel/backends" "$share/"
}

machine_programs() {
	compile "$share/bin/cpu" "$here/cpu.c" -lxenctrl
}

# guest_boot KERNEL BZIMAGE VMLINUX MODULES
guest_boot() {
	cp "$2" "$share/boot/$1-vmlinuz"
	[ ! -e "$3" ] || cp "$3" "$share/boot/$1-vmlinux"
	guest_initrds "$1" amd64 "$4"
	boot_disk "$share/disks/$1.img" "$2" "$share/boot/$1-initrd" "$tree"
}

guest_kernel() {
	case $1 in
	cloud)
		kernel=$(cached stock-kernel cloud-amd64)
		guest_boot cloud "$kernel/vmlinuz" "$kernel/vmlinux" "$kernel/modules"
		;;
	grants)
		kernel=$(cached grant-kernel)
		guest_boot grants "$kernel/bzImage" "$kernel/vmlinux" ''
		;;
	esac
}
