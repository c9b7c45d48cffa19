# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# One boot of an emulated machine: Xen and dom0 as build.sh laid them out, the
# scenarios of its list played in dom0. Sourced by run.sh and demo.sh.

emulator=
trap '[ -z "$emulator" ] || kill "$emulator" 2> /dev/null' EXIT

# What one boot adds to the command lines of Xen and of dom0's kernel, and that kernel; none:
# the usual one.
xen_words=
dom0_words=
dom0_kernel=

# use_machine x86|arm64: the one that is booted from here on.
use_machine() {
	# shellcheck source=tests/xen/x86/machine.sh
	. "tests/xen/$1/machine.sh"
}

# fell_silent WORK STATUS: after a read from the console that failed, ends a machine
# that is still there; the log gets the state of its processor.
fell_silent() {
	if [ "$2" -gt 128 ]; then
		echo "$post_mortem" > "$1/monitor.in"
		timeout 3 cat "$1/monitor.out" > "$1/out/hung.$SECONDS"
		kill "$emulator"
	fi
	false
}

# list_scenarios WORK NAME...: what the next boot plays, each with its time limit.
list_scenarios() {
	local name
	for name in "${@:2}"; do
		echo "$name $(limit_of "$name")"
	done > "$1/share/scenarios/order"
}

# header NAME KEY: a "# key: value" line at the top of a scenario.
header() {
	sed -n "s/^# $2: //p" "tests/xen/scenarios/$1.sh"
}

limit_of() {
	local limit
	limit=$(header "$1" limit)
	echo "${limit:-300}"
}

# boot WORK [QEMU ARGUMENT...]: prints dom0's progress, each line with the seconds
# since the beginning. Fails if the machine dies or falls silent for longer than
# the scenario being played may take.
boot() {
	local console line began=$SECONDS patience=240 slack=1 ended=
	[ -p "$1/monitor.in" ] || mkfifo "$1/monitor.in" "$1/monitor.out"
	exec {console}< <(qemu "$@")
	emulator=$!
	while read -r -t "$patience" -u "$console" line || fell_silent "$1" $?; do
		line=${line//$'\r'/}
		echo "$line" >> "$1/out/console"
		case $line in
		*"LAB up "*) slack=$((1 + (SECONDS - began) / 15)) ;;
		*"LAB start "*) patience=$(($(limit_of "${line##* }") * slack + 60)) ;;
		*"LAB end"*) ended=yes ;;
		esac
		case $line in
		*"LAB "*) printf '%4d s  %s\n' $((SECONDS - began)) "${line#*LAB }" ;;
		esac
	done
	emulator=
	exec {console}<&-
	[ "$ended" ]
}
