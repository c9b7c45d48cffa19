#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh [x86|arm64] smoke|full|bench|bench-net|NAME...: plays scenarios on real Xen, in an emulated
# machine: the one that is named, or that the first scenario asks for. Those that want the
# same command lines and kernel share one boot; when the machine dies or hangs under one, the
# rest go on in another boot, and that one gets a second chance, since a log without a verdict
# says that the lab hung and not that a test failed.
# Logs stay in build/xen/MACHINE/out/SCENARIO/. The last line is "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/xen/lib/machine.sh
. tests/xen/lib/machine.sh

machine_of() {
	local wanted
	wanted=$(header "$1" machine 2> /dev/null) || true
	echo "${wanted:-x86}"
}

all() {
	basename -s .sh -a tests/xen/scenarios/*.sh
}

# of_tier TIER...: the names of the machine's scenarios in these tiers.
of_tier() {
	local name tier
	for name in $(all); do
		[ "$(machine_of "$name")" = "$machine" ] || continue
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
		bench | bench-net) of_tier "$name" ;;
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

# boot_of NAME: what it wants on the command lines of Xen and of dom0's kernel, and which kernel.
boot_of() {
	echo "$(header "$1" xen)|$(header "$1" dom0)|$(header "$1" dom0-kernel)"
}

# with_boot BOOT NAME...: those that want this one.
with_boot() {
	local name
	for name in "${@:2}"; do
		[ "$(boot_of "$name")" != "$1" ] || echo "$name"
	done
}

# asked_for HEADER NAME...: what these scenarios want beside the usual.
asked_for() {
	local name
	for name in "${@:2}"; do
		header "$name" "$1" | tr ' ' '\n'
	done | sort -u
}

# play_all NAME...
play_all() {
	local wanted group
	while read -r wanted <&3; do
		mapfile -t group < <(with_boot "$wanted" "$@")
		IFS='|' read -r xen_words dom0_words dom0_kernel <<< "$wanted"
		play "${group[@]}"
	done 3< <(for name in "$@"; do boot_of "$name"; done | sort -u)
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

check_machine() {
	local name
	for name in "$@"; do
		[ -e "tests/xen/scenarios/$name.sh" ] || { echo "no scenario $name" >&2; exit 2; }
		[ "$(machine_of "$name")" = "$machine" ] ||
			{ echo "$name is not for $machine: play it in a run of its own" >&2; exit 2; }
	done
}

case ${1-} in
x86 | arm64)
	machine=$1
	shift
	;;
*) machine=$(machine_of "${1-}") ;;
esac
use_machine "$machine"
work=$PWD/build/xen/$machine
mkdir -p "$(dirname "$work")"
exec 9> "$work.lock"
flock -n 9 || { echo "another run uses $work: wait for its end, or play in another clone" >&2; exit 2; }
mapfile -t names < <(chosen "$@")
check_machine "${names[@]}"
mapfile -t -O ${#guest_kernels[@]} guest_kernels < <(asked_for guest-kernel "${names[@]}")
DOM0_KERNELS=$(asked_for dom0-kernel "${names[@]}") SERVERS=$(asked_for servers "${names[@]}") \
	tests/xen/build.sh "$machine" "$work" "${guest_kernels[@]}"
play_all "${names[@]}"
summary "${names[@]}"
