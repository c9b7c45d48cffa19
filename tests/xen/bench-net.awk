# SPDX-License-Identifier: GPL-2.0-or-later
#
# What bench-samples.awk has of network loads as tables: thousand instructions per MiB,
# packet or round trip; and what that makes of the daemon beside QEMU. Fails where the
# daemon is not to its targets.
BEGIN {
	loads = split("tcp-out tcp-in udp-64-out udp-64-in udp-1472-out udp-1472-in round", load)
	split("64 64 10000 10000 10000 10000 4000", number)
	split("MiB MiB packets packets packets packets round-trips", unit)
	for (i = 1; i <= loads; i++)
		amount[load[i]] = number[i]
}
$1 == "done" && $2 in amount {
	if (!(($4, $3) in seen)) {
		seen[$4, $3]
		rows++
		title[rows] = $4
		run[rows] = $3
	}
	of_dom0[$4, $3, $2] = thousands(dom0, $2, amount[$2])
	of_guest[$4, $3, $2] = thousands(guest, $2, amount[$2])
}
$1 == "calls" {
	calls[$3, $2] = $4 / amount[$2]
}
function costs(    r, i) {
	print "Thousand instructions per MiB, packet or round trip: dom0's with the peer, (the guest's)."
	printf "%-24s", "backend, run"
	for (i = 1; i <= loads; i++)
		printf "  %16s", load[i]
	print ""
	for (r = 1; r <= rows; r++) {
		printf "%-22s %s", title[r], run[r]
		for (i = 1; i <= loads; i++)
			printf "  %16s", sprintf("%.1f (%.1f)", of_dom0[title[r], run[r], load[i]],
				of_guest[title[r], run[r], load[i]])
		print ""
	}
}
# Thousands a second that a core of dom0 moves: it executes a million thousands.
function rate(backend, what) {
	return 1000 / of_dom0[backend, 2, what]
}
function verdict(backend, what,    fast, few) {
	if (backend == "qemu")
		return ""
	fast = rate(backend, what) >= rate("qemu", what)
	few = calls[backend, what] <= calls["qemu", what] / 2
	failed += !fast + !few
	return (fast ? "pass" : "FAIL") "  " (few ? "pass" : "FAIL")
}
function beside_qemu(    r, i) {
	print "Of one core of dom0 that executes 10^9 instructions a second; system calls of the backend."
	print "Targets: as many a second as QEMU; half as many system calls."
	printf "%-13s %-20s %20s %14s %12s  %s\n", "load", "backend", "thousands a second",
		"instructions", "calls", "targets"
	for (i = 1; i <= loads; i++)
		for (r = 1; r <= rows; r++)
			if (run[r] == 2 && (title[r], load[i]) in calls)
				printf "%-13s %-20s %20s %14d %12.3f  %s\n", load[i], title[r],
					sprintf("%.2f %s", rate(title[r], load[i]), unit[i]),
					1000 * of_dom0[title[r], 2, load[i]],
					calls[title[r], load[i]], verdict(title[r], load[i])
	print failed ? "FAIL: " failed " targets are not met" : "pass"
}
END {
	costs()
	print ""
	beside_qemu()
	exit failed > 0
}
