#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# coverage.sh DIR: line and branch coverage of src/, per folder, from the objects of
# an instrumented run in DIR. The full report of each file goes to DIR/coverage.html.
set -eu

folders() {
	find src -name '*.c' -printf '%h\n' | sort -u
}

per_folder() {
	gcovr -r . -f "$2/[^/]*\\.c" -s "$1" |
		awk -v folder="$2" '
			$1 == "lines:" { lines = $2 }
			$1 == "branches:" { branches = $2 }
			END { printf "%-20s %8s %8s\n", folder, lines, branches }'
}

printf '%-20s %8s %8s\n' folder lines branches
for folder in $(folders); do
	per_folder "$1" "$folder"
done
gcovr -r . -f 'src/' "$1" --html-details "$1/coverage.html" >/dev/null
