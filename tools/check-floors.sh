#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check-floors.sh [SRC]: a folder is a floor. A file includes only from its own floor
# or one below, one device never from another, and only few files may reach guest
# memory through the Xen libraries. Prints each offence; silent when there is none.
set -eu

cd "${1:-$(dirname "$0")/../src}"

find . -name '*.[ch]' -printf '%P\n' | sort |
	xargs -r grep -HnoE '^[[:space:]]*#[[:space:]]*include.*|\<xenforeignmemory_map2?\(' |
	awk -F: '
function floor(path) {
	if (path ~ /^base\//)           return 0
	if (path ~ /^memory\//)         return 1
	if (path ~ /^ioreq\//)          return 2
	if (path ~ /^(virtio|bridge)\//) return 3
	if (path ~ /^devices\//)        return 4
	if (path ~ /^(daemon\/|main\.c$)/) return 5
	return -1
}

function folder(path) {
	sub(/\/[^\/]*$/, "", path)
	return path
}

function offence(text) {
	printf "src/%s:%d: %s\n", $1, $2, text
	bad = 1
}

# The operator command stands beside the daemon, on the ground floor.
function check_own(file, header) {
	if (header !~ /\//)
		offence("\"" header "\" is not named from src/")
	else if (file ~ /^ctl\//) {
		if (header !~ /^(base|ctl)\//)
			offence("ctl/ uses base/ only, not " header)
	} else if (floor(file) < 0)
		offence("this folder has no floor in tools/check-floors.sh")
	else if (floor(header) < 0)
		offence(header " has no floor in tools/check-floors.sh")
	else if (floor(header) > floor(file))
		offence("floor " floor(file) " includes " header " of floor " floor(header))
	else if (floor(file) == 4 && header ~ /^devices\/.*\// && folder(file) != folder(header))
		offence("one device includes another: " header)
}

function check_xen(file, header) {
	if (header == "xengnttab.h" && file !~ /^memory\//)
		offence("grants belong to memory/")
	if (header == "xenforeignmemory.h" && file !~ /^(memory|ioreq)\//)
		offence("xenforeignmemory.h is for memory/, and for ioreq/ to map its own page")
}

/xenforeignmemory_map2?\($/ && $1 !~ /^memory\// {
	offence("frames of the guest are mapped in memory/ only")
}

/include/ {
	header = $3
	if (sub(/^[^"<]*"/, "", header)) {
		sub(/".*/, "", header)
		check_own($1, header)
	} else if (sub(/^[^<]*</, "", header)) {
		sub(/>.*/, "", header)
		check_xen($1, header)
	}
}

END { exit bad }'
