#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# sizes.sh DIR...: lines per C file and per function: how many, median, 90th
# percentile and largest, and the name of each one over the limit.
set -eu

file_limit=600
function_limit=70

# "lines name", one line per file.
file_sizes() {
	find "$1" -name '*.[ch]' -exec sh -c 'for f; do echo "$(wc -l <"$f") $f"; done' sh {} +
}

# "lines file:function", from a function's name to its closing brace.
function_sizes() {
	find "$1" -name '*.c' -exec ctags -f - --languages=C --kinds-C=f --fields=ne {} + |
		awk -F '\t' '{
			match($0, /line:[0-9]+/)
			first = substr($0, RSTART + 5, RLENGTH - 5)
			match($0, /end:[0-9]+/)
			print substr($0, RSTART + 4, RLENGTH - 4) - first + 1, $2 ":" $1
		}'
}

summary() {
	sort -n | awk -v title="$1" -v limit="$2" '
		{ size[NR] = $1 }
		$1 > limit { over[++n] = $0 }
		function part(p) { return size[int((NR - 1) * p) + 1] }
		END {
			if (NR)
				printf "%-18s %5d  median %3d  p90 %3d  max %3d\n",
				       title, NR, part(0.5), part(0.9), size[NR]
			for (i = 1; i <= n; i++)
				print "  over " limit ": " over[i]
		}'
}

for dir in "$@"; do
	[ -d "$dir" ] || continue
	file_sizes "$dir" | summary "$dir files" $file_limit
	function_sizes "$dir" | summary "$dir functions" $function_limit
done
