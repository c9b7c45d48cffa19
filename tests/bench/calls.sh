#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# calls.sh [DIR]: what a request costs, as one table; fails where that is more than
# its budget. DIR (build/bench) holds the program that counts. TOP=N: the N
# functions with the most instructions as well.
set -eu

here=$(dirname "$0")
dir=$(realpath "${1:-${BENCH_DIR:-$here/../../build/bench}}")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# One run under callgrind. Without workers, since valgrind lets no other thread run
# while one waits in io_uring_enter(). Guest and daemon each leave a file.
profile() {
	CK_FORK=no timeout 120 valgrind -q --tool=callgrind --compress-strings=no \
		--compress-pos=no --callgrind-out-file="$tmp/$1-$2.%p" \
		"$dir/calls" "$1" "$2" >"$tmp/$1-$2.log" 2>&1 || cat "$tmp/$1-$2.log"
}

# The file of the run's daemon.
profiled() {
	grep -l '^fn=blk_queue_handle$' "$tmp/$1-$2".*
}

# All that is not for a request is the same in a short and a long run.
instructions() {
	profile "$1" 8 && profile "$1" 72
	awk -v requests=$((64 * 32)) -v top="${TOP:-0}" -f "$here/instructions.awk" \
		"$(profiled "$1" 8)" "$(profiled "$1" 72)" >"$tmp/$1.functions"
	echo "$1 instructions $(head -n 1 "$tmp/$1.functions")" >>"$tmp/counts"
}

"$dir/calls" >"$tmp/counts" || {
	cat "$tmp/counts"
	exit 1
}
for workload in burst-grants-32-workers-0 burst-foreign-32-workers-0; do
	instructions "$workload"
done
status=0
awk -f "$here/table.awk" "$here/budgets" "$tmp/counts" || status=$?
if [ "${TOP:-0}" -gt 0 ]; then
	for workload in burst-grants-32-workers-0 burst-foreign-32-workers-0; do
		printf '\n%s, instructions for one request:\n' "$workload"
		tail -n +2 "$tmp/$workload.functions"
	done
fi
exit $status
