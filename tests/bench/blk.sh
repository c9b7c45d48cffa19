#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blk.sh [DIR]: what block requests cost the daemon, beside QEMU's storage daemon and
# virtio-blk-pci under the same load, as a table and as DIR/blk.svg; fails where a target is
# not met. DIR (build/bench) holds the program that measures. COUNT=3 runs of each, of which
# the median counts, MS=1000 long; all take turns, so that who else runs disturbs all alike.
# Load and server have a CPU each: whatever hogs one of them stops the run.
set -eu

here=$(dirname "$0")
dir=$(realpath "${1:-${BENCH_DIR:-$here/../../build/bench}}")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# SERVER STORE DEPTH BYTES
measure() {
	TMPDIR=$tmp timeout 120 "$dir/blk" "$@" "${MS:-1000}" >"$tmp/log" 2>&1 || {
		cat "$tmp/log"
		exit 1
	}
	grep "^$1 " "$tmp/log" >>"$tmp/costs"
}

for run in $(seq "${COUNT:-3}"); do
	echo "run $run of ${COUNT:-3}" >&2
	for store in null file; do
		for bytes in 4096 131072; do
			for depth in 1 32 64; do
				for server in foreign foreign-workers-0 grants storage-daemon virtio-blk-pci; do
					measure $server $store $depth $bytes
				done
			done
		done
	done
done

awk -f "$here/medians.awk" "$tmp/costs" >"$tmp/medians"
awk -f "$here/blk-chart.awk" "$tmp/medians" >"$dir/blk.svg"
status=0
awk -f "$here/blk-table.awk" "$tmp/medians" || status=$?
echo "as a chart: $dir/blk.svg"
exit $status
