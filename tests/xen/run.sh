#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh smoke|full|bench|NAME...: plays scenarios on real Xen. All share one boot of
# dom0; when the machine dies or hangs under one, the rest go on in another boot,
# and that one gets a second chance, since a log without a verdict says that the
# lab hung and not that a test failed.
# Logs stay in build/xen/run/out/SCENARIO/. The last line is "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/xen/lib/machine.sh
. tests/xen/lib/machine.sh
work=$PWD/build/xen/run

all() {
	basename -s .sh -a tests/xen/scenarios/*.sh
}

# of_tier TIER...: the names of the scenarios in these tiers.
of_tier() {
	local name tier
	for name in $(all); do
		for tier in "$@"; do
			[ "$(header "$name" tier)" != "$tier" ] || echo "$name"
		done
	done
}

chosen() {
	local name
	for name in "$@"; do
		case $name in
		smoke) of_tier smoke ;;
		full) of_tier smoke full ;;
	bench) of_tier bench ;;
		*) echo "$name" ;;
		esac
	done
}

has_verdict() {
	[ -e "$work/out/$1/verdict" ]
}

# The scenario that was begun and got no verdict.
interrupted() {
	local name
	for name in "$@"; do
		[ ! -d "$work/out/$name" ] || has_verdict "$name" || echo "$name"
	done
}

without_verdict() {
	local name
	for name in "$@"; do
		has_verdict "$name" || echo "$name"
	done
}

# play NAME...: boots until each has a verdict.
play() {
	local left culprit=none suspect
	mapfile -t left < <(without_verdict "$@")
	while [ ${#left[@]} -gt 0 ]; do
		list_scenarios "$work" "${left[@]}"
		boot "$work" || true
		suspect=$(interrupted "${left[@]}")
		if [ "$suspect" = "$culprit" ]; then
			mkdir -p "$work/out/${suspect:=${left[0]}}"
			echo "fail the lab hung, twice" > "$work/out/$suspect/verdict"
		elif [ "$suspect" ]; then
			echo "the lab hung in $suspect, which is no verdict: once more"
			mv "$work/out/$suspect" "$work/out/$suspect.hung"
		fi
		culprit=$suspect
		mapfile -t left < <(without_verdict "$@")
	done
}

summary() {
	local name verdict passed=0 failed=0
	echo
	for name in "$@"; do
		verdict=$(cat "$work/out/$name/verdict")
		printf '%-20s %s\n' "$name" "$verdict"
		case $verdict in
		pass*) passed=$((passed + 1)) ;;
		*) failed=$((failed + 1)) ;;
		esac
	done
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}

mapfile -t names < <(chosen "$@")
tests/xen/build.sh "$work" cloud grants
play "${names[@]}"
summary "${names[@]}"
