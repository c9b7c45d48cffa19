# SPDX-License-Identifier: GPL-2.0-or-later
#
# What "cpu" sampled around the loads (files BACKEND.bench.log) as a table of thousand
# instructions per request: dom0's, the guest's in brackets, dom0's as multiples of what
# blkback takes. What as much time takes without a request is off.
BEGIN {
	loads = split("4K-1 4K-32 128K-4", load)
	split("2000 8000 500", requests)
	split("cold 1 2", run)
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
$1 == "done" && $2 == "128K-4" {
	backend = FILENAME
	gsub(/.*\/|.bench.log/, "", backend)
	if (!(backend in seen))
		order[++backends] = backend
	seen[backend]
	for (i = 1; i <= loads; i++) {
		share = time[load[i]] / time["nothing"]
		thousands = 1000 * requests[i]
		of_dom0[backend, $3, i] = (dom0[load[i]] - dom0["nothing"] * share) / thousands
		of_guest[backend, $3, i] = (guest[load[i]] - guest["nothing"] * share) / thousands
	}
}
function row(title, what) {
	printf "%-22s %-5s", title, what
	for (i = 1; i <= loads; i++)
		printf "  %22s", cell[i]
	print ""
}
function aims(title, ratios) {
	split(ratios, cell)
	row(title, "aim")
}
END {
	cell[1] = "4 KiB, 1 in flight"
	cell[2] = "4 KiB, 32 in flight"
	cell[3] = "128 KiB, 4 in flight"
	row("backend", "run")
	for (b = 1; b <= backends; b++)
		for (r = 1; r <= 3; r++) {
			for (i = 1; i <= loads; i++)
				cell[i] = sprintf("%.2f (%.2f) %5.2f", of_dom0[order[b], run[r], i],
					of_guest[order[b], run[r], i],
					of_dom0[order[b], run[r], i] / of_dom0["blkback", run[r], i])
			row(order[b], run[r])
		}
	aims("the daemon, grants", "1.15 1.00 0.90")
	aims("the daemon, foreign", "1.10 0.40 0.65")
}
