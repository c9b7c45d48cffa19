#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# build.sh WORK KERNEL...: makes WORK, everything that one boot of the emulated
# machine needs, with guests' boot files for each KERNEL, "cloud" (Debian's) or
# "grants" (ours). Slow parts come from the cache.
#   WORK/machine/  xen, dom0's kernel, initrd and root image
#   WORK/share/    what dom0 sees as /share
#   WORK/out/      what dom0 writes as /out
set -eu
cd "$(dirname "$0")/../.."
here=tests/xen
xen_tests=$PWD/$here
work=$1
shift

progress() {
	echo "$(date +%T) $*" >&2
}

# shellcheck source=tests/xen/lib/cache.sh
. "$here/lib/cache.sh"
# shellcheck source=tests/xen/lib/images.sh
. "$here/lib/images.sh"

machine() {
	xen=$(cached hypervisor)/xen
	kernel=$(cached stock-kernel amd64)
	image=$(cached dom0)/dom0.img
	ln -s "$xen" "$kernel/vmlinuz" "$image" "$work/machine/"
	initrd "$work/machine/initrd" "$here/guest/init" "$kernel/modules"
	cp -r "$kernel/backends" "$share/"
}

# The server under test may be another one: LAB_SERVER=PROGRAM.
programs() {
	mkdir "$share/bin"
	cp "${LAB_SERVER:-build/xenvirtiod}" "$share/bin/xenvirtiod"
	${CC:-cc} -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -o "$share/bin/cpu" "$here/cpu.c" -lxenctrl
}

# What guests find in their initrd and on their disk.
guest_tree() {
	mkdir -p "$tree/bin" "$tree/lab"
	cp "$here/guest/main" "$here"/guest/*.sh "$here"/guest/*.fio "$tree/lab/"
	for program in load hostile; do
		${CC:-cc} -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -static -o "$tree/bin/$program" \
			"$here/guest/$program.c"
	done
}

# guest_boot KERNEL BZIMAGE VMLINUX MODULES
guest_boot() {
	cp "$2" "$share/boot/$1-vmlinuz"
	[ ! -e "$3" ] || cp "$3" "$share/boot/$1-vmlinux"
	initrd "$share/boot/$1-initrd" "$here/guest/init" "$4" "$tree"
	join_initrds "$share/boot/$1-initrd" "$(cached fio)/initrd" > "$share/boot/$1-fio-initrd"
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

rm -rf "$work"
mkdir -p "$work/machine" "$work/share/boot" "$work/share/disks" "$work/out" "$work/tree"
work=$(cd "$work" && pwd)
share=$work/share
tree=$work/tree
open_cache
machine
programs
guest_tree
for name in "$@"; do
	guest_kernel "$name"
done
cp -r "$here/dom0" "$here/scenarios" "$share/"
