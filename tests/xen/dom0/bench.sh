# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# dom0's CPU time per request, for one backend on dom0's ram disk. The machine has to
# count instructions (COUNT=1). What is measured goes to TITLE.bench.log, the samples as
# they were taken; the host calculates.
: "${consoles:?}"

# ram_disk: /dev/ram0, 64 MiB, all there.
ram_disk() {
	[ -b /dev/ram0 ] || insmod "/share/backends/${lab_kernel:-}/brd.ko" rd_nr=1 rd_size=65536 ||
		fail "no ram disk"
	dd if=/dev/zero of=/dev/ram0 bs=1M count=64 2> /dev/null
}

# bench TITLE: "backend GUEST", which the scenario has, makes a guest with its disk; it
# starts, and ends by itself. Nothing polls meanwhile, that would be counted. A guest
# may get stuck for what the emulator does to it (see README.md): then there is another.
bench() {
	local guest
	for guest in "$1-1" "$1-2" "$1-3" "$1-4" "$1-5"; do
		backend "$guest"
		start "$guest"
		if /share/bin/cpu "$(xl domid "$guest")" "$consoles/guest-$guest.log" > "$1.bench.log"; then
			finish "$guest"
			within 10 all_ended || fail "the server of $guest does not end"
			return
		fi
		say "$guest is stuck"
		xl destroy "$guest"
		within 10 all_ended
	done
	fail "no figures for $1"
}
