# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# dom0's CPU time for loads of a guest's. The machine has to count instructions (COUNT=1).
# What is measured goes to TITLE.bench.log, the samples as they were taken; the host
# calculates.
# shellcheck source=tests/xen/dom0/count.sh
. /share/dom0/count.sh
: "${consoles:?}"

# ram_disk: /dev/ram0, 64 MiB, all there.
ram_disk() {
	[ -b /dev/ram0 ] || insmod "/share/backends/${lab_kernel:-}/brd.ko" rd_nr=1 rd_size=65536 ||
		fail "no ram disk"
	dd if=/dev/zero of=/dev/ram0 bs=1M count=64 2> /dev/null
}

# bench TITLE [COMMAND]: "backend GUEST", which the scenario has, makes a guest with its
# device; it starts, and ends by itself. Nothing polls meanwhile, that would be counted;
# "COMMAND GUEST" comes after what is. A guest may get stuck for what the emulator does to
# it (see README.md): then there is another.
bench() {
	local guest
	for guest in "$1-1" "$1-2" "$1-3" "$1-4" "$1-5"; do
		backend "$guest"
		start "$guest"
		if /share/bin/cpu "$(xl domid "$guest")" "$consoles/guest-$guest.log" > "$1.bench.log"; then
			[ ! "${2-}" ] || "$2" "$guest" >> "$1.bench.log"
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

# --- networks ----------------------------------------------------------------

# serve_workers KIND GUEST: two daemons, KIND-workers-1 with the boot disk and the tap t7, and
# KIND-workers-0 with t8.
serve_workers() {
	serve "$1-workers-1" --domain "$2" --name "$1-workers-1" --workers 1 \
		--blk "bdf=00:06.0,path=$2.img" --net bdf=00:07.0,tap=t7
	serve "$1-workers-0" --domain "$2" --name "$1-workers-0" --workers 0 \
		--net bdf=00:08.0,tap=t8
}

pid_of_qemu() {
	xenstore-read "/local/domain/$(xl domid "$1")/image/device-model-pid"
}

# count_loads GUEST TITLE PID: lines "calls LOAD TITLE COUNT", of the process's system calls in
# each of the loads that the guest has for this title.
count_loads() {
	local load
	for load in tcp-out tcp-in udp-64-out udp-64-in udp-1472-out udp-1472-in round; do
		mark "$1" "ready $load $2" > /dev/null
		count_begin
		tell "$1" go > /dev/null
		mark "$1" "counted $load $2" > /dev/null
		count_end
		echo "calls $load $2 $(of_process "$3" calls.hist | awk '{ n += $2 } END { print n }')"
		tell "$1" go > /dev/null
	done
}
