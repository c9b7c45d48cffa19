#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# build.sh MACHINE WORK KERNEL...: makes WORK, everything that one boot of the emulated
# machine x86 or arm64 needs, with guests' boot files for each KERNEL: on x86 "cloud"
# (Debian's) or "grants" (ours), on arm64 "linux" (ours). Slow parts come from the cache.
#   WORK/machine/  xen, dom0's kernel, initrd and root image
#   WORK/share/    what dom0 sees as /share
#   WORK/out/      what dom0 writes as /out
set -eu
cd "$(dirname "$0")/../.."
here=tests/xen
xen_tests=$PWD/$here
machine=$1
work=$2
shift 2

# shellcheck source=tests/xen/lib/cache.sh
. "$here/lib/cache.sh"
# shellcheck source=tests/xen/lib/images.sh
. "$here/lib/images.sh"

# compile OUT SOURCE [OPTION...]
compile() {
	compile_out=$1
	shift
	# shellcheck disable=SC2086 # a compiler may have options
	${CC:-cc} -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -o "$compile_out" "$@"
}

# The server under test may be another one: LAB_SERVER=PROGRAM.
programs() {
	mkdir "$share/bin"
	cp "${LAB_SERVER:-$server}" "$share/bin/xenvirtiod"
	compile "$share/bin/capture" "$here/capture.c"
	machine_programs
}

# What guests find in their initrd and on their disk.
guest_tree() {
	mkdir -p "$tree/bin" "$tree/lab"
	cp "$here/guest/main" "$here"/guest/*.sh "$here"/guest/*.fio "$tree/lab/"
	for program in load hostile; do
		compile "$tree/bin/$program" "$here/guest/$program.c" -static
	done
	compile "$tree/bin/net" "$here"/guest/net/*.c -static
	cp "$tree/bin/net" "$share/bin/"
}

# guest_initrds KERNEL ARCH MODULES: the plain one, and one with each of two tools.
guest_initrds() {
	initrd "$share/boot/$1-initrd" "$here/guest/init" "$3" "$tree"
	for tool in fio ethtool; do
		join_initrds "$share/boot/$1-initrd" "$(cached $tool "$2")/initrd" > "$share/boot/$1-$tool-initrd"
	done
}

rm -rf "$work"
mkdir -p "$work/machine" "$work/share/boot" "$work/share/disks" "$work/out" "$work/tree"
work=$(cd "$work" && pwd)
share=$work/share
tree=$work/tree
open_cache
# What differs: the variables server, CC and busybox, the functions machine,
# machine_programs and guest_kernel.
# shellcheck source=tests/xen/x86/build.sh
. "$here/$machine/build.sh"
machine
programs
guest_tree
for name in "$@"; do
	guest_kernel "$name"
done
cp -r "$here/dom0" "$here/scenarios" "$share/"
