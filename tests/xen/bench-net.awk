# SPDX-License-Identifier: GPL-2.0-or-later
#
# What "cpu" sampled around network loads (files BACKEND.bench.log) as a table of thousand
# instructions per MiB, packet or round trip: dom0's, the guest's in brackets. What as much
# time takes without a load is off.
BEGIN {
	loads = split("tcp-out tcp-in udp-64-out udp-64-in udp-1472-out udp-1472-in round", load)
	split("64 64 10000 10000 10000 10000 4000", amount)
	printf "%-24s", "backend, run"
	for (i = 1; i <= loads; i++)
		printf "  %16s", load[i]
	print ""
}
$1 == "begin" {
	began = $4
	dom0_began = $5
	guest_began = $6
}
$1 == "done" {
	time[$2] = $4 - began
	dom0[$2] = $5 - dom0_began
	guest[$2] = $6 - guest_began
}
$1 == "done" && $2 == load[loads] {
	backend = FILENAME
	gsub(/.*\/|.bench.log/, "", backend)
	printf "%-22s %s", backend, $3
	for (i = 1; i <= loads; i++) {
		share = time[load[i]] / time["nothing"]
		thousands = 1000 * amount[i]
		printf "  %16s", sprintf("%.1f (%.1f)",
			(dom0[load[i]] - dom0["nothing"] * share) / thousands,
			(guest[load[i]] - guest["nothing"] * share) / thousands)
	}
	print ""
}
