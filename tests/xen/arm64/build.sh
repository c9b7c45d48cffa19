# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154 # the variables are build.sh's
#
# The parts of the arm64 machine. Sourced by build.sh.
server=build/aarch64-linux-gnu/xenvirtiod
sysroot=$(cached sysroot arm64)
CC="aarch64-linux-gnu-gcc --sysroot=$sysroot"
busybox=$sysroot/bin/busybox

machine() {
	xen=$(cached arm64-hypervisor)/xen
	kernel=$(cached arm64-kernel)/Image
	image=$(cached dom0 arm64)/dom0.img
	ln -s "$xen" "$kernel" "$image" "$work/machine/"
	initrd "$work/machine/initrd" "$here/guest/init" ''
}

machine_programs() {
	cp build/aarch64-linux-gnu/xenvirtioctl "$share/bin/"
	compile "$share/bin/set-target" "$here/set-target.c" -lxenctrl
}

# backend_tree DIR: the server, for a backend domain, with the libraries that it needs.
backend_tree() {
	mkdir -p "$1/bin" "$1/lib"
	cp "$share/bin/xenvirtiod" "$1/bin/"
	copy_libraries "$1/lib" "$1/bin/xenvirtiod"
	cp -L "$sysroot/lib/ld-linux-aarch64.so.1" "$1/lib/"
}

needed() {
	aarch64-linux-gnu-objdump -p "$1" | sed -n 's/^ *NEEDED *//p'
}

# copy_libraries DIR PROGRAM: what it needs, what that needs, and so on.
copy_libraries() {
	for library in $(needed "$2"); do
		[ ! -e "$1/$library" ] || continue
		cp -L "$sysroot/lib/aarch64-linux-gnu/$library" "$1/"
		copy_libraries "$1" "$1/$library"
	done
}

guest_kernel() {
	cp "$kernel" "$share/boot/$1-Image"
	guest_initrds "$1" arm64 ''
	root_disk "$share/disks/$1.img" "$tree"
	backend_tree "$work/backend"
	cp -r "$tree/." "$work/backend/"
	initrd "$share/boot/$1-backend-initrd" "$here/guest/init" '' "$work/backend"
}
