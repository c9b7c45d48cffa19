# SPDX-License-Identifier: GPL-2.0-or-later
#
# instructions.awk: what one request costs in instructions, from callgrind's
# output of two runs of the daemon, SHORT and LONG, which differ in the number of
# requests only. -v requests=N: by how many; -v top=N: the N costliest functions too.
#
# Counted is what the daemon does itself: the functions of this executable except
# those of tests/ (the fake Xen, the guest) and of the C run time, each with what
# it costs without its callees; and to that what they call in libraries, with all
# that these call in turn. So nothing counts that a library does for the fake. Not
# counted either: copying and clearing memory, whose cost is that of the bytes.
#
# Lines of the format that matter here: "ob=", "fl=", "fn=" begin a function, "fi="
# and "fe=" another source file within it, "LINE COST" is its own cost; "cob=",
# "cfi=" and "cfn=" name what it calls, and after "calls=" comes the cost of that.

function value(line) {
	return substr(line, index(line, "=") + 1)
}

function add(name, cost) {
	total[name] += FILENAME == ARGV[1] ? -cost : cost
}

function is_ours(object, file) {
	return object == executable && file !~ /(^|\/)tests\// && file != "???"
}

FNR == 1 { runs++ }
/^cmd: / { split($0, word, " "); executable = word[2] }
/^ob=/ { object = value($0) }
/^fl=/ { source = file = value($0) }
/^f[ie]=/ { file = value($0) }
/^fn=/ {
	name = value($0) " (" source ")"
	ours = is_ours(object, source)
}
/^cob=/ { callee_object = value($0) }
/^cf[il]=/ { callee_file = value($0) }
/^cfn=/ { callee = value($0) }
/^calls=/ {
	getline
	if (ours && callee_object != "" && callee_object != executable &&
	    callee !~ /mem(cpy|move|set)/)
		add("library: " callee, $2)
	callee_object = callee_file = ""
	next
}
/^[0-9+*-]/ && ours { add(name, $2) }

END {
	for (name in total)
		sum += total[name]
	if (runs != 2 || sum <= 0 || requests <= 0)
		exit 1
	printf "%.1f\n", sum / requests
	sort = "sort -k1,1nr | head -n " top
	for (name in total)
		if (top)
			printf "%10.1f  %s\n", total[name] / requests, name | sort
}
