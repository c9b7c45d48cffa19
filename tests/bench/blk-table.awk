# SPDX-License-Identifier: GPL-2.0-or-later
#
# blk-table.awk: the table of costs, lines "SERVER STORE DEPTH BYTES REQUESTS-PER-SECOND
# CPU-US MAIN-US CALLS", and what the peers have to do with them. Fails where a target is not met.

BEGIN {
	# So much must the daemon do at least in a CPU second, as a multiple of the peer,
	# where nothing but the way of a request counts.
	target["storage-daemon"] = 1
	target["virtio-blk-pci"] = 2
	printf "%-26s %12s %12s %8s %8s %13s  %s\n", "", "requests/s", "a CPU second", "CPU us",
		"of main", "system calls", "the daemon with foreign memory does"
}

function is_target(store, depth, bytes) {
	return store == "null" && depth >= 32 && bytes == 4096
}

function verdict(server, ratio) {
	if (ratio >= target[server])
		return ", target met"
	missed++
	return ", target of " target[server] " NOT MET"
}

function compared(server,    ratio) {
	if (!(server in target))
		return ""
	ratio = $6 / ours
	return sprintf("%.2f times as much", ratio) \
		(is_target($2, $3, $4) ? verdict(server, ratio) : "")
}

{
	workload = sprintf("%s, %d KiB, depth %d", $2, $4 / 1024, $3)
	if (workload != last)
		print workload
	last = workload
	if ($1 == "foreign")
		ours = $6
	printf "  %-24s %12d %12d %8.2f %8.2f %13s  %s\n", $1, $5, 1e6 / $6, $6, $7,
		$8 == "-" ? "-" : sprintf("%.2f", $8), compared($1)
	uncounted += $8 == "-"
}

END {
	print ""
	print "CPU time of all threads of the server, and of its main thread, which answers register"
	print "accesses; with the fake Xen's part in the daemon, without what hypercalls cost."
	print "System calls: Xen's by what its libraries call on Linux."
	if (uncounted)
		print "-: system calls are counted by tracepoints, for which it takes root and tracefs"
	print missed ? "FAIL: " missed " targets are not met" : "pass"
	exit missed > 0
}
