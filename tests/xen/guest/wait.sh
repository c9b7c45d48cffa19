# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk whose image comes after the guest: lab=wait,rrs,CHECK... or
# lab=wait,online,CHECK...; says how many seconds ago it was found, then goes on
# with the check.
bdf=00:06.0
way=$1
next=$2
shift 2

# found PATTERN: tells dom0 how many seconds ago the kernel said this, and lets it run.
found() {
	dmesg | grep "$1" | sed 's/^/kernel: /'
	mark "found $(dmesg | sed -n "s/^\[ *\([0-9.]*\)\] .*$1.*/\1/p" | tail -n 1 |
		awk -v "now=$(cut -d' ' -f1 /proc/uptime)" '{ print now - $1 }') s"
	sleep 1
}

has_size() {
	for _ in $(seq 600); do
		[ "$(blockdev --getsize64 "$1")" = 0 ] || return 0
		sleep 0.1
	done
	false
}

has_errors() {
	! "$@" 2> /dev/null
}

wait_rrs() {
	found "$bdf: ready after"
	check "the kernel's PCI scan has waited" [ "$(dmesg | grep -c "$bdf: ready after")" = 1 ]
}

wait_online() {
	disk=/dev/$(block_device "$bdf")
	check "the disk is there without its sectors" [ "$(blockdev --getsize64 "$disk")" = 0 ]
	check "and cannot be read" has_errors load check "$disk" 0 1 1
	mark empty
	check "it gets them" has_size "$disk"
	found 'new size'
}

"wait_$way"
# shellcheck source=/dev/null # any of the checks
. "/lab/$next.sh"
