#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench.sh [disk|net]...: dom0's instructions per request, of the daemon and of others, as
# tables; of networks system calls as well, and whether they are to their targets.
# Counted by software emulation, hence the same everywhere; see README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=build/xen/x86/out

# table PROGRAM LOG...
table() {
	awk -f tests/xen/bench-samples.awk -f tests/xen/"$1" "${@:2}"
}

bench_disk() {
	COUNT=1 tests/xen/run.sh bench
	cat <<-'END'

		Thousand instructions per request: dom0's, (the guest's), dom0's in multiples of xen-blkback's.
		cold: nothing was in dom0's page cache; 1, 2: all was, twice the same.
	END
	table bench.awk "$out"/bench-blkback/*.bench.log "$out"/bench-qemu/*.bench.log \
		"$out"/bench-grants/*.bench.log "$out"/bench-foreign/*.bench.log \
		"$out"/bench-nbd/*.bench.log
}

bench_net() {
	COUNT=1 tests/xen/run.sh bench-net
	echo
	table bench-net.awk "$out"/bench-net-*/*.bench.log
}

[ $# -gt 0 ] || set -- disk net
for part in "$@"; do
	"bench_$part"
done
