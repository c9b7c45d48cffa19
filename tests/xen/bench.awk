# SPDX-License-Identifier: GPL-2.0-or-later
#
# What bench-samples.awk has of the loads as a table of thousand instructions per request:
# dom0's, the guest's in brackets, dom0's as multiples of what blkback takes.
BEGIN {
	loads = split("4K-1 4K-32 128K-4", load)
	split("2000 8000 500", requests)
	split("cold 1 2", run)
}
$1 == "done" && $2 == "128K-4" {
	backend = backend_name()
	if (!(backend in seen))
		order[++backends] = backend
	seen[backend]
	for (i = 1; i <= loads; i++) {
		of_dom0[backend, $3, i] = thousands(dom0, load[i], requests[i])
		of_guest[backend, $3, i] = thousands(guest, load[i], requests[i])
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
