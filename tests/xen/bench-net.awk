# SPDX-License-Identifier: GPL-2.0-or-later
#
# What bench-samples.awk has of network loads as a table of thousand instructions per MiB,
# packet or round trip: dom0's, the guest's in brackets.
BEGIN {
	loads = split("tcp-out tcp-in udp-64-out udp-64-in udp-1472-out udp-1472-in round", load)
	split("64 64 10000 10000 10000 10000 4000", amount)
	printf "%-24s", "backend, run"
	for (i = 1; i <= loads; i++)
		printf "  %16s", load[i]
	print ""
}
$1 == "done" && $2 == load[loads] {
	printf "%-22s %s", backend_name(), $3
	for (i = 1; i <= loads; i++)
		printf "  %16s", sprintf("%.1f (%.1f)", thousands(dom0, load[i], amount[i]),
			thousands(guest, load[i], amount[i]))
	print ""
}
