# SPDX-License-Identifier: GPL-2.0-or-later
#
# table.awk: one table of what was counted, lines "WORKLOAD COUNT PER-REQUEST",
# against the file of budgets, which comes first. What was counted more than once
# and not the same each time is shown as a range. Fails where a budget is
# exceeded or was not measured.

function show(value) {
	return value == int(value) || value >= 100 ? sprintf("%d", value) : sprintf("%.2f", value)
}

function range(workload, count,    key, from, to) {
	key = workload SUBSEP count
	if (!(key in least))
		return "-"
	from = show(least[key])
	to = show(most[key])
	return from == to ? to : from "-" to
}

function verdict(key, budget) {
	if (!(key in most))
		return " NOT MEASURED"
	return most[key] > budget ? " OVER BUDGET" : ""
}

function budgets(workload,    i, text, word) {
	for (i = 1; i <= nlimits; i++) {
		if (limit_of[i] != workload)
			continue
		word = verdict(workload SUBSEP limit_on[i], limit[i])
		text = text (text ? ", " : "") limit_on[i] " <= " limit[i] word
		met[i] = word == ""
	}
	return text
}

/^#/ || NF != 3 { next }

FILENAME == ARGV[1] {
	limit_of[++nlimits] = $1
	limit_on[nlimits] = $2
	limit[nlimits] = $3
	next
}

$1 ~ /^(burst|loop)-/ {
	if (!($1 in seen))
		workload[++nworkloads] = $1
	seen[$1] = 1
	key = $1 SUBSEP $2
	if (!(key in least) || $3 < least[key])
		least[key] = $3 + 0
	if (!(key in most) || $3 > most[key])
		most[key] = $3 + 0
}

END {
	n = split("all grant-ioctls mapping events dm-ops io_uring read-write other " \
		  "doorbells interrupts instructions", column, " ")
	printf "%-28s", "per request"
	for (i = 1; i <= n; i++)
		printf " %12s", column[i]
	print "  budget"
	for (w = 1; w <= nworkloads; w++) {
		printf "%-28s", workload[w]
		for (i = 1; i <= n; i++)
			printf " %12s", range(workload[w], column[i])
		text = budgets(workload[w])
		print (text ? "  " : "") text
	}
	for (i = 1; i <= nlimits; i++) {
		if (!met[i])
			missed++
		if (!(limit_of[i] in seen))
			print limit_of[i] ": " limit_on[i] " <= " limit[i] " NOT MEASURED"
	}
	print ""
	print "all: every system call of the daemon, Xen's by what its libraries call on Linux."
	print "loop-*: as fast as guest and daemon happen to be, so not asserted."
	print "A backend that maps each descriptor of a request pays 15 at least: for each of"
	print "header, data and status ioctl and mmap, then ioctl, munmap and ioctl."
	if (missed)
		print missed " of " nlimits " budgets are not met"
	exit missed != 0
}
