#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# manuals.sh: the manual pages name every option that --help names, with its default, and every
# subcommand; and that the configurations they show are good. Prints what is missing.
set -eu

cd "$(dirname "$0")/../.."
PATH=${BUILD:-build}:$PATH
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# "section, entry, its text" with tabs between: what stands behind each .It, in one line without macros. Sections
# are those of one kind of device ("--blk"), or empty.
entries() {
	awk '
	function flush() {
		if (entry != "")
			print section "\t" entry "\t" text
		entry = text = ""
	}
	/^\.S[hs] / { flush(); section = $2 ~ /^--/ ? $2 : ""; sub(/:$/, "", section) }
	/^\.It / { flush(); entry = $0; next }
	{ sub(/^\.[A-Z][a-z] /, ""); text = text " " $0 }
	END { flush() }' "$1"
}

# "section, key, default" of each option that standard input, a --help, has.
options() {
	awk '
	/^--[a-z-]+[:,]/ { section = $1; sub(/[:,].*/, "", section) }
	/^[A-Z].*:$|^Every device/ { section = "" }
	/^  -*[a-z]/ {
		key = $1
		sub(/[=[].*/, "", key)
		value = ""
		if (match($0, /\(default: .*\)$/))
			value = substr($0, RSTART + 10, RLENGTH - 11)
		print section "\t" key "\t" value
	}'
}

# Of a default of several words the page has its own.
check_options() {
	awk -F'\t' -v page="$1" '
	function words(entry) { return " " entry " " }
	FNR == NR { section[NR] = $1; entry[NR] = words($2); text[NR] = words($3); n = NR; next }
	{
		name = $2 ~ /^--/ ? " Fl -" substr($2, 3) " " : " Cm " $2 " "
		found = 0
		for (i = 1; i <= n && !found; i++)
			if ($1 == section[i] && index(entry[i], name))
				found = i
		if (!found)
			print page ": no " $1 " " $2
		else if ($3 != "" && text[found] !~ /[Dd]efault/)
			print page ": no default of " $1 " " $2 ": " $3
		else if ($3 !~ / / && !index(text[found], $3))
			print page ": not the default of " $1 " " $2 ": " $3
	}' "$work/entries" -
}

subcommands() {
	xenvirtioctl --help | awk '/^  [a-z]/ { print $1 }'
}

# The examples of xenvirtiod.conf.5, a file each.
examples() {
	awk -v work="$work" '
	/^\.Ed/ { out = "" }
	out != "" { gsub(/\\e/, "\\"); print > out }
	/^# \/etc\/xenvirtiod\// { out = work "/" ++n ".conf" }' man/xenvirtiod.conf.5
	cp contrib/*.conf "$work"
}

# Nothing is opened: there is one more line, which is the first that is refused.
check_example() {
	echo nonsense >> "$1"
	xenvirtiod --config "$1" 2>&1 |
		grep -v "^xenvirtiod: $1:$(wc -l < "$1"): nonsense: there is no such key" || :
}

{
	examples
	for file in "$work"/*.conf; do
		check_example "$file"
	done

	entries man/xenvirtiod.8 > "$work/entries"
	xenvirtiod --help | options | check_options xenvirtiod.8

	entries man/xenvirtioctl.8 | sed 's/^[^\t]*//' > "$work/entries"
	for name in $(subcommands); do
		grep -qE "^\.(Ss xenvirtioctl|It Cm|Cm) $name( |$)" man/xenvirtioctl.8 ||
			echo "xenvirtioctl.8: no $name"
		xenvirtioctl "$name" --help | options | sed 's/^[^\t]*//' |
			check_options xenvirtioctl.8
	done
} > "$work/missing"
cat "$work/missing"
[ ! -s "$work/missing" ]
