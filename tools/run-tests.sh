#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run-tests.sh LOGDIR TEST...: run test programs and scripts side by side, one log
# each. A Check program counts with its number of checks, a script as one.
# Shows the log of what failed; ends with "N passed, N failed".
set -u

# One test: its log, and beside it a line "status passed failed seconds".
run_one() {
	log=$1/$(basename "$2").log
	begin=$(date +%s%N)
	timeout 150 "$2" >"$log" 2>&1
	status=$?
	seconds=$(awk "BEGIN { printf \"%.1f\", ($(date +%s%N) - $begin) / 1e9 }")
	count "$log" $status "$seconds" >"${log%.log}.result"
}

# Check's own summary reads "90%: Checks: 10, Failures: 1, Errors: 0". A program that
# ends badly without a failed check (a crash, a leak found at exit) is one failure.
count() {
	sed -n 's/.*Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\).*/\1 \2 \3/p' "$1" |
		awk -v status="$2" -v seconds="$3" '
			{ seen = 1; checks += $1; bad += $2 + $3 }
			END {
				if (!seen && status == 0)
					checks = 1
				if (status != 0 && bad == 0) {
					bad = 1
					checks++
				}
				print status, checks - bad, bad + 0, seconds
			}'
}

report() {
	passed=0
	failed=0
	for test in "$@"; do
		name=$(basename "$test")
		read -r status good bad seconds <"$logdir/$name.result"
		if [ "$bad" -eq 0 ]; then
			printf 'ok    %-28s %4d  %6s s\n' "$name" "$good" "$seconds"
		else
			printf 'FAIL  %-28s %4d of %d failed, exit %d\n' \
				"$name" "$bad" "$((good + bad))" "$status"
			sed 's/^/      | /' "$logdir/$name.log"
		fi
		passed=$((passed + good))
		failed=$((failed + bad))
	done
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}

if [ "$1" = --one ]; then
	run_one "$2" "$3"
	exit
fi

logdir=$1
shift
rm -rf "$logdir"
mkdir -p "$logdir"

export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
# Seconds for one check; the sanitizers are slow and the machine may be busy.
export CK_DEFAULT_TIMEOUT=30

printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 "$0" --one "$logdir"
report "$@"
