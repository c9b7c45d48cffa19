# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154 # the variables are build.sh's
#
# The parts of the x86 machine. Sourced by build.sh.
server=build/xenvirtiod

# dom0_kernel FLAVOUR: with its initrd, and in dom0 by its name what some scenarios load.
dom0_kernel() {
	kernel=$(cached stock-kernel "$1")
	mkdir -p "$work/machine/$1" "$share/backends"
	ln -s "$kernel/vmlinuz" "$work/machine/$1/"
	initrd "$work/machine/$1/initrd" "$here/guest/init" "$kernel/modules"
	cp -r "$kernel/backends" "$share/backends/$1"
}

machine() {
	xen=$(cached hypervisor)/xen
	image=$(cached dom0 amd64)/dom0.img
	ln -s "$xen" "$image" "$work/machine/"
	truncate -s 64M "$work/machine/blocks.img"
	for flavour in amd64 ${DOM0_KERNELS:-}; do
		dom0_kernel "$flavour"
	done
}

machine_programs() {
	cp build/xenvirtioctl "$share/bin/"
	sed 's|@sbindir@|/share/bin|' contrib/device-model.in > "$share/bin/device-model"
	chmod +x "$share/bin/device-model"
	mkdir "$share/units" "$share/debs"
	sed 's|@sbindir@|/share/bin|' systemd/xenvirtiod@.service.in > "$share/units/xenvirtiod@.service"
	for version in ${SERVERS:-}; do
		cp "$(cached server "$version")/xenvirtiod" "$share/bin/xenvirtiod-$version"
	done
	[ ! -e "$share/bin/xenvirtiod-later" ] || packages_twice
	compile "$share/bin/cpu" "$here/cpu.c" -lxenctrl
}

# The package as "make deb" has built it, old.deb, and the same with a later version.
packages_twice() {
	cp build/deb/xenvirtiod_*.deb "$share/debs/old.deb" 2> /dev/null || return 0
	dpkg-deb -R "$share/debs/old.deb" "$work/package"
	sed -i 's/^Version: .*/&+later/' "$work/package/DEBIAN/control"
	cp "$share/bin/xenvirtiod-later" "$work/package/usr/sbin/xenvirtiod"
	dpkg-deb --root-owner-group -b "$work/package" "$share/debs/new.deb" > "$work/package.log"
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
	grants-forget)
		kernel=$(cached grant-kernel grant-dma-forget)
		guest_boot grants-forget "$kernel/bzImage" "$kernel/vmlinux" ''
		;;
	esac
}
